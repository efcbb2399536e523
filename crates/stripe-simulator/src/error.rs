//! Errors in Stripe's shape (docs.stripe.com, "Errors", "Error codes").

use serde::Serialize;
use serde_json::{Value, json};

/// A refusal of the API, as its caller sees it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{status}: {}", body.message)]
pub struct ApiError {
    /// The HTTP status.
    pub status: u16,
    /// What stands under `error` in the answer.
    pub body: Box<ErrorBody>,
    /// `Stripe-Rate-Limited-Reason`, with a 429.
    pub rate_limited_reason: Option<&'static str>,
    /// `Retry-After`, in seconds, which Stripe seldom sends.
    pub retry_after: Option<u32>,
    /// Whether the answer leaves `Stripe-Should-Retry` out.
    pub unmarked: bool,
}

/// The `error` object.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ErrorBody {
    /// `invalid_request_error`, `card_error`, `idempotency_error`, `api_error`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// A short word for programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The bank's finer word, with a card error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decline_code: Option<String>,
    /// A sentence for people.
    pub message: String,
    /// The parameter at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub param: Option<String>,
    /// Where the code is explained.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub doc_url: Option<String>,
    /// The failed charge, with a card error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charge: Option<String>,
    /// The payment as it is after the failed attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_intent: Option<Value>,
    /// The setup as it is after the failed attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub setup_intent: Option<Value>,
    /// The method that was tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_method: Option<Value>,
}

impl ApiError {
    pub(crate) fn new(status: u16, kind: &'static str, message: impl Into<String>) -> Self {
        let body = ErrorBody { kind, message: message.into(), ..ErrorBody::default() };
        Self {
            status,
            body: Box::new(body),
            rate_limited_reason: None,
            retry_after: None,
            unmarked: false,
        }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "invalid_request_error", message)
    }

    pub(crate) fn missing_param(param: &str) -> Self {
        Self::invalid(format!("Missing required param: {param}."))
            .code("parameter_missing")
            .param(param)
    }

    pub(crate) fn no_such(what: &str, id: &str, param: &str) -> Self {
        Self::new(404, "invalid_request_error", format!("No such {what}: '{id}'"))
            .code("resource_missing")
            .param(param)
    }

    /// A parameter that names an object which does not exist: 400, where the same in a path is 404.
    pub(crate) fn no_such_param(what: &str, id: &str, param: &str) -> Self {
        Self { status: 400, ..Self::no_such(what, id, param) }
    }

    pub(crate) fn code(mut self, code: &str) -> Self {
        self.body.doc_url = Some(doc_url(code));
        self.body.code = Some(code.to_owned());
        self
    }

    pub(crate) fn param(mut self, param: &str) -> Self {
        self.body.param = Some(param.to_owned());
        self
    }

    /// The word in the answer's `error.code`.
    #[must_use]
    pub fn code_str(&self) -> Option<&str> {
        self.body.code.as_deref()
    }

    /// The answer's body.
    pub(crate) fn to_json(&self) -> Value {
        json!({ "error": &*self.body })
    }
}

/// Where docs.stripe.com explains an error code.
pub(crate) fn doc_url(code: &str) -> String {
    format!("https://docs.stripe.com/error-codes/{}", code.replace('_', "-"))
}

//! Refusals of a command as problem documents: the code and the status of each error.

use std::time::Duration;

use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::error::{CommandError, RETRY_AFTER};
use crate::domain::command::RuleCode;
use crate::domain::failure::Class;
use crate::domain::kinds::payment::PaymentObserved;
use crate::domain::object::Observed;
use crate::store::command::StoredAnswer;
use crate::stripe_api::{Fetched, FetchedState, WriteRefusal};

/// A refusal, as `application/problem+json` (RFC 9457).
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// A stable word for programs.
    pub code: String,
    /// What was wrong, and what to do.
    pub detail: String,
    /// The field that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The bank's finer word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decline_code: Option<String>,
    /// The payment that exists all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_intent: Option<String>,
    /// The method that was declined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_method: Option<String>,
    /// To bring the customer back for `authentication_required`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
    /// Stripe's `Request-Id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<Uuid>,
    /// The header `Retry-After`.
    #[serde(skip)]
    #[schema(ignore)]
    pub retry_after: Option<Duration>,
}

impl Problem {
    /// A refusal with nothing but its code and detail.
    #[must_use]
    pub fn new(status: u16, code: &str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            detail: detail.into(),
            field: None,
            decline_code: None,
            payment_intent: None,
            payment_method: None,
            client_secret: None,
            request_id: None,
            command: None,
            retry_after: None,
        }
    }

    /// As it is stored, for each repetition. What is secret is not in it.
    pub(super) fn stored(&self) -> StoredAnswer {
        let body = json!(Self { client_secret: None, ..self.clone() });
        StoredAnswer { status: self.status, body }
    }

    /// What Stripe's refusal means to a client.
    pub(super) fn of_refusal(refusal: &WriteRefusal, command: Uuid) -> Self {
        let code = refusal.code.as_deref().unwrap_or_default();
        let decline = refusal.decline_code.as_deref();
        let (status, code) = match refusal.status {
            402 => {
                let word = match (code, decline) {
                    (
                        "authentication_required" | "subscription_payment_intent_requires_action",
                        _,
                    )
                    | (_, Some("authentication_required")) => "authentication_required",
                    (_, Some("insufficient_funds")) => "insufficient_funds",
                    ("expired_card", _) | (_, Some("expired_card")) => "expired_card",
                    ("incorrect_cvc", _) | (_, Some("incorrect_cvc")) => "incorrect_cvc",
                    ("processing_error", _) | (_, Some("processing_error")) => "processing_error",
                    _ => "card_declined",
                };
                (402, word)
            }
            404 => (404, "not_found"),
            _ => (400, "stripe_refused"),
        };
        let detail = refusal.message.clone().unwrap_or_else(|| "Stripe refused it.".to_owned());
        let written = refusal.payment.as_deref();
        let observed = written.and_then(|written| of_payment(&written.fetched));
        Self {
            field: refusal.param.clone(),
            decline_code: refusal.decline_code.clone(),
            payment_intent: written.map(|written| written.subject.id.as_str().to_owned()),
            payment_method: observed.and_then(|payment| payment.payment_method.clone()),
            request_id: refusal.request_id.clone(),
            command: Some(command),
            ..Self::new(status, code, detail)
        }
    }
}

fn of_payment(fetched: &Fetched) -> Option<&PaymentObserved> {
    match &fetched.state {
        FetchedState::Present { observed: Observed::PaymentIntent(payment), .. } => Some(payment),
        FetchedState::Present { .. } | FetchedState::Deleted => None,
    }
}

fn status_of(code: RuleCode) -> u16 {
    match code {
        RuleCode::AmountNotInteger
        | RuleCode::CurrencyInvalid
        | RuleCode::MetadataInvalid
        | RuleCode::DescriptorInvalid
        | RuleCode::TextTooLong
        | RuleCode::ReturnUrlNotHttps
        | RuleCode::ReturnUrlNotAllowed
        | RuleCode::ReturnUrlRequired
        | RuleCode::ParametersConflict
        | RuleCode::IdempotencyKeyInvalid
        | RuleCode::IdempotencyKeySecret
        | RuleCode::ReferenceInvalid
        | RuleCode::CardData => 400,
        RuleCode::StatusForbids | RuleCode::ReferencePaid | RuleCode::ReferenceDiffers => 409,
        RuleCode::AmountTooSmall
        | RuleCode::AmountTooLarge
        | RuleCode::AmountNotDivisible
        | RuleCode::FeeExceedsAmount
        | RuleCode::RefundExceedsLeft
        | RuleCode::CaptureExceedsCapturable
        | RuleCode::DestinationNotPayable => 422,
    }
}

impl From<&CommandError> for Problem {
    fn from(error: &CommandError) -> Self {
        let detail = error.to_string();
        match error {
            CommandError::Breach(breach) => Self {
                field: Some(breach.field.clone()),
                ..Self::new(status_of(breach.code), breach.code.as_str(), detail)
            },
            CommandError::NotFound { .. } => Self::new(404, "not_found", detail),
            CommandError::KeyReused { command } => Self {
                command: Some(*command),
                field: Some("Idempotency-Key".to_owned()),
                ..Self::new(422, "idempotency_key_reused", detail)
            },
            CommandError::InProgress { command } => Self {
                command: Some(*command),
                retry_after: Some(RETRY_AFTER),
                ..Self::new(409, "command_in_progress", detail)
            },
            CommandError::OtherCurrency { .. } => Self {
                field: Some("currency".to_owned()),
                ..Self::new(422, "currency_differs", detail)
            },
            CommandError::OverLimit { .. } => Self::new(403, "amount_limit", detail),
            CommandError::Busy => Self {
                retry_after: Some(RETRY_AFTER),
                ..Self::new(503, "busy", format!("{detail}. Repeat it with the same key."))
            },
            CommandError::Stripe(failure) => {
                let code = match failure.class {
                    Class::Misconfigured(_) => "misconfigured",
                    Class::Permanent
                    | Class::Transient
                    | Class::RateLimited { .. }
                    | Class::Unavailable(_)
                    | Class::TooEarly { .. } => "stripe_unavailable",
                };
                Self {
                    retry_after: Some(RETRY_AFTER),
                    request_id: failure.request_id.clone(),
                    ..Self::new(503, code, format!("{detail}. Repeat it with the same key."))
                }
            }
            CommandError::Store(error) if error.class() == Class::Permanent => {
                let detail = "This request could not be stored. The log of Quittance says why.";
                Self::new(500, "not_storable", detail)
            }
            CommandError::Store(_) => {
                let detail = "The database did not answer. Repeat the request with the same key.";
                let retry_after = Some(RETRY_AFTER);
                Self { retry_after, ..Self::new(503, "store_unavailable", detail) }
            }
        }
    }
}

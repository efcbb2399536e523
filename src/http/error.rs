//! Error responses of the form `{"error":{"code":"...","message":"..."}}`.
//!
//! The webhook routes do not use them: Stripe reads the status alone.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// An error response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorBody {
    status: StatusCode,
    code: &'static str,
    message: String,
}

#[derive(Serialize)]
struct Wire<'a> {
    error: Fields<'a>,
}

#[derive(Serialize)]
struct Fields<'a> {
    code: &'a str,
    message: &'a str,
}

impl ErrorBody {
    /// Creates a response. `code` is a stable word for programs, `message` a sentence for people.
    #[must_use]
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    /// 404, for a router's fallback.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "There is nothing at this path.")
    }
}

impl IntoResponse for ErrorBody {
    fn into_response(self) -> Response {
        let fields = Fields { code: self.code, message: &self.message };
        (self.status, Json(Wire { error: fields })).into_response()
    }
}

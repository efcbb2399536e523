//! Answers over HTTP.

use axum::extract::rejection::{BytesRejection, FailedToBufferBody, PathRejection, QueryRejection};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::server::MAX_BODY;
use crate::commands::{CommandError, CommandReply, Problem};

/// The answer of a path: a response, or a refusal.
pub(super) type Served = Result<Response, Failure>;

/// A refusal.
#[derive(Debug)]
pub(super) struct Failure(pub(super) Box<Problem>);

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self(Box::new(problem))
    }
}

impl Failure {
    pub(super) fn new(status: u16, code: &str, detail: &str) -> Self {
        Problem::new(status, code, detail).into()
    }
}

impl From<CommandError> for Failure {
    fn from(error: CommandError) -> Self {
        if let CommandError::Store(error) = &error {
            tracing::warn!(%error, "the database did not answer a request of the API");
        }
        Problem::from(&error).into()
    }
}

impl From<crate::commands::StoreFailure> for Failure {
    fn from(error: crate::commands::StoreFailure) -> Self {
        CommandError::Store(error).into()
    }
}

impl From<BytesRejection> for Failure {
    fn from(rejection: BytesRejection) -> Self {
        if let BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) =
            rejection
        {
            let detail = format!("The body is larger than {} KiB.", MAX_BODY / 1024);
            return Problem::new(413, "body_too_large", detail).into();
        }
        Self::new(400, "invalid_request", "The body broke off before its end.")
    }
}

impl From<PathRejection> for Failure {
    fn from(_: PathRejection) -> Self {
        let mut problem = Problem::new(400, "invalid_request", "The path is not UTF-8 text.");
        problem.field = Some("path".to_owned());
        problem.into()
    }
}

impl From<QueryRejection> for Failure {
    fn from(rejection: QueryRejection) -> Self {
        let mut problem = Problem::new(400, "invalid_request", rejection.body_text());
        problem.field = Some("query".to_owned());
        problem.into()
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self.0).unwrap_or_default();
        let mut response = respond(self.0.status, body);
        if let Some(after) = self.0.retry_after {
            let seconds = HeaderValue::from(after.as_secs().max(1));
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}

/// The answer to a command.
pub(super) struct Answered(pub(super) CommandReply);

impl IntoResponse for Answered {
    fn into_response(self) -> Response {
        let CommandReply { status, body, command, replayed, retry_after } = self.0;
        let mut response = respond(status, body.to_string().into_bytes());
        let headers = response.headers_mut();
        if let Ok(id) = HeaderValue::try_from(command.to_string()) {
            headers.insert(HeaderName::from_static("quittance-command"), id);
        }
        if replayed {
            let name = HeaderName::from_static("idempotent-replayed");
            headers.insert(name, HeaderValue::from_static("true"));
        }
        if let Some(after) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(after.as_secs().max(1)));
        }
        if status == 202
            && let Ok(url) = HeaderValue::try_from(format!("/v1/commands/{command}"))
        {
            headers.insert(header::LOCATION, url);
        }
        response
    }
}

fn respond(status: u16, body: Vec<u8>) -> Response {
    let kind = if status < 400 { "application/json" } else { "application/problem+json" };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    // A client_secret may be in it, which no cache on the way may keep.
    (status, [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-store")], body)
        .into_response()
}

//! Authentication and authorisation of requests, before anything is looked up.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};

use super::fault::wrong;
use super::refusal::{self, Refused};
use super::state::Admin;
use super::strict;
use crate::config::AdminRole;
use crate::http::Problem;
use crate::http::auth::{self, Identity, Keyring, TooManyFailures};

/// Without tokens, refuses requests whose `Host` is not a loopback name: the only protection is that no other
/// machine can connect, and a page could use a DNS name that resolves to 127.0.0.1 (DNS rebinding).
pub(super) async fn own_name(
    State(admin): State<Arc<Admin>>,
    request: Request,
    next: Next,
) -> Response {
    if admin.keyring.is_open() && !auth::is_loopback_host(request.headers()) {
        let detail = "Without tokens this server can be used as localhost or 127.0.0.1 only. \
                      `quittance admin token` makes a token.";
        return Problem::new(StatusCode::MISDIRECTED_REQUEST, "wrong_host", detail).into_response();
    }
    next.run(request).await
}

/// Pages: redirects to the sign-in page without a session, and back after the sign-in.
pub(super) async fn signed_in(
    State(admin): State<Arc<Admin>>,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(session) = admin.session(request.headers()).await else {
        let wanted = match (request.method(), request.uri().path_and_query()) {
            (&Method::GET, Some(wanted)) => wanted.as_str(),
            _ => "/",
        };
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("next", wanted)
            .finish();
        return Redirect::to(&format!("/sign-in?{query}")).into_response();
    };
    request.extensions_mut().insert(session);
    let frame = super::frame::Frame::of(&admin, &request);
    refusal::rendered(next.run(request).await, frame).await
}

/// The API: requires a bearer token, unless no tokens are configured.
pub(super) async fn bearer(
    State(admin): State<Arc<Admin>>,
    mut request: Request,
    next: Next,
) -> Response {
    let identity = match identify(&admin, &request) {
        Ok(identity) => identity,
        Err(problem) => return problem.into_response(),
    };
    if request.method() != Method::GET && request.method() != Method::HEAD {
        if identity.role < AdminRole::Operator {
            return may_only_look(&identity).into_response();
        }
        if auth::is_foreign(request.headers()) {
            let detail = "This request comes from a page of another site.";
            return Problem::new(StatusCode::FORBIDDEN, "foreign_origin", detail).into_response();
        }
    }
    request.extensions_mut().insert(identity);
    next.run(request).await
}

fn identify(admin: &Admin, request: &Request) -> Result<Identity, Problem> {
    if admin.keyring.is_open() {
        return Ok(Keyring::local());
    }
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = given.and_then(|value| value.split_once(' '));
    let token = token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let unknown = |detail: &str| {
        Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
            .with(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    };
    let Some((_, token)) = token else {
        return Err(unknown("Send a token: Authorization: Bearer qta_..."));
    };
    admin.keyring.identify(token.trim()).ok_or_else(|| {
        let address = admin.address(request);
        match admin.guard.wrong(address, Instant::now()) {
            Ok(()) => {
                tracing::warn!(%address, "a token of the API is not known");
                unknown("Unknown token.")
            }
            Err(too_many) => held(too_many),
        }
    })
}

/// Refuses a NUL in a path or a query: Postgres cannot store one in a text.
pub(super) async fn no_nul(request: Request, next: Next) -> Response {
    // In a URI it can stand in no other way.
    let is_nul = |text: &str| text.contains("%00");
    if is_nul(request.uri().path()) || request.uri().query().is_some_and(is_nul) {
        return Refused::from(wrong(strict::NUL)).into_response();
    }
    next.run(request).await
}

/// Refuses empty values in queries of the API: treated as absent, they would widen a filter. Only forms send
/// empty fields.
pub(super) async fn no_empty_values(request: Request, next: Next) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let empty = url::form_urlencoded::parse(query.as_bytes()).find(|(_, value)| value.is_empty());
    if let Some((name, _)) = empty {
        let detail = format!("`{name}` is empty: give it a value, or omit it.");
        return Problem::new(StatusCode::BAD_REQUEST, "bad_query", detail).into_response();
    }
    next.run(request).await
}

/// Requires a JSON content type: a page of another site can make a browser post to this server, but with a
/// JSON type only after a CORS preflight, which is refused.
pub(super) async fn from_a_program(request: Request, next: Next) -> Response {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let json = kind.is_some_and(|kind| kind.split(';').next() == Some("application/json"));
    if json {
        return next.run(request).await;
    }
    let detail = "Send a body with Content-Type: application/json; {} if there are no fields.";
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_json", detail).into_response()
}

/// 403 for a viewer.
pub(super) fn may_only_look(identity: &Identity) -> Problem {
    let detail = format!(
        "{} is a viewer. Changing something takes a token with the role operator.",
        identity.name
    );
    Problem::new(StatusCode::FORBIDDEN, "viewer", detail)
}

/// 429 after too many wrong tokens.
pub(super) fn held(held: TooManyFailures) -> Problem {
    let seconds = held.for_seconds;
    let detail = format!("Too many wrong tokens. Try again in {seconds} s.");
    let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_failures", detail);
    problem.with(header::RETRY_AFTER, HeaderValue::from(seconds))
}

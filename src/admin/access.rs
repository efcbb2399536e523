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

/// Without sign-in, the only protection is that no other machine can connect. A name that leads
/// to 127.0.0.1 and is not this machine's would open it from a page anywhere.
pub(super) async fn own_name(
    State(admin): State<Arc<Admin>>,
    request: Request,
    next: Next,
) -> Response {
    if admin.keyring.is_open() && !auth::is_loopback_host(request.headers()) {
        let detail = "Without tokens this server answers to localhost and 127.0.0.1 alone. \
                      `quittance admin token` makes a token.";
        return Problem::new(StatusCode::MISDIRECTED_REQUEST, "wrong_host", detail).into_response();
    }
    next.run(request).await
}

/// Pages: who is not signed in is asked to, and finds back to what they wanted to see.
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

/// The API: a bearer token, or nothing where sign-in is off.
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
            let detail = "This request comes from another site's page.";
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
                unknown("This token is not known here.")
            }
            Err(too_many) => held(too_many),
        }
    })
}

/// A NUL in a path or a query names nothing: Postgres holds none in a text.
pub(super) async fn no_nul(request: Request, next: Next) -> Response {
    // In a URI it can stand in no other way.
    let is_nul = |text: &str| text.contains("%00");
    if is_nul(request.uri().path()) || request.uri().query().is_some_and(is_nul) {
        return Refused::from(wrong(strict::NUL)).into_response();
    }
    next.run(request).await
}

/// A program leaves out what it does not ask for. An empty value is a mistake of its own, and taken for
/// nothing it would widen what it asks for; only forms send what was left empty.
pub(super) async fn no_empty_values(request: Request, next: Next) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let empty = url::form_urlencoded::parse(query.as_bytes()).find(|(_, value)| value.is_empty());
    if let Some((name, _)) = empty {
        let detail = format!("`{name}` is empty: give it a value, or leave it out.");
        return Problem::new(StatusCode::BAD_REQUEST, "bad_query", detail).into_response();
    }
    next.run(request).await
}

/// A page of another site can make a browser post to this machine, but not with a JSON type unless
/// it asks first, and it is not answered.
pub(super) async fn from_a_program(request: Request, next: Next) -> Response {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let json = kind.is_some_and(|kind| kind.split(';').next() == Some("application/json"));
    if json {
        return next.run(request).await;
    }
    let detail = "Send a body of Content-Type: application/json; {} where there is nothing to say.";
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_json", detail).into_response()
}

/// 403 for who may only look.
pub(super) fn may_only_look(identity: &Identity) -> Problem {
    let detail = format!(
        "{} is a viewer. Changing something takes a token with the role operator.",
        identity.name
    );
    Problem::new(StatusCode::FORBIDDEN, "viewer", detail)
}

/// 429 for a wrong token where too many were wrong before it.
pub(super) fn held(held: TooManyFailures) -> Problem {
    let seconds = held.for_seconds;
    let detail = format!("Too many tokens were wrong. Try again in {seconds} s.");
    let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_failures", detail);
    problem.with(header::RETRY_AFTER, HeaderValue::from(seconds))
}

//! `/sign-in` and `/sign-out`.

use std::sync::Arc;
use std::time::Instant;

use askama::Template;
use axum::body::Bytes;
use axum::extract::{FromRequest as _, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};

use super::access::held;
use super::frame::Frame;
use super::input::{Fields, Posted, from_elsewhere, own_path};
use super::pages::page;
use super::refusal::Refused;
use super::state::{Admin, now};
use crate::http::auth::COOKIE;

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn {
    frame: Frame,
    next: String,
    /// Why the last sign-in failed.
    wrong: Option<String>,
}

/// `GET /sign-in`
pub(super) async fn ask(State(admin): State<Arc<Admin>>, request: Request) -> Response {
    let query = Fields::parse(request.uri().query().unwrap_or_default().as_bytes());
    let next = own_path(query.get("next"));
    if admin.session(request.headers()).await.is_some() {
        return Redirect::to(next).into_response();
    }
    page(&SignIn { frame: Frame::of(&admin, &request), next: next.to_owned(), wrong: None })
}

/// `POST /sign-in`
pub(super) async fn begin(State(admin): State<Arc<Admin>>, request: Request) -> Response {
    let address = admin.address(&request);
    let frame = Frame::of(&admin, &request);
    let again = |status: StatusCode, next: &str, wrong: &str| {
        let page = page(&SignIn {
            frame: frame.clone(),
            next: next.to_owned(),
            wrong: Some(wrong.into()),
        });
        (status, page).into_response()
    };
    if from_elsewhere(request.headers()) {
        let wrong = "This form was sent by a page of another site. Sign in here.";
        return again(StatusCode::FORBIDDEN, "/", wrong);
    }
    let fields = match Bytes::from_request(request, &admin).await {
        Ok(body) => Fields::parse(&body),
        Err(error) => return error.into_response(),
    };
    let next = own_path(fields.get("next"));
    let Some(identity) = admin.keyring.identify(fields.get("token").unwrap_or_default()) else {
        if let Err(too_many) = admin.guard.wrong(address, Instant::now()) {
            let problem = held(too_many);
            let mut response = again(problem.status(), next, &problem.detail);
            let seconds = HeaderValue::from(too_many.for_seconds);
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
            return response;
        }
        tracing::warn!(%address, "a sign-in failed: the token is not known");
        return again(StatusCode::UNAUTHORIZED, next, "Unknown token.");
    };
    let Some(value) = admin.keyring.begin(&identity, now(), rand::random()) else {
        return again(StatusCode::UNAUTHORIZED, next, "Unknown token.");
    };
    tracing::info!(who = identity.name, role = identity.role.as_str(), %address, "signed in");
    with_cookie(Redirect::to(next).into_response(), &admin, COOKIE, &value, admin.session_seconds)
}

/// `POST /sign-out`: the session ends on all servers, for every holder of its cookie.
pub(super) async fn end(State(admin): State<Arc<Admin>>, posted: Posted) -> Response {
    let answer = match admin.end_session(&posted.session).await {
        Ok(()) => Redirect::to("/sign-in").into_response(),
        Err(problem) => Refused::from(problem).into_response(),
    };
    with_cookie(answer, &admin, COOKIE, "", 0)
}

/// Adds a cookie that scripts cannot read, other sites cannot send, and that requires TLS behind a proxy.
pub(super) fn with_cookie(
    mut response: Response,
    admin: &Admin,
    name: &str,
    value: &str,
    seconds: u64,
) -> Response {
    let secure = if admin.behind_proxy { "; Secure" } else { "" };
    let text =
        format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    match HeaderValue::from_str(&text) {
        Ok(cookie) => {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        Err(error) => tracing::error!(%error, "a cookie could not be set"),
    }
    response
}

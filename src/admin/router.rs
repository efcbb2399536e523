//! The routes, their authentication, and the headers of every response.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{any, get};

use super::state::Admin;
use super::{access, api, assets, pages, sign_in};
use crate::http::health::{self, Readiness};

/// Largest form or body: a selection of some ten thousand ids.
const MAX_BODY: usize = 1 << 20;

/// Largest form of a sign-in, which needs no session: a token and a path.
const MAX_SIGN_IN: usize = 16 << 10;

/// The routes:
/// - pages, for signed-in users
/// - `/api/v1`, for bearer tokens
/// - `/sign-in`, `/assets`, `/livez`, `/readyz`, for everyone
pub fn router(admin: Arc<Admin>) -> Router {
    // Always ready: the pages have to be served while Redis or Postgres is down.
    let health = health::router(|| true, || async { Readiness::ready() });
    let pages = pages::router()
        .route("/sign-out", axum::routing::post(sign_in::end))
        .layer(from_fn(access::no_nul))
        .layer(from_fn_with_state(Arc::clone(&admin), access::signed_in));
    // `nest` matches this path only without the slash.
    let bare = Router::new().route("/api/v1/", any(api::nothing_here));
    let bare = bare.layer(from_fn_with_state(Arc::clone(&admin), access::bearer));
    let api = api::router()
        .layer(from_fn(access::no_nul))
        .layer(from_fn(access::no_empty_values))
        .layer(from_fn_with_state(Arc::clone(&admin), access::bearer));
    Router::new()
        .route(
            "/sign-in",
            get(sign_in::ask).post(sign_in::begin).layer(DefaultBodyLimit::max(MAX_SIGN_IN)),
        )
        .route("/assets/{name}", get(assets::serve))
        .nest("/api/v1", api)
        .merge(bare)
        .merge(pages)
        .layer(from_fn_with_state(Arc::clone(&admin), access::own_name))
        .with_state(admin)
        .merge(health)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn(headers))
}

/// Nothing but our own style sheet, script and pictures; nothing inline; no other site may frame a page.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
                      connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

const ALWAYS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // Not `no-referrer`: with that, browsers send forms with `Origin: null`.
    (header::REFERRER_POLICY, "same-origin"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Adds the headers that every answer has.
async fn headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // Pages are personal and change constantly; assets set their own header.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

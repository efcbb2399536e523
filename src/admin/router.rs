//! All routes, and who gets to which.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{any, get};

use super::state::Admin;
use super::{access, api, assets, headers, pages, sign_in};
use crate::http::health::{self, Readiness};

/// Largest form or body: a selection of some ten thousand ids.
const MAX_BODY: usize = 1 << 20;

/// Largest form of a sign-in: a token, and where it leads back to. Anyone can send one.
const MAX_SIGN_IN: usize = 16 << 10;

/// The routes:
/// - pages, for who is signed in
/// - `/api/v1`, for bearer tokens
/// - `/sign-in`, `/assets`, `/livez`, `/readyz`, for everyone
pub fn router(admin: Arc<Admin>) -> Router {
    // Always ready: that something else is down is what these pages are there to show.
    let health = health::router(|| true, || async { Readiness::ready() });
    let pages = pages::router()
        .route("/sign-out", axum::routing::post(sign_in::end))
        .layer(from_fn(access::no_nul))
        .layer(from_fn_with_state(Arc::clone(&admin), access::signed_in));
    // The nest has this path without its slash alone.
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
        .layer(from_fn(headers::add))
}

//! The routes of the ingress.

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State as Shared};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;

use super::receive::receive;
use super::state::State;
use crate::http::{ErrorBody, health};

/// Name of the endpoint of `POST /webhooks/stripe`.
const DEFAULT: &str = "default";

/// Creates the routes:
/// - `POST /webhooks/stripe` and `POST /webhooks/stripe/{endpoint}`
/// - `GET /livez` and `GET /readyz`
pub fn router(state: impl Into<Arc<State>>) -> Router {
    let state = state.into();
    let probed = state.clone();
    let ready = move || {
        let probed = probed.clone();
        async move { probed.readiness().await }
    };
    Router::new()
        .route("/webhooks/stripe", post(unnamed))
        .route("/webhooks/stripe/{endpoint}", post(named))
        .with_state(state)
        .merge(health::router(|| true, ready))
        .fallback(async || ErrorBody::not_found())
}

async fn unnamed(Shared(state): Shared<Arc<State>>, request: Request) -> Response {
    receive(&state, DEFAULT, request).await.into_response()
}

async fn named(
    Shared(state): Shared<Arc<State>>,
    name: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    // A name that is not UTF-8 is not configured.
    let name = name.map(|Path(name)| name).unwrap_or_default();
    receive(&state, &name, request).await.into_response()
}

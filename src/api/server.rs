//! The server of the API: the state that all requests share, and the routes.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::get;

use super::access::{self, Known};
use super::document::document;
use super::reply::Failure;
use super::{reads, verbs};
use crate::card_data::CardDataGuard;
use crate::commands::Commands;
use crate::config;
use crate::http::auth::Guard;

/// Largest body, in bytes: parameters of a command are far smaller.
pub(super) const MAX_BODY: usize = 64 * 1024;

/// One server of the API.
pub struct Api {
    pub(super) commands: Commands,
    pub(super) tokens: Vec<Known>,
    pub(super) guard: Guard,
    pub(super) card_data: CardDataGuard,
}

impl Api {
    /// Puts it together. `card_data` looks at each text of a request.
    #[must_use]
    pub fn new(settings: &config::Api, commands: Commands, card_data: CardDataGuard) -> Self {
        Self {
            commands,
            tokens: access::known(settings),
            guard: Guard::new(Instant::now()),
            card_data,
        }
    }
}

/// All paths.
pub fn router(api: Arc<Api>) -> Router {
    let v1 = verbs::router()
        .route("/payment_intents", get(reads::find_payment))
        .route("/payment_intents/{id}", get(reads::show_payment))
        .route("/subscriptions", get(reads::find_subscription))
        .route("/subscriptions/{id}", get(reads::show_subscription))
        .route("/commands", get(reads::list_commands))
        .route("/commands/{id}", get(reads::show_command))
        .layer(from_fn_with_state(Arc::clone(&api), access::admitted))
        .route("/openapi.json", get(async || axum::Json(document())));
    Router::new()
        .nest("/v1", v1)
        .fallback(async || Failure::new(404, "not_found", "There is nothing at this path."))
        .method_not_allowed_fallback(async || {
            let detail = "This path is not made for this method: see /v1/openapi.json.";
            Failure::new(405, "method_not_allowed", detail)
        })
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(api)
}

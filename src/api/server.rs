//! What all requests share, and which path leads where.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

use super::access::{self, Known};
use super::billing;
use super::document::document;
use super::reply::Failure;
use super::routes;
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
    let v1 = Router::new()
        .route("/payment_intents", post(routes::create_payment).get(routes::find_payment))
        .route("/payment_intents/{id}", get(routes::show_payment))
        .route("/payment_intents/{id}/confirm", post(routes::confirm_payment))
        .route("/payment_intents/{id}/capture", post(routes::capture_payment))
        .route("/payment_intents/{id}/cancel", post(routes::cancel_payment))
        .route("/refunds", post(routes::create_refund))
        .route("/customers", post(routes::create_customer))
        .route("/checkout/sessions", post(routes::create_checkout))
        .route("/checkout/sessions/{id}/expire", post(routes::expire_checkout))
        .route("/setup_intents", post(routes::create_setup))
        .route("/subscriptions", post(billing::create_subscription).get(billing::find_subscription))
        .route(
            "/subscriptions/{id}",
            post(billing::update_subscription).get(billing::show_subscription),
        )
        .route("/subscriptions/{id}/cancel", post(billing::cancel_subscription))
        .route("/billing_portal/sessions", post(billing::create_portal_session))
        .route("/commands", get(routes::list_commands))
        .route("/commands/{id}", get(routes::show_command))
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

//! `/api/v1`: the verbs of [`crate::ops`] as JSON.
//!
//! A refusal is a problem document ([`Problem`]). Every path here is in the OpenAPI document, which
//! is made of these very functions; a test holds the committed copy, `docs/openapi.json`.

pub(super) mod audit;
pub(super) mod dead_letters;
pub(super) mod events;
pub(super) mod objects;
pub(super) mod operations;
pub(super) mod outbox;
pub(super) mod queue;
pub(super) mod system;

use std::sync::Arc;

use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi as _};

use super::state::Admin;
use crate::http::Problem;

/// What a verb answers.
type Answer<T> = Result<Json<T>, Problem>;

pub(super) fn router() -> Router<Arc<Admin>> {
    Router::new()
        .route("/openapi.json", get(async || Json(document())))
        .route("/outbox/destinations", get(outbox::destinations))
        .route("/outbox/dead", get(outbox::dead))
        .route("/outbox/retry", post(outbox::retry))
        .route("/dead-letters", get(dead_letters::list))
        .route("/dead-letters/groups", get(dead_letters::groups))
        .route("/dead-letters/preview", post(dead_letters::preview))
        .route("/dead-letters/dry-run", post(dead_letters::dry_run))
        .route("/dead-letters/retry", post(dead_letters::retry))
        .route("/dead-letters/discard", post(dead_letters::discard))
        .route("/dead-letters/snooze", post(dead_letters::snooze))
        .route("/dead-letters/undo", post(dead_letters::undo))
        .route("/dead-letters/{id}", get(dead_letters::show))
        .route("/operations", get(operations::list).post(operations::begin))
        .route("/operations/{id}", get(operations::show))
        .route("/operations/{id}/results", get(operations::results))
        .route("/operations/{id}/cancel", post(operations::cancel))
        .route("/operations/{id}/resume", post(operations::resume))
        .route("/events", get(events::list))
        .route("/events/{id}", get(events::show))
        .route("/events/{id}/replay", post(events::replay))
        .route("/objects", get(objects::list))
        .route("/objects/{id}", get(objects::show))
        .route("/objects/{id}/reconcile", post(objects::reconcile))
        .route("/objects/{id}/compare", post(objects::compare))
        .route("/queue", get(queue::show))
        .route("/queue/jobs", get(queue::peek))
        .route("/queue/pause", post(queue::pause))
        .route("/queue/resume", post(queue::resume))
        .route("/audit", get(audit::list))
        .route("/status", get(system::status))
        .route("/kinds", get(system::kinds))
        .route("/accounts/{id}/check", get(system::check).post(system::refresh))
        .fallback(async || {
            Problem::new(StatusCode::NOT_FOUND, "not_found", "There is nothing at this path.")
        })
        .method_not_allowed_fallback(async || {
            let detail = "This path is not made for this method: see /api/v1/openapi.json.";
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
        })
}

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Quittance",
        description = "What an operator can see and do. The same verbs as the command line's.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
        contact(),
    ),
    servers((url = "/api/v1")),
    security(("token" = [])),
    modifiers(&Bearer),
    components(schemas(Problem)),
    paths(
        dead_letters::list,
        dead_letters::groups,
        dead_letters::preview,
        dead_letters::dry_run,
        dead_letters::show,
        dead_letters::retry,
        dead_letters::discard,
        dead_letters::snooze,
        dead_letters::undo,
        operations::list,
        operations::begin,
        operations::show,
        operations::results,
        operations::cancel,
        operations::resume,
        events::list,
        events::show,
        events::replay,
        objects::list,
        objects::show,
        objects::reconcile,
        objects::compare,
        outbox::destinations,
        outbox::dead,
        outbox::retry,
        queue::show,
        queue::peek,
        queue::pause,
        queue::resume,
        audit::list,
        system::status,
        system::kinds,
        system::check,
        system::refresh,
    ),
)]
struct Document;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("A token made by `quittance admin token`."))
            .build();
        let components = document.components.get_or_insert_with(Default::default);
        components.add_security_scheme("token", SecurityScheme::Http(scheme));
    }
}

/// The OpenAPI document of the API.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

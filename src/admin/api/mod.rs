//! `/api/v1`: [`crate::ops`] as JSON.
//!
//! Errors are problem documents ([`Problem`]). The OpenAPI document is generated from these functions; a
//! test compares it with the committed copy, `docs/openapi.json`.

pub(super) mod audit;
pub(super) mod completeness;
pub(super) mod dead_letters;
pub(super) mod events;
pub(super) mod objects;
pub(super) mod operations;
pub(super) mod outbox;
pub(super) mod queue;
pub(super) mod system;

use std::sync::Arc;

use axum::handler::Handler;
use axum::http::StatusCode;
use axum::middleware::from_fn;
use axum::routing::{MethodRouter, get, post};
use axum::{Json, Router};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Content, Ref, RefOr, ResponseBuilder, Schema};
use utoipa::{Modify, OpenApi as _};

use super::access;
use super::state::Admin;
use crate::http::Problem;

/// The answer of an action.
type Answer<T> = Result<Json<T>, Problem>;

pub(super) fn router() -> Router<Arc<Admin>> {
    Router::new()
        .route("/openapi.json", get(async || Json(document())))
        .route("/outbox/destinations", get(outbox::destinations))
        .route("/outbox/dead", get(outbox::dead))
        .route("/outbox/retry", changing(outbox::retry))
        .route("/outbox/remove", changing(outbox::remove))
        .route("/dead-letters", get(dead_letters::list))
        .route("/dead-letters/groups", get(dead_letters::groups))
        .route("/dead-letters/preview", changing(dead_letters::preview))
        .route("/dead-letters/dry-run", changing(dead_letters::dry_run))
        .route("/dead-letters/retry", changing(dead_letters::retry))
        .route("/dead-letters/discard", changing(dead_letters::discard))
        .route("/dead-letters/snooze", changing(dead_letters::snooze))
        .route("/dead-letters/undo", changing(dead_letters::undo))
        .route("/dead-letters/{id}", get(dead_letters::show))
        .route("/operations", get(operations::list).merge(changing(operations::begin)))
        .route("/operations/{id}", get(operations::show))
        .route("/operations/{id}/results", get(operations::results))
        .route("/operations/{id}/lines", get(operations::lines))
        .route("/operations/{id}/report", get(operations::report))
        .route("/operations/{id}/cancel", changing(operations::cancel))
        .route("/operations/{id}/resume", changing(operations::resume))
        .route("/events", get(events::list))
        .route("/events/{id}", get(events::show))
        .route("/events/{id}/replay", changing(events::replay))
        .route("/objects", get(objects::list))
        .route("/objects/{id}", get(objects::show))
        .route("/objects/{id}/reconcile", changing(objects::reconcile))
        .route("/objects/{id}/compare", changing(objects::compare))
        .route("/queue", get(queue::show))
        .route("/queue/jobs", get(queue::peek))
        .route("/queue/pause", changing(queue::pause))
        .route("/queue/resume", changing(queue::resume))
        .route("/queue/acknowledge-loss", changing(queue::acknowledge_loss))
        .route("/audit", get(audit::list))
        .route("/certificates", get(completeness::certificates))
        .route("/duties", get(completeness::duties))
        .route("/duties/{id}/run", changing(completeness::run_duty))
        .route("/status", get(system::status))
        .route("/kinds", get(system::kinds))
        .route("/accounts/{id}/check", get(system::check).merge(changing(system::refresh)))
        .fallback(nothing_here)
        .method_not_allowed_fallback(async || {
            let detail = "This path does not support this method: see /api/v1/openapi.json.";
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
        })
}

/// A route that makes changes or calls Stripe, and that a page of another site must not be able to call. The
/// layer is on the method, so that a wrong method still gets its 405.
fn changing<H, T>(verb: H) -> MethodRouter<Arc<Admin>>
where
    H: Handler<T, Arc<Admin>>,
    T: 'static,
{
    post(verb).route_layer(from_fn(access::from_a_program))
}

pub(super) async fn nothing_here() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not_found", "There is nothing at this path.")
}

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Quittance",
        description = "Read the state of Quittance and act on it. The same actions as on the command line.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
        contact(),
    ),
    servers((url = "/api/v1")),
    security(("token" = [])),
    modifiers(&Bearer, &Refusals, &Ids),
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
        operations::lines,
        operations::report,
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
        outbox::remove,
        queue::show,
        queue::peek,
        queue::pause,
        queue::resume,
        queue::acknowledge_loss,
        audit::list,
        completeness::certificates,
        completeness::duties,
        completeness::run_duty,
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

/// Adds the error responses, which have one shape, to every operation.
struct Refusals;

impl Modify for Refusals {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let calls = document.paths.paths.values_mut().flat_map(|item| {
            [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch]
        });
        for call in calls.flatten() {
            for (status, what) in [
                ("401", "The token is missing or unknown."),
                ("default", "An error: see `code` and `detail`."),
            ] {
                let problem = Content::new(Some(Ref::from_schema_name("Problem")));
                let response = ResponseBuilder::new()
                    .description(what)
                    .content("application/problem+json", problem)
                    .build();
                call.responses.responses.insert(status.to_owned(), response.into());
            }
        }
    }
}

/// Ids begin at 1.
struct Ids;

impl Modify for Ids {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_with(Default::default);
        for name in ["DeadLetterId", "OperationId"] {
            if let Some(RefOr::T(Schema::Object(id))) = components.schemas.get_mut(name) {
                id.minimum = Some(1.into());
            }
        }
    }
}

/// The OpenAPI document of the API.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

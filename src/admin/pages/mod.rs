//! The operators' pages.

mod accounts;
mod acts;
mod audit;
mod commands;
mod completeness;
mod dead_letters;
mod events;
mod find;
mod kinds;
mod objects;
mod operations;
mod outbox;
mod overview;
mod payments;
mod queue;
mod theme;

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::{get, post};

use super::refusal::Refused;
use super::state::Admin;
use super::view;
use crate::http::Problem;
use crate::ops::types::{Attempt, AuditRow};

/// The routes of the pages, which need a session.
pub(super) fn router() -> Router<Arc<Admin>> {
    Router::new()
        .route("/", get(overview::show))
        .route("/dead-letters", get(dead_letters::groups))
        .route("/dead-letters/list", get(dead_letters::list))
        .route("/dead-letters/act", post(acts::act))
        .route("/dead-letters/bulk", get(acts::preview).post(acts::begin))
        .route("/dead-letters/dry-run", post(acts::dry_run))
        .route("/dead-letters/{id}", get(dead_letters::show))
        .route("/operations", get(operations::list))
        .route("/operations/{id}", get(operations::show))
        .route("/operations/{id}/cancel", post(operations::cancel))
        .route("/operations/{id}/resume", post(operations::resume))
        .route("/completeness", get(completeness::show))
        .route("/duties/{id}/run", post(completeness::run_duty))
        .route("/queue", get(queue::show))
        .route("/queue/pause", post(queue::pause))
        .route("/queue/resume", post(queue::resume))
        .route("/queue/acknowledge-loss", post(queue::acknowledge_loss))
        .route("/outbox", get(outbox::show))
        .route("/outbox/retry", post(outbox::retry))
        .route("/outbox/remove", post(outbox::remove))
        .route("/commands", get(commands::list))
        .route("/commands/{id}", get(commands::show))
        .route("/commands/{id}/retry", post(commands::retry))
        .route("/commands/{id}/abandon", post(commands::abandon))
        .route("/payments/{id}/{act}", get(payments::ask).post(payments::act))
        .route("/audit", get(audit::list))
        .route("/accounts", get(accounts::show).post(accounts::refresh))
        .route("/find", get(find::find))
        .route("/events", get(events::list))
        .route("/events/{id}", get(events::show))
        .route("/events/{id}/replay", post(events::replay))
        .route("/objects", get(objects::list))
        .route("/objects/{id}", get(objects::show))
        .route("/objects/{id}/reconcile", post(objects::reconcile))
        .route("/objects/{id}/compare", post(objects::compare))
        .route("/kinds", get(kinds::show))
        .route("/theme", post(theme::switch))
        .fallback(nothing_here)
}

async fn nothing_here() -> Refused {
    Problem::new(StatusCode::NOT_FOUND, "not_found", "There is no such page.").into()
}

/// The attempts at something, as a table.
#[derive(Template)]
#[template(path = "attempts.html")]
struct Attempts<'a> {
    all: &'a [Attempt],
}

impl askama::filters::HtmlSafe for Attempts<'_> {}

fn attempts(all: &[Attempt]) -> Attempts<'_> {
    Attempts { all }
}

/// Manual actions, as a table.
#[derive(Template)]
#[template(path = "acts.html")]
pub(super) struct Acts<'a> {
    all: &'a [AuditRow],
}

impl askama::filters::HtmlSafe for Acts<'_> {}

fn manual_actions(all: &[AuditRow]) -> Acts<'_> {
    Acts { all }
}

/// A page that has been filled in.
pub(super) fn page(template: &impl Template) -> Response {
    match template.render() {
        Ok(text) => Html(text).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

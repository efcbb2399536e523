//! The pages, a file for each thing that is looked at.

mod accounts;
mod audit;
mod events;
mod find;
mod kinds;
mod objects;
mod outbox;
mod overview;
mod queue;
mod theme;

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::{get, post};

use super::frame::Frame;
use super::refusal::Refused;
use super::state::Admin;
use super::view;
use crate::http::Problem;
use crate::ops::terms::{AuditRow, ObjectAttempt};

/// All of them, for who is signed in.
pub(super) fn router() -> Router<Arc<Admin>> {
    Router::new()
        .route("/", get(overview::show))
        .route("/queue", get(queue::show))
        .route("/queue/pause", post(queue::pause))
        .route("/queue/resume", post(queue::resume))
        .route("/outbox", get(outbox::show))
        .route("/outbox/retry", post(outbox::retry))
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

/// A refusal, for a person.
#[derive(Template)]
#[template(path = "problem.html")]
pub(super) struct ProblemPage {
    pub(super) frame: Frame,
    pub(super) problem: Problem,
}

/// The attempts at something, as a table.
#[derive(Template)]
#[template(path = "attempts.html")]
struct Attempts<'a> {
    all: &'a [ObjectAttempt],
}

impl askama::filters::HtmlSafe for Attempts<'_> {}

fn attempts(all: &[ObjectAttempt]) -> Attempts<'_> {
    Attempts { all }
}

/// What people did about something, as a table.
#[derive(Template)]
#[template(path = "acts.html")]
struct Acts<'a> {
    all: &'a [AuditRow],
}

impl askama::filters::HtmlSafe for Acts<'_> {}

fn acts(all: &[AuditRow]) -> Acts<'_> {
    Acts { all }
}

/// A page that has been filled in.
pub(super) fn page(template: &impl Template) -> Response {
    match template.render() {
        Ok(text) => Html(text).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

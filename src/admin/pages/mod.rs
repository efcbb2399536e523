//! The pages, a file for each thing that is looked at.

mod kinds;
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
use crate::http::Problem;

/// All of them, for who is signed in.
pub(super) fn router() -> Router<Arc<Admin>> {
    Router::new()
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

//! `/operations`: progress of bulk operations.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};

use super::page;
use crate::admin::api::operations::{
    LinePage, OperationPage, OperationQuery, ResultPage, ResultQuery, cancelled, lines_of, listed,
    operation_id, report_of, results_of, resumed, shown,
};
use crate::admin::frame::Frame;
use crate::admin::input::{Asked, Changing, Fields};
use crate::admin::refusal::Refused;
use crate::admin::state::Admin;
use crate::admin::view;
use crate::backfill::Report;
use crate::ops::types::{Actor, Operation, OperationState, OperationVerb, Selection, StoredLine};

#[derive(Template)]
#[template(path = "operations.html")]
struct List {
    frame: Frame,
    given: Fields,
    found: OperationPage,
}

pub(super) async fn list(
    State(admin): State<Arc<Admin>>,
    frame: Frame,
    asked: Asked<OperationQuery>,
) -> Result<Response, Refused> {
    let found = listed(&admin, &asked.query).await?;
    Ok(page(&List { frame, given: asked.given, found }))
}

#[derive(Template)]
#[template(path = "operation.html")]
struct One {
    frame: Frame,
    it: Operation,
    query: ResultQuery,
    given: Fields,
    results: ResultPage,
    /// Of a bulk refund, instead of the results.
    lines: LinePage,
    /// Of a backfill, instead of the results.
    report: Option<Report>,
}

impl One {
    fn is_running(&self) -> bool {
        self.it.state == OperationState::Running
    }

    /// Also when it is done: what it put back may wait in the queue.
    fn can_cancel(&self) -> bool {
        self.is_running()
            || self.it.dead_letters.is_some_and(|dead_letters| dead_letters.retrying > 0)
    }

    fn is_refund(&self) -> bool {
        self.it.verb == OperationVerb::Refund
    }

    fn can_resume(&self) -> bool {
        matches!(self.it.state, OperationState::Interrupted | OperationState::Cancelled)
    }
}

pub(super) async fn show(
    State(admin): State<Arc<Admin>>,
    frame: Frame,
    Path(id): Path<String>,
    asked: Asked<ResultQuery>,
) -> Result<Response, Refused> {
    let Asked { query, given } = asked;
    let it = shown(&admin, operation_id(&id)?).await?;
    let results = results_of(&admin, &it, &query).await?;
    let lines = lines_of(&admin, &it, &query).await?;
    let report = report_of(&admin, &it).await?;
    Ok(page(&One { frame, it, query, given, results, lines, report }))
}

/// Outcome of a line, in a word.
fn outcome(line: &StoredLine) -> &'static str {
    match line.ok {
        Some(true) => "done",
        Some(false) => "failed",
        None if line.result.is_some() => "open",
        None => "waiting",
    }
}

/// The selection in words.
fn words(selection: &Selection) -> String {
    if let Selection::Backfill(selection) = selection {
        return selection.to_string();
    }
    let fields = serde_json::to_value(selection).unwrap_or_default();
    let fields = fields.as_object().into_iter().flatten();
    let words = fields.map(|(name, value)| format!("{} {}", view::words(name), view::plain(value)));
    words.collect::<Vec<_>>().join(" · ")
}

pub(super) async fn cancel(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<String>,
    form: Changing,
) -> Result<Response, Refused> {
    let actor = Actor { name: &form.who, reason: form.fields.get("reason") };
    let it = cancelled(&admin, operation_id(&id)?, actor).await?;
    Ok(Redirect::to(&format!("/operations/{}", it.id)).into_response())
}

pub(super) async fn resume(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<String>,
    form: Changing,
) -> Result<Response, Refused> {
    let actor = Actor { name: &form.who, reason: form.fields.get("reason") };
    let it = resumed(&admin, operation_id(&id)?, actor).await?;
    Ok(Redirect::to(&format!("/operations/{}", it.id)).into_response())
}

//! Bulk operations on dead letters: begin, show, cancel, resume.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};

use super::Answer;
use super::dead_letters::{dead_letter_id, goes_with};
use super::objects::ReasonBody;
use crate::admin::fault::{conflict, missing, postgres, wrong};
use crate::admin::input::{Asked, Body, limit};
use crate::admin::state::Admin;
use crate::backfill::{self, BackfillError, Report};
use crate::http::Problem;
use crate::http::auth::Identity;
use crate::ops::operations::{self, Agreed, Request, ResultOfOne};
use crate::ops::types::{
    Act, ActWord, Actor, Cancelling, DeadLetterId, Filter, Operation, OperationId, OperationVerb,
    Selection, StoredLine,
};

/// A bulk operation.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct BeginBody {
    /// The action.
    pub(in crate::admin) verb: ActWord,
    /// The filter of the dead letters. Default state: open; for an undo: discarded.
    #[serde(default)]
    pub(in crate::admin) selection: Filter,
    /// The count of the preview. If the number has changed since, the operation is refused.
    pub(in crate::admin) count: i64,
    /// The `upto` of the preview: dead letters with a higher id are not included.
    #[serde(default)]
    pub(in crate::admin) upto: Option<DeadLetterId>,
    /// Reason, stored in the audit log. Required for a discard.
    #[serde(default)]
    pub(in crate::admin) reason: Option<String>,
    /// Retry only: spread the retries evenly over this many milliseconds; 0 retries all at once. Default: 20
    /// per second, so that live events are not delayed.
    #[serde(default)]
    #[schema(maximum = 86_400_000)]
    pub(in crate::admin) over_ms: Option<u64>,
    /// Snooze only: the end of the snooze.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub(in crate::admin) until: Option<OffsetDateTime>,
}

/// Begin a bulk operation. It runs in the background in this server; poll it by its id.
#[utoipa::path(post, path = "/operations", tag = "operations", request_body = BeginBody,
    responses((status = 200, body = Operation)))]
pub(super) async fn begin(
    State(admin): State<Arc<Admin>>,
    Extension(who): Extension<Identity>,
    Body(body): Body<BeginBody>,
) -> Answer<Operation> {
    Ok(Json(begun(&admin, &who.name, &body).await?))
}

pub(in crate::admin) async fn begun(
    admin: &Admin,
    who: &str,
    body: &BeginBody,
) -> Result<Operation, Problem> {
    goes_with(body.verb, body.over_ms, body.until)?;
    let act = match body.verb {
        ActWord::Retry => Act::Retry,
        ActWord::Discard => Act::Discard,
        ActWord::Snooze => Act::Snooze {
            until: body
                .until
                .ok_or_else(|| wrong("A snooze needs `until`, the time when it ends."))?,
        },
        ActWord::Undo => Act::Undo,
    };
    let request = Request {
        act,
        selection: &body.selection,
        over: body.over_ms.map(Duration::from_millis),
        agreed: Some(Agreed { count: body.count, upto: body.upto }),
        actor: Actor { name: who, reason: body.reason.as_deref() },
    };
    let running = operations::begin(&admin.context.store, &request).await?;
    let operation = running.operation.clone();
    admin.run(running);
    Ok(operation)
}

/// The page of a list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(in crate::admin) struct OperationQuery {
    /// Only operations with a lower id: the next page.
    #[param(minimum = 1)]
    pub(in crate::admin) before: Option<i64>,
    /// Maximum number of results, 1 to 1000; 50 by default.
    #[param(minimum = 1, maximum = 1000)]
    pub(in crate::admin) limit: Option<u32>,
}

/// A page of operations.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(in crate::admin) struct OperationPage {
    /// Newest first.
    pub(in crate::admin) operations: Vec<Operation>,
    /// The `before` of the next page; null on the last page.
    pub(in crate::admin) next: Option<OperationId>,
}

/// List operations, newest first.
#[utoipa::path(get, path = "/operations", tag = "operations", params(OperationQuery),
    responses((status = 200, body = OperationPage)))]
pub(super) async fn list(
    State(admin): State<Arc<Admin>>,
    asked: Asked<OperationQuery>,
) -> Answer<OperationPage> {
    Ok(Json(listed(&admin, &asked.query).await?))
}

pub(in crate::admin) async fn listed(
    admin: &Admin,
    query: &OperationQuery,
) -> Result<OperationPage, Problem> {
    let limit = limit(query.limit)?;
    let before = query.before.map(|id| operation_id(&id.to_string())).transpose()?;
    let found = operations::list(&admin.context.store, before, limit.saturating_add(1)).await;
    let mut operations = found.map_err(postgres)?;
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = operations.len() > most;
    operations.truncate(most);
    let next = operations.last().filter(|_| more).map(|it| it.id);
    Ok(OperationPage { operations, next })
}

pub(in crate::admin) fn operation_id(text: &str) -> Result<OperationId, Problem> {
    text.parse().map_err(|error| wrong(format!("`{text}`: {error}")))
}

/// Show one operation: its progress, actor and reason.
#[utoipa::path(get, path = "/operations/{id}", tag = "operations", params(("id" = i64, Path, minimum = 1)),
    responses((status = 200, body = Operation)))]
pub(super) async fn show(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<String>,
) -> Answer<Operation> {
    Ok(Json(shown(&admin, operation_id(&id)?).await?))
}

pub(in crate::admin) async fn shown(admin: &Admin, id: OperationId) -> Result<Operation, Problem> {
    let shown = operations::show(&admin.context.store, id).await.map_err(postgres)?;
    shown.ok_or_else(|| missing(format!("There is no operation {id}.")))
}

/// Filter of the results.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(in crate::admin) struct ResultQuery {
    /// Only dead letters or lines that failed.
    pub(in crate::admin) only_failed: bool,
    /// Only dead letters or lines after this one: the next page.
    #[param(minimum = 1)]
    pub(in crate::admin) after: Option<i64>,
    /// Maximum number of results, 1 to 1000; 50 by default.
    #[param(minimum = 1, maximum = 1000)]
    pub(in crate::admin) limit: Option<u32>,
}

/// The results of an operation.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(in crate::admin) struct ResultPage {
    /// Ordered by the id of the dead letter.
    pub(in crate::admin) results: Vec<ResultOfOne>,
    /// The `after` of the next page; null on the last page, which may still grow.
    pub(in crate::admin) next: Option<DeadLetterId>,
}

/// Show the result of an operation for each dead letter.
#[utoipa::path(get, path = "/operations/{id}/results", tag = "operations",
    params(("id" = i64, Path, minimum = 1), ResultQuery),
    responses((status = 200, body = ResultPage)))]
pub(super) async fn results(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<String>,
    asked: Asked<ResultQuery>,
) -> Answer<ResultPage> {
    let operation = shown(&admin, operation_id(&id)?).await?;
    Ok(Json(results_of(&admin, &operation, &asked.query).await?))
}

pub(in crate::admin) async fn results_of(
    admin: &Admin,
    operation: &Operation,
    query: &ResultQuery,
) -> Result<ResultPage, Problem> {
    let limit = limit(query.limit)?;
    let after = query.after.map(|id| dead_letter_id(&id.to_string())).transpose()?;
    let (store, most) = (&admin.context.store, limit.saturating_add(1));
    let found = operations::results(store, operation, query.only_failed, after, most).await;
    let mut results = found.map_err(postgres)?;
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = results.len() > most;
    results.truncate(most);
    let next = results.last().filter(|_| more).map(|it| it.result.id);
    Ok(ResultPage { results, next })
}

/// The lines of a bulk refund.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(in crate::admin) struct LinePage {
    /// In the order of the file.
    pub(in crate::admin) lines: Vec<StoredLine>,
    /// Where the next page begins: its `after`; null when this is the last one.
    pub(in crate::admin) next: Option<i32>,
}

/// Show the lines of a bulk refund, with what came of each. None of an operation on dead letters.
#[utoipa::path(get, path = "/operations/{id}/lines", tag = "operations",
    params(("id" = i64, Path, minimum = 1), ResultQuery),
    responses((status = 200, body = LinePage)))]
pub(super) async fn lines(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<String>,
    asked: Asked<ResultQuery>,
) -> Answer<LinePage> {
    let operation = shown(&admin, operation_id(&id)?).await?;
    Ok(Json(lines_of(&admin, &operation, &asked.query).await?))
}

pub(in crate::admin) async fn lines_of(
    admin: &Admin,
    operation: &Operation,
    query: &ResultQuery,
) -> Result<LinePage, Problem> {
    let limit = limit(query.limit)?;
    let after = query.after.map(i32::try_from).transpose();
    let after = after.map_err(|_| wrong("`after` is no line of a file."))?;
    let (store, most) = (&admin.context.store, limit.saturating_add(1));
    let found = operations::lines(store, operation, query.only_failed, after, most).await;
    let mut lines = found.map_err(postgres)?;
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = lines.len() > most;
    lines.truncate(most);
    let next = lines.last().filter(|_| more).map(|it| it.line);
    Ok(LinePage { lines, next })
}

/// Show what a backfill has read, by object type, and what it cannot read.
#[utoipa::path(get, path = "/operations/{id}/report", tag = "operations",
    params(("id" = i64, Path, minimum = 1)),
    responses((status = 200, body = Report)))]
pub(super) async fn report(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<String>,
) -> Answer<Report> {
    let operation = shown(&admin, operation_id(&id)?).await?;
    let found = report_of(&admin, &operation).await?;
    let none = || missing(format!("Operation {} is no backfill.", operation.id));
    Ok(Json(found.ok_or_else(none)?))
}

/// What a backfill has read; none of another operation.
pub(in crate::admin) async fn report_of(
    admin: &Admin,
    operation: &Operation,
) -> Result<Option<Report>, Problem> {
    let Selection::Backfill(selection) = &operation.selection else { return Ok(None) };
    let found = backfill::report(&admin.context.store, operation.id, selection).await;
    found.map(Some).map_err(postgres)
}

/// Cancel an operation, whichever process runs it.
///
/// Its state is `running`, with `cancel_requested`, until its retries are taken back from the queue, and then
/// `cancelled`.
#[utoipa::path(post, path = "/operations/{id}/cancel", tag = "operations",
    params(("id" = i64, Path, minimum = 1)), request_body = ReasonBody,
    responses((status = 200, body = Operation)))]
pub(super) async fn cancel(
    State(admin): State<Arc<Admin>>,
    Extension(who): Extension<Identity>,
    Path(id): Path<String>,
    Body(body): Body<ReasonBody>,
) -> Answer<Operation> {
    let actor = Actor { name: &who.name, reason: body.reason.as_deref() };
    Ok(Json(cancelled(&admin, operation_id(&id)?, actor).await?))
}

pub(in crate::admin) async fn cancelled(
    admin: &Admin,
    id: OperationId,
    actor: Actor<'_>,
) -> Result<Operation, Problem> {
    let cancelled = operations::cancel(&admin.context.store, id, actor).await.map_err(postgres)?;
    let cancelling = cancelled.ok_or_else(|| {
        let detail = format!(
            "There is no operation {id}, or it has ended and none of its retries are in the queue."
        );
        conflict("not_running", detail)
    })?;
    let operation = cancelling.operation().clone();
    match cancelling {
        Cancelling::ByItsRunner(_) => {}
        Cancelling::ByCaller(running) => admin.run(running),
    }
    Ok(operation)
}

/// Continue an operation that was interrupted or cancelled.
#[utoipa::path(post, path = "/operations/{id}/resume", tag = "operations",
    params(("id" = i64, Path, minimum = 1)), request_body = ReasonBody,
    responses((status = 200, body = Operation)))]
pub(super) async fn resume(
    State(admin): State<Arc<Admin>>,
    Extension(who): Extension<Identity>,
    Path(id): Path<String>,
    Body(body): Body<ReasonBody>,
) -> Answer<Operation> {
    let actor = Actor { name: &who.name, reason: body.reason.as_deref() };
    Ok(Json(resumed(&admin, operation_id(&id)?, actor).await?))
}

pub(in crate::admin) async fn resumed(
    admin: &Admin,
    id: OperationId,
    actor: Actor<'_>,
) -> Result<Operation, Problem> {
    if !admin.acts() && shown(admin, id).await?.verb == OperationVerb::Refund {
        let detail = "This server has no stripe.write_key, so it refunds nothing: \
                      `quittance operations resume` does.";
        return Err(conflict("no_write_key", detail.to_owned()));
    }
    let running = if shown(admin, id).await?.verb == OperationVerb::Backfill {
        let backfill = admin.backfill.as_ref().ok_or_else(|| {
            let detail = "This server has no stripe.secret_key, so it reads nothing: \
                          `quittance operations resume` does.";
            conflict("no_key", detail.to_owned())
        })?;
        match backfill.resume(id, actor).await {
            Ok(running) => running,
            Err(BackfillError::Store(error)) => return Err(postgres(error)),
            Err(error) => return Err(conflict("not_resumable", error.to_string())),
        }
    } else {
        operations::resume(&admin.context.store, id, actor).await.map_err(postgres)?
    };
    let running = running.ok_or_else(|| {
        let detail = format!("There is no operation {id}, it is done, or another process runs it.");
        conflict("not_resumable", detail)
    })?;
    let operation = running.operation.clone();
    admin.run(running);
    Ok(operation)
}

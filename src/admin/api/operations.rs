//! Bulk acts: begun, watched, cancelled, resumed.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};

use super::Answer;
use super::dead_letters::{goes_with, letter_id};
use super::objects::ReasonBody;
use crate::admin::fault::{conflict, missing, postgres, wrong};
use crate::admin::input::{Asked, Body, limit};
use crate::admin::state::Admin;
use crate::http::Problem;
use crate::http::auth::Identity;
use crate::ops::operations::{self, Agreed, Request, ResultOfOne};
use crate::ops::types::{
    Act, ActWord, Actor, Cancelling, DeadLetterId, Filter, Operation, OperationId, OperationVerb,
    StoredLine,
};

/// A bulk act.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct BeginBody {
    /// What to do.
    pub(in crate::admin) verb: ActWord,
    /// To which letters. Without a state: open ones, for an undo discarded ones.
    #[serde(default)]
    pub(in crate::admin) selection: Filter,
    /// How many they are, as the preview said. If it is another number by now, nothing is done.
    pub(in crate::admin) count: i64,
    /// The newest of them, as the preview said: later ones do not join.
    #[serde(default)]
    pub(in crate::admin) upto: Option<DeadLetterId>,
    /// Reason, stored in the audit log. A discard needs it.
    #[serde(default)]
    pub(in crate::admin) reason: Option<String>,
    /// Of a retry: over how long to spread it, in milliseconds; 0 for all at once. Without it 20 a
    /// second go, which leaves room for live events.
    #[serde(default)]
    #[schema(maximum = 86_400_000)]
    pub(in crate::admin) over_ms: Option<u64>,
    /// Of a snooze: until when.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub(in crate::admin) until: Option<OffsetDateTime>,
}

/// Begin a bulk act. It runs in this server; watch it by its number.
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
            until: body.until.ok_or_else(|| wrong("A snooze needs `until`: when it ends."))?,
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

/// Which page.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(in crate::admin) struct OperationQuery {
    /// Only operations before this one: the next page.
    #[param(minimum = 1)]
    pub(in crate::admin) before: Option<i64>,
    /// How many, 1 to 1000.
    #[param(minimum = 1, maximum = 1000)]
    pub(in crate::admin) limit: Option<u32>,
}

/// A page of operations.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(in crate::admin) struct OperationPage {
    /// Newest first.
    pub(in crate::admin) operations: Vec<Operation>,
    /// Where the next page begins: its `before`; null when this is the last one.
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

/// Show one: how far it is, who asked for it and why.
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

/// Which results.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(in crate::admin) struct ResultQuery {
    /// Only letters to which it could not be done, or lines that were refused.
    pub(in crate::admin) only_failed: bool,
    /// Only letters or lines after this one: the next page.
    #[param(minimum = 1)]
    pub(in crate::admin) after: Option<i64>,
    /// How many, 1 to 1000.
    #[param(minimum = 1, maximum = 1000)]
    pub(in crate::admin) limit: Option<u32>,
}

/// What an operation did to each letter.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(in crate::admin) struct ResultPage {
    /// In the order of the letters.
    pub(in crate::admin) results: Vec<ResultOfOne>,
    /// Where the next page begins: its `after`; null when this is the last one, so far.
    pub(in crate::admin) next: Option<DeadLetterId>,
}

/// Show what an operation did to each letter.
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
    let after = query.after.map(|id| letter_id(&id.to_string())).transpose()?;
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

/// Cancel an operation, whichever process runs it.
///
/// It is `cancelled` when what a retry has put into the
/// queue is taken back; until then it is `running`, with `cancel_requested`.
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
        let detail = format!("There is no operation {id}, or nothing of it is left to cancel.");
        conflict("not_running", detail)
    })?;
    let operation = cancelling.operation().clone();
    match cancelling {
        Cancelling::ByItsRunner(_) => {}
        Cancelling::ByCaller(running) => admin.run(running),
    }
    Ok(operation)
}

/// Go on with an operation that was interrupted or cancelled, where it was.
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
    let running = operations::resume(&admin.context.store, id, actor).await.map_err(postgres)?;
    let running = running.ok_or_else(|| {
        let detail = format!("There is no operation {id}, it is done, or another process runs it.");
        conflict("not_resumable", detail)
    })?;
    let operation = running.operation.clone();
    admin.run(running);
    Ok(operation)
}

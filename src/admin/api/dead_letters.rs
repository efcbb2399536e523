//! Dead letters, and actions on those that are named by id.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};

use super::Answer;
use crate::admin::fault::{missing, no_key, postgres, wrong};
use crate::admin::input::{Asked, Body, Raw, limit, read};
use crate::admin::selection;
use crate::admin::state::Admin;
use crate::http::Problem;
use crate::http::auth::Identity;
use crate::ops::dead_letters::{self, DeadLetterResult, DryRuns, Shown};
use crate::ops::operations::{self, Preview};
use crate::ops::types::{ActWord, Actor, DeadLetter, DeadLetterId, Filter, Groups};

/// Count dead letters by cause and event type, the largest group first.
#[utoipa::path(get, path = "/dead-letters/groups", tag = "dead letters", params(Filter),
    responses((status = 200, body = Groups)))]
pub(super) async fn groups(State(admin): State<Arc<Admin>>, Raw(given): Raw) -> Answer<Groups> {
    let filter = selection::filter(&given, &[])?;
    Ok(Json(dead_letters::groups(&admin.context.store, &filter).await.map_err(postgres)?))
}

/// The page of a list.
#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(in crate::admin) struct PageQuery {
    /// Only dead letters with a lower id: the next page.
    #[param(minimum = 1)]
    pub(in crate::admin) before: Option<i64>,
    /// Maximum number of results, 1 to 1000; 50 by default.
    #[param(minimum = 1, maximum = 1000)]
    pub(in crate::admin) limit: Option<u32>,
}

/// A page of dead letters.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(in crate::admin) struct DeadLetterPage {
    /// Without their payloads, newest first.
    pub(in crate::admin) dead_letters: Vec<DeadLetter>,
    /// The `before` of the next page; null on the last page.
    pub(in crate::admin) next: Option<DeadLetterId>,
}

/// List dead letters, newest first.
#[utoipa::path(get, path = "/dead-letters", tag = "dead letters", params(Filter, PageQuery),
    responses((status = 200, body = DeadLetterPage)))]
pub(super) async fn list(
    State(admin): State<Arc<Admin>>,
    Raw(given): Raw,
) -> Answer<DeadLetterPage> {
    let filter = selection::filter(&given, &["before", "limit"])?;
    let page: PageQuery = read(&given.with("", None).replacen('?', "", 1))?;
    Ok(Json(listed(&admin, &filter, page).await?))
}

pub(in crate::admin) async fn listed(
    admin: &Admin,
    filter: &Filter,
    page: PageQuery,
) -> Result<DeadLetterPage, Problem> {
    let limit = limit(page.limit)?;
    let before = page.before.map(|id| dead_letter_id(&id.to_string())).transpose()?;
    let found = dead_letters::list(&admin.context.store, filter, before, limit.saturating_add(1));
    let mut dead_letters = found.await.map_err(postgres)?;
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = dead_letters.len() > most;
    dead_letters.truncate(most);
    let next = dead_letters.last().filter(|_| more).map(|dead_letter| dead_letter.id);
    Ok(DeadLetterPage { dead_letters, next })
}

pub(in crate::admin) fn dead_letter_id(text: &str) -> Result<DeadLetterId, Problem> {
    text.parse().map_err(|error| wrong(format!("`{text}`: {error}")))
}

/// The parts of a dead letter to show.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct ShowQuery {
    /// Whether to include the event's payload (redacted).
    payload: bool,
}

/// Show one dead letter: the event, its attempts, the current row, manual actions.
#[utoipa::path(get, path = "/dead-letters/{id}", tag = "dead letters",
    params(("id" = i64, Path, minimum = 1), ShowQuery),
    responses((status = 200, body = Shown)))]
pub(super) async fn show(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<String>,
    asked: Asked<ShowQuery>,
) -> Answer<Shown> {
    Ok(Json(shown(&admin, dead_letter_id(&id)?, asked.query.payload).await?))
}

pub(in crate::admin) async fn shown(
    admin: &Admin,
    id: DeadLetterId,
    payload: bool,
) -> Result<Shown, Problem> {
    let shown = dead_letters::show(&admin.context.store, id, payload).await.map_err(postgres)?;
    shown.ok_or_else(|| missing(format!("There is no dead letter {id}.")))
}

/// A bulk operation to preview.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PreviewBody {
    /// The action.
    verb: ActWord,
    /// The filter of the dead letters.
    #[serde(default)]
    selection: Filter,
}

/// Preview a bulk operation: count the dead letters that match, and show the newest. Changes nothing.
#[utoipa::path(post, path = "/dead-letters/preview", tag = "dead letters", request_body = PreviewBody,
    responses((status = 200, body = Preview)))]
pub(super) async fn preview(
    State(admin): State<Arc<Admin>>,
    Body(body): Body<PreviewBody>,
) -> Answer<Preview> {
    let preview = operations::preview(&admin.context.store, body.verb, &body.selection).await;
    Ok(Json(preview.map_err(postgres)?))
}

/// Dead letters by id, and the arguments of the action.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct ActBody {
    /// Ids of the dead letters.
    pub(in crate::admin) ids: Vec<DeadLetterId>,
    /// Reason, stored in the audit log. Required for a discard.
    #[serde(default)]
    pub(in crate::admin) reason: Option<String>,
    /// Retry only: spread the retries evenly over this many milliseconds.
    #[serde(default)]
    #[schema(maximum = 86_400_000)]
    pub(in crate::admin) over_ms: u64,
    /// Snooze only: the end of the snooze.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub(in crate::admin) until: Option<OffsetDateTime>,
}

/// The result for each dead letter.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct Results {
    /// In the order of the ids in the request.
    results: Vec<DeadLetterResult>,
}

/// An action on dead letters that are named by id: one failure does not stop the rest.
macro_rules! verbs {
    ($($(#[$doc:meta])* $name:ident at $path:literal: $verb:expr;)*) => {$(
        $(#[$doc])*
        #[utoipa::path(post, path = $path, tag = "dead letters", request_body = ActBody,
            responses((status = 200, body = Results)))]
        pub(super) async fn $name(
            State(admin): State<Arc<Admin>>,
            Extension(who): Extension<Identity>,
            Body(body): Body<ActBody>,
        ) -> Answer<Results> {
            Ok(Json(Results { results: acted(&admin, &who.name, $verb, &body).await? }))
        }
    )*};
}

verbs! {
    /// Retry dead letters: put them back into the queue, with a full number of attempts.
    retry at "/dead-letters/retry": ActWord::Retry;
    /// Discard dead letters: close them without processing. They are kept, with the reason, for
    /// `retention.discarded_letters`.
    discard at "/dead-letters/discard": ActWord::Discard;
    /// Snooze open dead letters: hide them until a time.
    snooze at "/dead-letters/snooze": ActWord::Snooze;
    /// Reopen discarded or snoozed dead letters.
    undo at "/dead-letters/undo": ActWord::Undo;
}

pub(in crate::admin) fn verb_of(text: &str) -> Result<ActWord, Problem> {
    ActWord::parse(text).ok_or_else(|| {
        missing(format!("`{text}` is not an action: retry, discard, snooze or undo."))
    })
}

/// Refuses fields of another action instead of ignoring them.
pub(in crate::admin) fn goes_with(
    verb: ActWord,
    over_ms: Option<u64>,
    until: Option<OffsetDateTime>,
) -> Result<(), Problem> {
    if over_ms.is_some() && verb != ActWord::Retry {
        return Err(wrong("`over_ms` is allowed for a retry only."));
    }
    if until.is_some() && verb != ActWord::Snooze {
        return Err(wrong("`until` is allowed for a snooze only."));
    }
    Ok(())
}

pub(in crate::admin) async fn acted(
    admin: &Admin,
    who: &str,
    verb: ActWord,
    body: &ActBody,
) -> Result<Vec<DeadLetterResult>, Problem> {
    let (store, producer, ids) = (&admin.context.store, &admin.context.producer, &*body.ids);
    goes_with(verb, Some(body.over_ms).filter(|over| *over > 0), body.until)?;
    let actor = Actor { name: who, reason: body.reason.as_deref() };
    let results = match verb {
        ActWord::Retry => {
            let over = Duration::from_millis(body.over_ms);
            dead_letters::retry(store, producer, ids, over, actor).await?
        }
        ActWord::Discard => dead_letters::discard(store, ids, actor).await?,
        ActWord::Snooze => {
            let until = body
                .until
                .ok_or_else(|| wrong("A snooze needs `until`, the time when it ends."))?;
            dead_letters::snooze(store, ids, until, actor).await?
        }
        ActWord::Undo => dead_letters::undo(store, ids, actor).await?,
    };
    Ok(results)
}

/// The dead letters of a dry run.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DryRunBody {
    /// The filter. With `ids`, all of them are compared; otherwise the newest 20 that match.
    #[serde(default)]
    selection: Filter,
}

/// Dry run of a retry: fetch the objects from Stripe and compare them with the rows. Writes nothing.
#[utoipa::path(post, path = "/dead-letters/dry-run", tag = "dead letters", request_body = DryRunBody,
    responses((status = 200, body = DryRuns)))]
pub(super) async fn dry_run(
    State(admin): State<Arc<Admin>>,
    Body(body): Body<DryRunBody>,
) -> Answer<DryRuns> {
    Ok(Json(tried(&admin, &body.selection).await?))
}

pub(in crate::admin) async fn tried(admin: &Admin, selection: &Filter) -> Result<DryRuns, Problem> {
    let reconciler = admin.context.reconciler.as_ref().ok_or_else(no_key)?;
    Ok(dead_letters::dry_run(&admin.context.store, reconciler, selection).await?)
}

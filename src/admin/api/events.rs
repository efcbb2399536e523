//! Events of the event log, and replay.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::Answer;
use crate::admin::fault::{missing, no_key, postgres, wrong};
use crate::admin::input::{Asked, Body, limit, mode, moment};
use crate::admin::state::Admin;
use crate::http::Problem;
use crate::http::auth::Identity;
use crate::ops::events::{EventPage, EventShown};
use crate::ops::replay::{Replay, Replayed};
use crate::ops::types::{AccountId, Actor, EventFilter, EventId, LedgerStatus, Outcome};
use crate::ops::{events, replay};

/// Filter of the events; all given fields must match.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(in crate::admin) struct EventQuery {
    /// Only this event type; `payment_intent.*` matches all that begin with `payment_intent.`.
    #[serde(rename = "type")]
    #[param(rename = "type")]
    pub(in crate::admin) event_type: Option<String>,
    /// Only events about this object.
    pub(in crate::admin) object: Option<String>,
    /// Only this connected account.
    pub(in crate::admin) account: Option<String>,
    /// Only this mode: `live` or `test`.
    pub(in crate::admin) mode: Option<String>,
    /// Only this status: `settled` (processed), `ignored` (stored only) or `dead` (dead-lettered).
    pub(in crate::admin) status: Option<String>,
    /// Only this outcome: `applied` (the row was changed), `unchanged` (the row was up to date), `covered`
    /// (the row was newer than the event), `gone` (deleted at Stripe), `ignored` or `deauthorized` (the
    /// connected account has revoked access).
    pub(in crate::admin) outcome: Option<String>,
    /// Only events received at this time or later: RFC 3339, or how long ago: `2h`.
    pub(in crate::admin) since: Option<String>,
    /// Only events received before this time.
    pub(in crate::admin) until: Option<String>,
    /// Only events that were received before this one: the next page.
    pub(in crate::admin) before: Option<String>,
    /// Maximum number of results, 1 to 1000; 50 by default.
    #[param(minimum = 1, maximum = 1000)]
    pub(in crate::admin) limit: Option<u32>,
}

impl EventQuery {
    pub(in crate::admin) fn filter(&self) -> Result<EventFilter, Problem> {
        let status = self.status.as_deref().map(|text| {
            LedgerStatus::parse(text).ok_or_else(|| wrong(format!("`{text}` is not a status")))
        });
        let outcome = self.outcome.as_deref().map(|text| {
            Outcome::parse(text).ok_or_else(|| wrong(format!("`{text}` is not an outcome")))
        });
        Ok(EventFilter {
            event_type: self.event_type.clone(),
            object: self.object.clone(),
            account: self.account.clone(),
            mode: mode(self.mode.as_deref())?,
            status: status.transpose()?,
            outcome: outcome.transpose()?,
            since: self.since.as_deref().map(moment).transpose()?,
            until: self.until.as_deref().map(moment).transpose()?,
        })
    }
}

/// List events that have been processed, ignored or dead-lettered, newest first.
#[utoipa::path(get, path = "/events", tag = "events", params(EventQuery),
    responses((status = 200, body = EventPage)))]
pub(super) async fn list(
    State(admin): State<Arc<Admin>>,
    asked: Asked<EventQuery>,
) -> Answer<EventPage> {
    let query = asked.query;
    let (filter, limit) = (query.filter()?, limit(query.limit)?);
    let page = events::list(&admin.context.store, &filter, query.before.as_deref(), limit).await?;
    Ok(Json(page))
}

/// Show one event: its status, attempts, dead letters and manual actions.
#[utoipa::path(get, path = "/events/{id}", tag = "events", params(("id" = String, Path, min_length = 1, max_length = 255)),
    responses((status = 200, body = EventShown)))]
pub(super) async fn show(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<String>,
) -> Answer<EventShown> {
    Ok(Json(shown(&admin, &id).await?))
}

pub(in crate::admin) async fn shown(admin: &Admin, id: &str) -> Result<EventShown, Problem> {
    let shown = events::show(&admin.context.store, id).await.map_err(postgres)?;
    shown.ok_or_else(|| {
        missing(format!(
            "Nothing is stored about {id}: it was never received, it waits in the queue for its first attempt, or its retention has passed."
        ))
    })
}

/// The arguments of a replay.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::admin) struct ReplayBody {
    /// Reason, stored in the audit log.
    pub(in crate::admin) reason: Option<String>,
    /// The connected account, for an event that is not in the event log.
    pub(in crate::admin) account: Option<String>,
    /// The mode, `live` or `test`, for an event that is not in the event log.
    pub(in crate::admin) mode: Option<String>,
}

/// Process an event again. Stripe keeps events for 30 days.
#[utoipa::path(post, path = "/events/{id}/replay", tag = "events", params(("id" = String, Path, min_length = 1, max_length = 255)),
    request_body = ReplayBody,
    responses((status = 200, body = Replayed)))]
pub(super) async fn replay(
    State(admin): State<Arc<Admin>>,
    Extension(who): Extension<Identity>,
    Path(id): Path<String>,
    Body(body): Body<ReplayBody>,
) -> Answer<Replayed> {
    Ok(Json(replayed(&admin, &who.name, &id, &body).await?))
}

pub(in crate::admin) async fn replayed(
    admin: &Admin,
    who: &str,
    id: &str,
    body: &ReplayBody,
) -> Result<Replayed, Problem> {
    let reconciler = admin.context.reconciler.as_ref().ok_or_else(no_key)?;
    let wanted = Replay {
        id: EventId::parse(id).map_err(|error| wrong(format!("`{id}`: {error}")))?,
        account: match body.account.as_deref() {
            None => None,
            Some(text) => Some(AccountId::parse(text).map_err(wrong)?),
        },
        mode: mode(body.mode.as_deref())?,
    };
    let actor = Actor { name: who, reason: body.reason.as_deref() };
    let context = &admin.context;
    Ok(replay::replay(&context.store, &context.producer, reconciler, &wanted, actor).await?)
}

//! Destinations of notifications, and dead-lettered notifications.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::Answer;
use crate::admin::fault::{postgres, wrong};
use crate::admin::input::{Asked, Body, limit};
use crate::admin::state::Admin;
use crate::http::Problem;
use crate::http::auth::Identity;
use crate::ops::outbox::{self, Retried};
use crate::ops::types::{Actor, DeadDelivery, DestinationState};

/// The destinations of notifications.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct Destinations {
    /// By name.
    destinations: Vec<DestinationState>,
}

/// Show the delivery lag of each destination.
#[utoipa::path(get, path = "/outbox/destinations", tag = "outbox",
    responses((status = 200, body = Destinations)))]
pub(super) async fn destinations(State(admin): State<Arc<Admin>>) -> Answer<Destinations> {
    let destinations = outbox::status(&admin.context.store).await.map_err(postgres)?;
    Ok(Json(Destinations { destinations }))
}

/// Filter of the dead-lettered notifications.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(in crate::admin) struct DeadQuery {
    /// Only this destination: `stream`, `http:NAME`.
    pub(in crate::admin) destination: Option<String>,
    /// Maximum number of results, 1 to 1000; 50 by default.
    #[param(minimum = 1, maximum = 1000)]
    pub(in crate::admin) limit: Option<u32>,
}

/// Dead-lettered notifications.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct Dead {
    /// Oldest first.
    dead: Vec<DeadDelivery>,
}

/// List dead-lettered notifications, oldest first.
#[utoipa::path(get, path = "/outbox/dead", tag = "outbox", params(DeadQuery),
    responses((status = 200, body = Dead)))]
pub(super) async fn dead(State(admin): State<Arc<Admin>>, asked: Asked<DeadQuery>) -> Answer<Dead> {
    Ok(Json(Dead { dead: dead_notifications(&admin, &asked.query).await? }))
}

pub(in crate::admin) async fn dead_notifications(
    admin: &Admin,
    query: &DeadQuery,
) -> Result<Vec<DeadDelivery>, Problem> {
    let most = i64::from(limit(query.limit)?);
    let dead = outbox::dead(&admin.context.store, query.destination.as_deref(), most);
    Ok(dead.await?)
}

/// Dead-lettered notifications to redeliver.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct RetryBody {
    /// The destination: `stream`, `http:NAME`.
    pub(in crate::admin) destination: String,
    /// Ids of the notifications; empty with `all`.
    #[serde(default)]
    pub(in crate::admin) ids: Vec<Uuid>,
    /// Redeliver all dead-lettered notifications of this destination.
    #[serde(default)]
    pub(in crate::admin) all: bool,
    /// Reason, stored in the audit log.
    #[serde(default)]
    pub(in crate::admin) reason: Option<String>,
}

/// Redeliver dead-lettered notifications, with a full number of attempts.
#[utoipa::path(post, path = "/outbox/retry", tag = "outbox", request_body = RetryBody,
    responses((status = 200, body = Retried)))]
pub(super) async fn retry(
    State(admin): State<Arc<Admin>>,
    Extension(who): Extension<Identity>,
    Body(body): Body<RetryBody>,
) -> Answer<Retried> {
    Ok(Json(retried(&admin, &who.name, &body).await?))
}

pub(in crate::admin) async fn retried(
    admin: &Admin,
    who: &str,
    body: &RetryBody,
) -> Result<Retried, Problem> {
    // For the verb below, naming none means all: that has to be said.
    if body.ids.is_empty() != body.all {
        return Err(wrong("Give either `ids`, or `all`: true."));
    }
    let actor = Actor { name: who, reason: body.reason.as_deref() };
    let store = &admin.context.store;
    Ok(outbox::retry(store, &body.destination, &body.ids, actor).await?)
}

/// A destination to remove.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct RemoveBody {
    /// The destination: `stream`, `http:NAME`.
    pub(in crate::admin) destination: String,
    /// Reason, stored in the audit log.
    #[serde(default)]
    pub(in crate::admin) reason: Option<String>,
}

/// The result of a removal.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct Removed {
    /// Number of its deliveries that were removed, in any state.
    deliveries: u64,
}

/// Remove a destination that no worker has in its settings any more. Discards its dead letters.
#[utoipa::path(post, path = "/outbox/remove", tag = "outbox", request_body = RemoveBody,
    responses((status = 200, body = Removed)))]
pub(super) async fn remove(
    State(admin): State<Arc<Admin>>,
    Extension(who): Extension<Identity>,
    Body(body): Body<RemoveBody>,
) -> Answer<Removed> {
    Ok(Json(Removed { deliveries: removed(&admin, &who.name, &body).await? }))
}

pub(in crate::admin) async fn removed(
    admin: &Admin,
    who: &str,
    body: &RemoveBody,
) -> Result<u64, Problem> {
    let actor = Actor { name: who, reason: body.reason.as_deref() };
    Ok(outbox::remove(&admin.context.store, &body.destination, actor).await?)
}

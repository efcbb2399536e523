//! Health, supported objects and events, and the account check.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::Answer;
use crate::admin::fault::{no_key, wrong};
use crate::admin::input::{Asked, Body, mode};
use crate::admin::state::Admin;
use crate::http::Problem;
use crate::ops::accounts::{self, Checked};
use crate::ops::kinds::report;
use crate::ops::status::{self, Status};
use crate::ops::types::{AccountId, Mode};

/// Show health, queue lag and worker activity.
///
/// The HTTP status is 200 also when the system is unhealthy: see `healthy` and `findings`.
#[utoipa::path(get, path = "/status", tag = "system", responses((status = 200, body = Status)))]
pub(super) async fn status(State(admin): State<Arc<Admin>>) -> Json<Status> {
    Json(status::look(&admin.context.sources).await)
}

/// List the object types and event types that are handled.
#[utoipa::path(get, path = "/kinds", tag = "system", responses((status = 200, body = Value)))]
pub(super) async fn kinds() -> Json<Value> {
    Json(report().document())
}

/// The mode of the account.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct ModeQuery {
    /// `live` (default) or `test`.
    mode: Option<String>,
}

/// Check whether a connected account can receive a destination charge, by its stored state.
#[utoipa::path(get, path = "/accounts/{id}/check", tag = "system",
    params(("id" = String, Path, min_length = 1, max_length = 255), ModeQuery),
    responses((status = 200, body = Checked)))]
pub(super) async fn check(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<String>,
    asked: Asked<ModeQuery>,
) -> Answer<Checked> {
    Ok(Json(checked(&admin, &id, asked.query.mode.as_deref(), false).await?))
}

/// The mode of the account.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RefreshBody {
    /// `live` (default) or `test`.
    mode: Option<String>,
}

/// Fetch the account from Stripe, then check whether it can receive a destination charge.
#[utoipa::path(post, path = "/accounts/{id}/check", tag = "system", params(("id" = String, Path, min_length = 1, max_length = 255)),
    request_body = RefreshBody,
    responses((status = 200, body = Checked)))]
pub(super) async fn refresh(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<String>,
    Body(body): Body<RefreshBody>,
) -> Answer<Checked> {
    Ok(Json(checked(&admin, &id, body.mode.as_deref(), true).await?))
}

pub(in crate::admin) async fn checked(
    admin: &Admin,
    id: &str,
    given: Option<&str>,
    refresh: bool,
) -> Result<Checked, Problem> {
    let account = AccountId::parse(id).map_err(|error| wrong(format!("`{id}`: {error}")))?;
    let mode = mode(given)?.unwrap_or(Mode::Live);
    let reconciler = match (refresh, admin.context.reconciler.as_ref()) {
        (true, None) => return Err(no_key()),
        (true, reconciler) => reconciler,
        (false, _) => None,
    };
    let permission = accounts::check(&admin.context.store, reconciler, &account, mode).await?;
    Ok(Checked::new(&account, mode, permission))
}

//! How it is, and what there is at all.

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

/// Is it healthy, how far behind is it, and who does what?
///
/// Answers 200 also when it is not healthy, and when something is down: `healthy` says so.
#[utoipa::path(get, path = "/status", tag = "system", responses((status = 200, body = Status)))]
pub(super) async fn status(State(admin): State<Arc<Admin>>) -> Json<Status> {
    Json(status::look(&admin.context.sources).await)
}

/// Which kinds of object and which types of event are handled.
#[utoipa::path(get, path = "/kinds", tag = "system", responses((status = 200, body = Value)))]
pub(super) async fn kinds() -> Json<Value> {
    Json(report().document())
}

/// In which mode.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct ModeQuery {
    /// `live`, which it is by default, or `test`.
    mode: Option<String>,
}

/// May a destination charge be made to this account, by what was last seen?
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

/// In which mode to ask.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RefreshBody {
    /// `live`, which it is by default, or `test`.
    mode: Option<String>,
}

/// The same, after asking Stripe.
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

//! The audit log of manual actions.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use super::Answer;
use crate::admin::fault::postgres;
use crate::admin::input::{Asked, limit, moment, named};
use crate::admin::state::Admin;
use crate::http::Problem;
use crate::ops::audit::{self, AuditPage};
use crate::ops::types::AuditFilter;

/// Filter of the audit log; all given fields must match.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(in crate::admin) struct AuditQuery {
    /// Only actions of this actor.
    pub(in crate::admin) actor: Option<String>,
    /// Only this action; `queue` stands for all that begin with `queue.`.
    pub(in crate::admin) verb: Option<String>,
    /// Only actions on this target: `dead_letter:5`, `lane:live`.
    pub(in crate::admin) target: Option<String>,
    /// Only actions since this time: RFC 3339, or how long ago: `2h`.
    pub(in crate::admin) since: Option<String>,
    /// Only entries with a lower id: the next page.
    #[param(minimum = 1)]
    pub(in crate::admin) before: Option<i64>,
    /// Maximum number of results, 1 to 1000; 50 by default.
    #[param(minimum = 1, maximum = 1000)]
    pub(in crate::admin) limit: Option<u32>,
}

/// List the audit log, newest first.
#[utoipa::path(get, path = "/audit", tag = "audit", params(AuditQuery),
    responses((status = 200, body = AuditPage)))]
pub(super) async fn list(
    State(admin): State<Arc<Admin>>,
    asked: Asked<AuditQuery>,
) -> Answer<AuditPage> {
    Ok(Json(listed(&admin, &asked.query).await?))
}

pub(in crate::admin) async fn listed(
    admin: &Admin,
    query: &AuditQuery,
) -> Result<AuditPage, Problem> {
    let filter = AuditFilter {
        actor: query.actor.clone(),
        verb: query.verb.clone(),
        target: query.target.clone(),
        since: query.since.as_deref().map(moment).transpose()?,
    };
    let (before, limit) = (named("before", query.before)?, limit(query.limit)?);
    audit::list(&admin.context.store, &filter, before, limit).await.map_err(postgres)
}

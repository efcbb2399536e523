//! Certificates of comparisons with Stripe's list of events, and the background duties.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Answer;
use crate::admin::fault::postgres;
use crate::admin::input::{Asked, Body, limit};
use crate::admin::state::Admin;
use crate::http::Problem;
use crate::http::auth::Identity;
use crate::ops::certificates;
use crate::ops::duties::{self, DutyAsked};
use crate::ops::types::{Actor, Duty, EventCertificate};

/// How many certificates.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct CertificatesQuery {
    /// Maximum number of results, 1 to 1000; 50 by default.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// What comparisons with Stripe's list of events have found.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct Certificates {
    /// Newest first.
    certificates: Vec<EventCertificate>,
}

/// List what comparisons of Stripe's list of events with the ledger have found (`quittance verify`).
#[utoipa::path(get, path = "/certificates", tag = "completeness", params(CertificatesQuery),
    responses((status = 200, body = Certificates)))]
pub(super) async fn certificates(
    State(admin): State<Arc<Admin>>,
    asked: Asked<CertificatesQuery>,
) -> Answer<Certificates> {
    let most = limit(asked.query.limit)?;
    let certificates = certificates::list(&admin.context.store, most).await.map_err(postgres)?;
    Ok(Json(Certificates { certificates }))
}

/// The background duties of the workers.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct Duties {
    /// By name.
    duties: Vec<Duty>,
}

/// List the background duties of the workers.
#[utoipa::path(get, path = "/duties", tag = "completeness", responses((status = 200, body = Duties)))]
pub(super) async fn duties(State(admin): State<Arc<Admin>>) -> Answer<Duties> {
    let duties = duties::list(&admin.context.store).await.map_err(postgres)?;
    Ok(Json(Duties { duties }))
}

/// Why a duty is to be run.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::admin) struct RunBody {
    /// Reason, stored in the audit log.
    pub(in crate::admin) reason: Option<String>,
}

/// Make a background duty due now: a worker begins it within seconds.
#[utoipa::path(post, path = "/duties/{id}/run", tag = "completeness",
    params(("id" = String, Path, min_length = 1, max_length = 255)), request_body = RunBody,
    responses((status = 200, body = DutyAsked)))]
pub(super) async fn run_duty(
    State(admin): State<Arc<Admin>>,
    Extension(who): Extension<Identity>,
    Path(id): Path<String>,
    Body(body): Body<RunBody>,
) -> Answer<DutyAsked> {
    Ok(Json(asked(&admin, &who.name, &id, &body).await?))
}

pub(in crate::admin) async fn asked(
    admin: &Admin,
    who: &str,
    duty: &str,
    body: &RunBody,
) -> Result<DutyAsked, Problem> {
    let actor = Actor { name: who, reason: body.reason.as_deref() };
    Ok(duties::run(&admin.context.store, duty, actor).await?)
}

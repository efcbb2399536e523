//! `/completeness`: until when every event of Stripe's is here, and what the workers do about it.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};

use super::page;
use crate::admin::api::completeness::{RunBody, asked};
use crate::admin::fault::postgres;
use crate::admin::frame::Frame;
use crate::admin::input::Changing;
use crate::admin::refusal::Refused;
use crate::admin::state::Admin;
use crate::admin::view;
use crate::ops::types::{Completeness, Duty, EventCertificate};
use crate::ops::{certificates, duties};

/// Certificates that are shown.
const CERTIFICATES: u32 = 20;

#[derive(Template)]
#[template(path = "completeness.html")]
struct Page {
    frame: Frame,
    completeness: Option<Completeness>,
    certificates: Vec<EventCertificate>,
    duties: Vec<Duty>,
}

pub(super) async fn show(
    State(admin): State<Arc<Admin>>,
    frame: Frame,
) -> Result<Response, Refused> {
    let store = &admin.context.store;
    let completeness = certificates::completeness(store).await.map_err(postgres)?;
    let certificates = certificates::list(store, CERTIFICATES).await.map_err(postgres)?;
    let duties = duties::list(store).await.map_err(postgres)?;
    Ok(page(&Page { frame, completeness, certificates, duties }))
}

pub(super) async fn run_duty(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<String>,
    form: Changing,
) -> Result<Response, Refused> {
    let body = RunBody { reason: form.fields.get("reason").map(str::to_owned) };
    asked(&admin, &form.who, &id, &body).await?;
    Ok(Redirect::to("/completeness").into_response())
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "templates pass everything by reference")]
fn seconds(seconds: &i64) -> String {
    view::length(u64::try_from(*seconds).unwrap_or_default())
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "templates pass everything by reference")]
fn millis(millis: &i64) -> String {
    match u64::try_from(*millis).unwrap_or_default() {
        millis @ 0..1_000 => format!("{millis} ms"),
        millis => view::length(millis / 1_000),
    }
}

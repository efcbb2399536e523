//! `/queue`: the jobs of each lane; pauses and resumes lanes.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};

use super::page;
use crate::admin::api::queue::{LanesBody, LossBody, PeekQuery, acknowledged, acted, peeked};
use crate::admin::fault::redis;
use crate::admin::frame::Frame;
use crate::admin::input::{Asked, Changing};
use crate::admin::refusal::Refused;
use crate::admin::state::Admin;
use crate::admin::view;
use crate::ops::queue::{self, QueueStatus, QueuedJob};

#[derive(Template)]
#[template(path = "queue.html")]
struct Page {
    frame: Frame,
    queue: QueueStatus,
    lane: String,
    place: String,
    jobs: Vec<QueuedJob>,
}

pub(super) async fn show(
    State(admin): State<Arc<Admin>>,
    frame: Frame,
    asked: Asked<PeekQuery>,
) -> Result<Response, Refused> {
    let queue = queue::show(&admin.context.inspector).await.map_err(redis)?;
    let jobs = peeked(&admin, &asked.query).await?;
    let lane = asked.query.lane.unwrap_or_else(|| "live".to_owned());
    let place = asked.query.place.unwrap_or_else(|| "waiting".to_owned());
    Ok(page(&Page { frame, queue, lane, place, jobs }))
}

pub(super) async fn pause(
    State(admin): State<Arc<Admin>>,
    form: Changing,
) -> Result<Response, Refused> {
    // All operators see the pause, so it needs a reason.
    form.fields.need("reason", "Why the lane is paused")?;
    act(&admin, &form, true).await
}

pub(super) async fn resume(
    State(admin): State<Arc<Admin>>,
    form: Changing,
) -> Result<Response, Refused> {
    act(&admin, &form, false).await
}

pub(super) async fn acknowledge_loss(
    State(admin): State<Arc<Admin>>,
    form: Changing,
) -> Result<Response, Refused> {
    let reason = form.fields.need("reason", "Why the loss is acknowledged")?.to_owned();
    acknowledged(&admin, &form.who, &LossBody { reason }).await?;
    Ok(Redirect::to("/").into_response())
}

async fn act(admin: &Admin, form: &Changing, pause: bool) -> Result<Response, Refused> {
    let field = |name| form.fields.get(name).map(str::to_owned);
    let body = LanesBody { lane: field("lane"), reason: field("reason") };
    acted(admin, &form.who, &body, pause).await?;
    admin.forget_pauses().await;
    Ok(Redirect::to("/queue").into_response())
}

fn age(job: &QueuedJob) -> String {
    match job.due_in_ms {
        Some(due) => format!("due in {}", view::length(due / 1000)),
        None => view::length(job.age_ms / 1000),
    }
}

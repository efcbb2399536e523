//! `/outbox`: delivery lag of the destinations, and dead-lettered notifications.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};

use super::page;
use crate::admin::api::outbox::{
    DeadQuery, RemoveBody, RetryBody, dead_notifications, removed, retried,
};
use crate::admin::fault::{conflict, postgres, wrong};
use crate::admin::frame::Frame;
use crate::admin::input::{Asked, Changing};
use crate::admin::refusal::Refused;
use crate::admin::state::Admin;
use crate::admin::view;
use crate::ops::outbox;
use crate::ops::types::{DeadDelivery, DestinationState};

#[derive(Template)]
#[template(path = "outbox.html")]
struct Page {
    frame: Frame,
    query: DeadQuery,
    destinations: Vec<DestinationState>,
    dead: Vec<DeadDelivery>,
}

pub(super) async fn show(
    State(admin): State<Arc<Admin>>,
    frame: Frame,
    asked: Asked<DeadQuery>,
) -> Result<Response, Refused> {
    let query = asked.query;
    let destinations = outbox::status(&admin.context.store).await.map_err(postgres)?;
    let dead = dead_notifications(&admin, &query).await?;
    Ok(page(&Page { frame, query, destinations, dead }))
}

pub(super) async fn retry(
    State(admin): State<Arc<Admin>>,
    form: Changing,
) -> Result<Response, Refused> {
    let destination = form.fields.need("destination", "The destination")?.to_owned();
    let ids: Result<Vec<_>, _> = form.fields.all("id").map(str::parse).collect();
    let body = RetryBody {
        destination,
        ids: ids.map_err(|error| wrong(format!("Not the id of a notification: {error}")))?,
        all: form.fields.get("all").is_some(),
        reason: form.fields.get("reason").map(str::to_owned),
    };
    let retried = retried(&admin, &form.who, &body).await?;
    if !retried.not_dead_lettered.is_empty() {
        let (done, not) = (retried.retried, retried.not_dead_lettered.len());
        let detail = format!(
            "{done} are redelivered. {not} of the selected are not dead-lettered for {} any more: they were \
             delivered, or are being delivered.",
            body.destination
        );
        return Err(conflict("not_dead_lettered", detail).into());
    }
    Ok(Redirect::to("/outbox").into_response())
}

pub(super) async fn remove(
    State(admin): State<Arc<Admin>>,
    form: Changing,
) -> Result<Response, Refused> {
    let destination = form.fields.need("destination", "The destination")?.to_owned();
    if form.fields.get("confirm") != Some(&destination) {
        return Err(wrong(format!("To remove {destination}, type its name.")).into());
    }
    let reason = form.fields.get("reason").map(str::to_owned);
    removed(&admin, &form.who, &RemoveBody { destination, reason }).await?;
    Ok(Redirect::to("/outbox").into_response())
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "templates pass everything by reference")]
fn lag(seconds: &Option<i64>) -> String {
    let seconds = seconds.and_then(|seconds| u64::try_from(seconds).ok());
    seconds.map_or_else(|| "–".to_owned(), view::length)
}

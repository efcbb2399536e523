//! `/events`: the event log, one event, and replay.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

use super::page;
use crate::admin::api::events::{EventQuery, ReplayBody, replayed, shown};
use crate::admin::frame::Frame;
use crate::admin::input::{Asked, Changing, Fields, limit};
use crate::admin::refusal::Refused;
use crate::admin::state::Admin;
use crate::admin::view;
use crate::ops::events::{self, EventPage, EventShown};
use crate::ops::replay::Replayed;

#[derive(Template)]
#[template(path = "events.html")]
struct List {
    frame: Frame,
    query: EventQuery,
    given: Fields,
    found: EventPage,
}

impl List {
    /// Whether anything but the whole ledger was asked for.
    fn is_filtered(&self) -> bool {
        let EventQuery { event_type, object, account, mode, status, outcome, since, until, .. } =
            &self.query;
        [event_type, object, account, mode, status, outcome, since, until]
            .iter()
            .any(|field| field.is_some())
    }
}

pub(super) async fn list(
    State(admin): State<Arc<Admin>>,
    frame: Frame,
    asked: Asked<EventQuery>,
) -> Result<Response, Refused> {
    let Asked { query, given } = asked;
    let (filter, limit) = (query.filter()?, limit(query.limit)?);
    let before = query.before.as_deref();
    let found = events::list(&admin.context.store, &filter, before, limit).await?;
    Ok(page(&List { frame, query, given, found }))
}

#[derive(Template)]
#[template(path = "event.html")]
struct One {
    frame: Frame,
    shown: EventShown,
}

pub(super) async fn show(
    State(admin): State<Arc<Admin>>,
    frame: Frame,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    Ok(page(&One { frame, shown: shown(&admin, &id).await? }))
}

#[derive(Template)]
#[template(path = "replayed.html")]
struct Done {
    frame: Frame,
    done: Replayed,
}

pub(super) async fn replay(
    State(admin): State<Arc<Admin>>,
    frame: Frame,
    Path(id): Path<String>,
    form: Changing,
) -> Result<Response, Refused> {
    let field = |name| form.fields.get(name).map(str::to_owned);
    let body =
        ReplayBody { reason: field("reason"), account: field("account"), mode: field("mode") };
    Ok(page(&Done { frame, done: replayed(&admin, &form.who, &id, &body).await? }))
}

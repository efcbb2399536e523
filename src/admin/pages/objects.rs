//! `/objects`: search, and one object.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

use super::page;
use super::payments::{self, PaymentSection};
use crate::admin::api::objects::{NameQuery, ObjectQuery, compared, listed, named, reconciled};
use crate::admin::frame::Frame;
use crate::admin::input::{Asked, Changing, Fields};
use crate::admin::refusal::Refused;
use crate::admin::state::Admin;
use crate::admin::view;
use crate::ops::compare::{Comparison, Difference};
use crate::ops::objects::{self, ObjectPage, ObjectShown, Obstacle};
use crate::ops::reconcile::Reconciled;
use crate::ops::timeline::{Happening, Moment};
use crate::ops::types::{Actor, Found};

#[derive(Template)]
#[template(path = "objects.html")]
struct List {
    frame: Frame,
    query: ObjectQuery,
    given: Fields,
    /// None: nothing was looked for yet.
    found: Option<ObjectPage>,
}

pub(super) async fn list(
    State(admin): State<Arc<Admin>>,
    frame: Frame,
    asked: Asked<ObjectQuery>,
) -> Result<Response, Refused> {
    let Asked { query, given } = asked;
    let found = if query.is_empty() { None } else { Some(listed(&admin, &query).await?) };
    Ok(page(&List { frame, query, given, found }))
}

/// The place after an object, for the link to the next page.
fn after(found: &[Found]) -> String {
    found.last().map(|last| last.key.cursor()).unwrap_or_default()
}

/// An amount in the smallest unit of its currency, as the tables have it.
fn amount(found: &Found) -> String {
    match (found.amount, &found.currency) {
        (Some(amount), Some(currency)) => format!("{} {currency}", view::number(amount)),
        (Some(amount), None) => view::number(amount),
        (None, _) => String::new(),
    }
}

#[derive(Template)]
#[template(path = "object.html")]
struct One {
    frame: Frame,
    shown: ObjectShown,
    /// Whether the JSON was asked for.
    with_data: bool,
    can_ask_stripe: bool,
    /// Of a payment.
    payment: Option<PaymentSection>,
}

/// Where what stands in its way can be looked at, and mended.
fn obstacle_path(obstacle: &Obstacle) -> String {
    match obstacle.dead_letter {
        Some(id) => format!("/dead-letters/{id}"),
        None => format!("/events/{}", view::part(&obstacle.event)),
    }
}

/// Where the details of something that happened are.
fn path_of(moment: &Moment) -> Option<String> {
    match &moment.what {
        Happening::Event(event) => Some(format!("/events/{}", view::part(&event.id))),
        Happening::Attempt(attempt) => Some(format!("/events/{}", view::part(&attempt.event))),
        Happening::Transition(step) => {
            step.because_of.as_ref().map(|event| format!("/events/{}", view::part(event)))
        }
        Happening::Notification(_) => Some("/outbox".to_owned()),
        Happening::DeadLetter(dead_letter) => Some(format!("/dead-letters/{}", dead_letter.id)),
        Happening::Act(act) => Some(format!("/audit?target={}", view::part(&act.target))),
    }
}

pub(super) async fn show(
    State(admin): State<Arc<Admin>>,
    frame: Frame,
    Path(id): Path<String>,
    mut asked: Asked<ShownQuery>,
) -> Result<Response, Refused> {
    let with_data = asked.query.data.take().is_some();
    let name = named(&id, &asked.query.name())?;
    let shown = objects::show(&admin.context.store, &name).await?;
    let can_ask_stripe = admin.context.reconciler.is_some();
    let payment = payments::section(&admin, &frame, &shown.object).await?;
    Ok(page(&One { frame, shown, with_data, can_ask_stripe, payment }))
}

/// The name of an object, and what of it to show.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ShownQuery {
    kind: Option<String>,
    account: Option<String>,
    mode: Option<String>,
    data: Option<String>,
}

impl ShownQuery {
    fn name(&self) -> NameQuery {
        let Self { kind, account, mode, .. } = self;
        NameQuery { kind: kind.clone(), account: account.clone(), mode: mode.clone() }
    }
}

#[derive(Template)]
#[template(path = "reconciled.html")]
struct Done {
    frame: Frame,
    done: Reconciled,
}

pub(super) async fn reconcile(
    State(admin): State<Arc<Admin>>,
    frame: Frame,
    Path(id): Path<String>,
    asked: Asked<NameQuery>,
    form: Changing,
) -> Result<Response, Refused> {
    let name = named(&id, &asked.query)?;
    let actor = Actor { name: &form.who, reason: form.fields.get("reason") };
    Ok(page(&Done { frame, done: reconciled(&admin, &name, actor).await? }))
}

#[derive(Template)]
#[template(path = "compared.html")]
struct Compared {
    frame: Frame,
    it: Comparison,
}

pub(super) async fn compare(
    State(admin): State<Arc<Admin>>,
    frame: Frame,
    Path(id): Path<String>,
    asked: Asked<NameQuery>,
    _: Changing,
) -> Result<Response, Refused> {
    Ok(page(&Compared { frame, it: compared(&admin, &named(&id, &asked.query)?).await? }))
}

/// A table of fields that differ.
#[derive(Template)]
#[template(path = "differences.html")]
pub(super) struct Differences<'a> {
    all: &'a [Difference],
}

impl askama::filters::HtmlSafe for Differences<'_> {}

pub(super) fn differences(all: &[Difference]) -> Differences<'_> {
    Differences { all }
}

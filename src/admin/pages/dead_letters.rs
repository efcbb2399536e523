//! `/dead-letters`: groups, lists, one dead letter.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

use super::page;
use crate::admin::api::dead_letters::{DeadLetterPage, PageQuery, dead_letter_id, listed, shown};
use crate::admin::fault::postgres;
use crate::admin::frame::Frame;
use crate::admin::input::{Fields, Raw, read};
use crate::admin::refusal::Refused;
use crate::admin::selection;
use crate::admin::state::Admin;
use crate::admin::view::{self, Bars};
use crate::ops::dead_letters::{self, Shown};
use crate::ops::types::{ActWord, DeadLetter, DeadLetterState, Filter, Group, Groups};

/// The states as tabs; `open` is the default.
const TABS: [&str; 6] = ["open", "snoozed", "retrying", "resolved", "discarded", "any"];

/// Filter fields that are typed, with label and example.
const TYPED: [(&str, &str, &str); 12] = [
    ("event_type", "Event type", "charge.failed"),
    ("customer", "Customer", "cus_…"),
    ("object_id", "Object", "pi_…"),
    ("object_kind", "Object type", "payment_intent"),
    ("text", "Error text", "declined"),
    ("class", "Class", "permanent"),
    ("code", "Code", "not_found"),
    ("account", "Account", "acct_… or own"),
    ("endpoint", "Endpoint", "default"),
    ("newer_than", "Newer than", "2h"),
    ("older_than", "Older than", "7d"),
    ("min_attempts", "Attempts from", "3"),
];

/// Values, with the words for them.
type Choices = &'static [(&'static str, &'static str)];

/// Filter fields that are chosen from a list, with label and values.
const CHOSEN: [(&str, &str, Choices); 3] = [
    ("livemode", "Mode", &[("true", "live"), ("false", "test")]),
    ("source", "Source", &[("event", "events"), ("notification", "notifications")]),
    (
        "reason",
        "Reason",
        &[
            ("permanent", "permanent"),
            ("exhausted", "exhausted"),
            ("poison", "poison"),
            ("undecodable", "undecodable"),
        ],
    ),
];

/// The filter of a page, and how its links change it.
pub(super) struct Sieve {
    given: Fields,
    filter: Filter,
    /// Where its form leads.
    action: &'static str,
}

impl Sieve {
    fn new(given: Fields, action: &'static str) -> Result<Self, Refused> {
        let given = match given.get("state") {
            Some(_) => given,
            None => {
                Fields::parse(given.with("state", Some("open")).trim_start_matches('?').as_bytes())
            }
        };
        let filter = selection::filter(&given, &["before", "limit"])?;
        Ok(Self { given, filter, action })
    }

    fn value(&self, name: &str) -> &str {
        self.given.get(name).unwrap_or_default()
    }

    /// Whether it filters by more than the state.
    fn is_narrow(&self) -> bool {
        self.filter.is_narrow()
    }

    /// The filter in another state.
    fn in_state(&self, state: &str) -> String {
        self.first_page().with("state", Some(state))
    }

    /// The filter and a group of what it found. All of the filter stays: what is done to all of the
    /// list that it leads to must not reach the dead letters of others.
    fn of_group(&self, group: &str) -> String {
        self.first_page().with("group", Some(group))
    }

    /// Its first page: one further down is none of another filter.
    fn first_page(&self) -> Fields {
        Fields::parse(self.query().trim_start_matches('?').as_bytes())
    }

    /// The filter as a query, without the page.
    fn query(&self) -> String {
        self.given.with("before", None)
    }

    /// The bulk actions that are possible in its state.
    fn verbs(&self) -> &'static [ActWord] {
        match self.filter.state {
            Some(DeadLetterState::Open) => &[ActWord::Retry, ActWord::Discard, ActWord::Snooze],
            Some(DeadLetterState::Snoozed) => &[ActWord::Undo, ActWord::Retry, ActWord::Discard],
            Some(DeadLetterState::Retrying) => &[ActWord::Retry, ActWord::Discard],
            Some(DeadLetterState::Discarded) => &[ActWord::Undo],
            Some(DeadLetterState::Resolved) | None => &[],
        }
    }
}

#[derive(Template)]
#[template(path = "dead_letter_groups.html")]
struct GroupList {
    frame: Frame,
    sieve: Sieve,
    found: Groups,
}

pub(super) async fn groups(
    State(admin): State<Arc<Admin>>,
    frame: Frame,
    Raw(given): Raw,
) -> Result<Response, Refused> {
    let sieve = Sieve::new(given, "/dead-letters")?;
    let found =
        dead_letters::groups(&admin.context.store, &sieve.filter).await.map_err(postgres)?;
    Ok(page(&GroupList { frame, sieve, found }))
}

fn picture(group: &Group) -> Bars {
    let values = group.hourly.iter().map(|count| u64::try_from(*count).unwrap_or(0));
    Bars {
        label: "Dead-lettered in the last 24 hours, by hour".to_owned(),
        values: values.collect(),
    }
}

#[derive(Template)]
#[template(path = "dead_letters.html")]
struct List {
    frame: Frame,
    sieve: Sieve,
    found: DeadLetterPage,
}

pub(super) async fn list(
    State(admin): State<Arc<Admin>>,
    frame: Frame,
    Raw(given): Raw,
) -> Result<Response, Refused> {
    let sieve = Sieve::new(given, "/dead-letters/list")?;
    let asked: PageQuery = read(sieve.given.with("", None).trim_start_matches('?'))?;
    let found = listed(&admin, &sieve.filter, asked).await?;
    Ok(page(&List { frame, sieve, found }))
}

#[derive(Template)]
#[template(path = "dead_letter.html")]
struct One {
    frame: Frame,
    shown: Shown,
}

pub(super) async fn show(
    State(admin): State<Arc<Admin>>,
    frame: Frame,
    Path(id): Path<String>,
    Raw(given): Raw,
) -> Result<Response, Refused> {
    let with_payload = given.get("payload").is_some();
    let shown = shown(&admin, dead_letter_id(&id)?, with_payload).await?;
    Ok(page(&One { frame, shown }))
}

/// Where its object is looked at.
fn object_path(dead_letter: &DeadLetter) -> Option<String> {
    verb_path(dead_letter, "")
}

/// Where it is asked about at Stripe, which is what a retry would find.
fn compare_path(dead_letter: &DeadLetter) -> Option<String> {
    verb_path(dead_letter, "/compare")
}

fn verb_path(dead_letter: &DeadLetter, verb: &str) -> Option<String> {
    let (kind, id) = (dead_letter.object_kind.clone()?, dead_letter.object_id.clone()?);
    let (account, livemode) = (dead_letter.account.clone()?, dead_letter.livemode?);
    let key = crate::ops::types::ObjectKey { kind, id, account, livemode };
    Some(view::object_verb(&key, verb))
}

fn is_moving(dead_letter: &DeadLetter) -> bool {
    dead_letter.state == DeadLetterState::Retrying
}

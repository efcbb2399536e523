//! The timeline of one object: events, attempts, transitions, notifications, dead letters and manual actions.

use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::store::audit::AuditRow;
use crate::store::history::KeptTransition;
use crate::store::ledger::LedgerEvent;
use crate::store::object::ObjectKey;
use crate::store::timeline::{Attempt, ObjectDeadLetter, ObjectNotification};
use crate::store::{Store, StoreError};

/// Something that happened to an object.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Moment {
    /// Time of the entry.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// One line of text.
    pub text: String,
    /// Whether it is a failure.
    pub bad: bool,
    /// Its type and its details.
    #[serde(flatten)]
    pub what: Happening,
}

/// The type of a timeline entry.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(tag = "what", content = "details", rename_all = "snake_case")]
pub enum Happening {
    /// An event about it was received. Its final status is shown here too.
    Event(LedgerEvent),
    /// A worker tried to process an event about it.
    Attempt(Attempt),
    /// Its status changed.
    Transition(KeptTransition),
    /// A notification about it was created.
    Notification(ObjectNotification),
    /// An event about it was dead-lettered.
    DeadLetter(ObjectDeadLetter),
    /// An operator acted on it.
    Act(AuditRow),
}

impl Happening {
    /// `event`, `attempt`, `transition`, `notification`, `dead_letter`, `act`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Event(_) => "event",
            Self::Attempt(_) => "attempt",
            Self::Transition(_) => "transition",
            Self::Notification(_) => "notification",
            Self::DeadLetter(_) => "dead_letter",
            Self::Act(_) => "act",
        }
    }

    /// The order of entries with the same time.
    fn rank(&self) -> u8 {
        match self {
            Self::Event(_) => 0,
            Self::Attempt(_) => 1,
            Self::Transition(_) => 2,
            Self::Notification(_) => 3,
            Self::DeadLetter(_) => 4,
            Self::Act(_) => 5,
        }
    }
}

impl From<Happening> for Moment {
    fn from(what: Happening) -> Self {
        let (at, bad, text) = match &what {
            Happening::Event(event) => (event.received_at, event.status == "dead", of_event(event)),
            Happening::Attempt(attempt) => {
                let bad = matches!(attempt.outcome.as_str(), "failed" | "dead");
                (attempt.started_at, bad, of_attempt(attempt))
            }
            Happening::Transition(step) => (step.at, step.kind == "anomalous", of_transition(step)),
            Happening::Notification(it) => (it.at, !it.dead.is_empty(), of_notification(it)),
            Happening::DeadLetter(dead_letter) => {
                (dead_letter.created_at, true, of_dead_letter(dead_letter))
            }
            Happening::Act(act) => (act.at, false, of_act(act)),
        };
        Self { at, text, bad, what }
    }
}

fn of_event(event: &LedgerEvent) -> String {
    let name = event.event_type.as_deref().unwrap_or("an event that could not be read");
    let end = match (event.status.as_str(), event.outcome.as_deref()) {
        (status, Some(outcome)) if status != outcome => format!("{status}, {outcome}"),
        (status, _) => status.to_owned(),
    };
    format!("{name} ({}): {end}", event.id)
}

fn of_attempt(attempt: &Attempt) -> String {
    let Attempt { number, worker, duration_ms, outcome, event, .. } = attempt;
    let mut text = format!("attempt {number} at {event} by {worker}: {outcome}");
    if let Some(code) = &attempt.code {
        text += &format!(" ({code})");
    }
    text += &format!(" after {duration_ms} ms");
    if let Some(last) = attempt.chain.as_ref().and_then(|chain| chain.last()) {
        text += &format!(": {last}");
    }
    text
}

fn of_transition(step: &KeptTransition) -> String {
    let from = step.from.as_deref().map(|from| format!("{from} → ")).unwrap_or_default();
    let kind = if step.kind == "anomalous" { ", which should be impossible" } else { "" };
    let cause = step.because_of.as_deref().map(|event| format!(" because of {event}"));
    format!("{from}{}{kind}{}", step.to, cause.unwrap_or_default())
}

fn of_notification(it: &ObjectNotification) -> String {
    let mut text = it.topic.clone();
    let parts = [
        ("delivered to", &it.delivered),
        ("pending for", &it.pending),
        ("dead-lettered for", &it.dead),
    ];
    for (word, destinations) in parts {
        if !destinations.is_empty() {
            text += &format!(", {word} {}", destinations.join(", "));
        }
    }
    text
}

fn of_dead_letter(dead_letter: &ObjectDeadLetter) -> String {
    let ObjectDeadLetter { id, event, state, code, message, .. } = dead_letter;
    format!("dead letter {id}, {state}: {event} was dead-lettered ({code}): {message}")
}

fn of_act(act: &AuditRow) -> String {
    let reason = act.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("{} by {} on {}{reason}", act.verb, act.actor, act.target)
}

/// Whether what was done to an object of this id was done to this one.
fn is_about(act: &AuditRow, key: &ObjectKey) -> bool {
    let details = &act.details;
    details["kind"] == key.kind.as_str()
        && details["account"] == key.account.as_str()
        && details["livemode"] == key.livemode
}

/// The story of an object.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Story {
    pub(super) events: Vec<LedgerEvent>,
    pub(super) attempts: Vec<Attempt>,
    pub(super) transitions: Vec<KeptTransition>,
    pub(super) notifications: Vec<ObjectNotification>,
    pub(super) dead_letters: Vec<ObjectDeadLetter>,
    pub(super) acts: Vec<AuditRow>,
}

impl Story {
    /// Reads it: of each sort of thing the newest, this many at most.
    pub(super) async fn of(store: &Store, key: &ObjectKey, most: u32) -> Result<Self, StoreError> {
        let events = store.events_of(key, most).await?;
        let ids: Vec<String> = events.iter().map(|event| event.id.clone()).collect();
        let dead_letters = store.dead_letters_of(key, most).await?;
        let targets: Vec<String> = std::iter::once(key.target())
            .chain(ids.iter().map(|id| format!("event:{id}")))
            .chain(dead_letters.iter().map(|dead_letter| format!("dead_letter:{}", dead_letter.id)))
            .collect();
        let mut transitions =
            store.transitions(&key.account, key.livemode, &key.kind, &key.id).await?;
        let surplus = transitions.len().saturating_sub(most as usize);
        transitions.drain(..surplus);
        let mut acts = store.acts_on(&targets, most).await?;
        // The log names an object by its id; which of several it was is in the details.
        let own = key.target();
        acts.retain(|act| act.target != own || is_about(act, key));
        Ok(Self {
            attempts: store.attempts_of(key, &ids, most).await?,
            notifications: store.notifications_of(key, most).await?,
            acts,
            events,
            dead_letters,
            transitions,
        })
    }

    /// Whether there may be more of any sort.
    pub(super) fn is_cut(&self, most: u32) -> bool {
        let Self { events, attempts, transitions, notifications, dead_letters, acts } = self;
        let counts = [
            events.len(),
            attempts.len(),
            transitions.len(),
            notifications.len(),
            dead_letters.len(),
            acts.len(),
        ];
        counts.into_iter().any(|count| count >= most as usize)
    }

    /// In one line of time, oldest first.
    pub(super) fn moments(self) -> Vec<Moment> {
        let Self { events, attempts, transitions, notifications, dead_letters, acts } = self;
        let mut all: Vec<Moment> = Vec::new();
        all.extend(events.into_iter().map(|it| Moment::from(Happening::Event(it))));
        all.extend(attempts.into_iter().map(|it| Moment::from(Happening::Attempt(it))));
        all.extend(transitions.into_iter().map(|it| Moment::from(Happening::Transition(it))));
        all.extend(notifications.into_iter().map(|it| Moment::from(Happening::Notification(it))));
        all.extend(dead_letters.into_iter().map(|it| Moment::from(Happening::DeadLetter(it))));
        all.extend(acts.into_iter().map(|it| Moment::from(Happening::Act(it))));
        all.sort_by_key(|moment| (moment.at, moment.what.rank()));
        all
    }
}

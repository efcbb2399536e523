//! What the reconciler is asked to do about one object, and how that ends.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tracing::Span;

use crate::domain::access::{self, Word};
use crate::domain::event::{Event, Timestamp};
use crate::domain::event_types::{self, Way};
use crate::domain::id::{EventId, ObjectId};
use crate::domain::lag::Arrival;
use crate::domain::notification;
use crate::domain::object::{Kind, Subject};
use crate::domain::plan::Next;
use crate::envelope::{self, RawObject};
use crate::redaction::{Redacted, Rules};
use crate::store::{Outcome, Publishing, Receipt};
use crate::stripe_api::{self, Fetched, FetchedState};

/// An event to settle, with what the ledger records of its arrival and of this attempt.
#[derive(Debug, Clone)]
pub struct EventTask {
    /// The event.
    pub event: Event,
    /// Its object, as it came.
    pub object: RawObject,
    /// Whether an operator has put it into the queue, perhaps long after Stripe had sent it.
    pub resent: bool,
    /// How it came in.
    pub receipt: Receipt,
    /// The number of this attempt, from 1.
    pub attempt: u32,
    /// When this attempt began: milliseconds since 1970.
    pub started_at_ms: i64,
    /// The same moment, for its duration.
    pub started: Instant,
    /// The worker that makes it.
    pub worker: String,
    /// The trace that it belongs to.
    pub trace_id: Option<String>,
}

impl EventTask {
    /// When its event was made, and for how long we have had it.
    fn arrival(&self) -> Arrival {
        let until_now = self.started_at_ms.saturating_sub(self.receipt.received_at_ms);
        let until_now = Duration::from_millis(u64::try_from(until_now).unwrap_or(0));
        Arrival {
            created: (!self.is_by_test_clock()).then_some(self.event.created),
            received_ago: until_now.saturating_add(self.started.elapsed()),
        }
    }

    /// Whether its event may have been made at another time than it says.
    fn is_by_test_clock(&self) -> bool {
        self.event.about.as_ref().is_some_and(|about| about.by_test_clock)
    }
}

/// How an event, or a refresh, ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// Now, like this.
    Now {
        /// What it did.
        outcome: Outcome,
        /// Whether Stripe was asked.
        fetched: bool,
        /// Stripe's id of that request.
        request_id: Option<String>,
    },
    /// Before: a duplicate.
    Before,
}

/// Why an object is to be brought up to date.
#[derive(Debug, Clone)]
pub(super) enum Reason {
    /// Settle this event with it.
    Settle(Box<EventTask>),
    /// Its row has to know what was so at `created`: because `cause` touched it, or for a caller without an
    /// event.
    Refresh { created: Timestamp, cause: Option<Cause>, publishing: Publishing },
    /// Its row has to be as new as an answer that Stripe gave to a command.
    Answered { seen_by: Timestamp, object: Carried },
}

impl Reason {
    /// That a row must be as new as this answer to a command.
    pub(super) fn answered(answer: &Fetched) -> Self {
        let seen_by = answer.seen_by;
        match &answer.state {
            FetchedState::Present { raw, .. } => {
                let object = Carried { object: raw.clone(), previous: Redacted::default() };
                Self::Answered { seen_by, object }
            }
            FetchedState::Deleted => {
                let publishing = Publishing::Publish;
                Self::Refresh { created: seen_by, cause: None, publishing }
            }
        }
    }
}

/// The event that touched an object which it is not about.
#[derive(Debug, Clone)]
pub(super) struct Cause {
    event: EventId,
    arrival: Arrival,
}

/// One caller's wish to have an object brought up to date.
#[derive(Debug)]
pub(super) struct Task {
    reason: Reason,
    /// When the caller came with it.
    since: Instant,
    /// The span that the caller is in.
    pub(super) span: Span,
    /// What its event carries; decoded and redacted at most once, when it is first needed.
    carried: OnceLock<Option<Carried>>,
}

/// What an event carries of its object, less what must not be kept. An answer that it is compared with has been
/// redacted, too.
#[derive(Debug, Clone)]
pub(super) struct Carried {
    pub(super) object: Redacted,
    /// What its changed fields had been before; `null` where the event does not say.
    pub(super) previous: Redacted,
}

/// A task whose event has not settled yet, and what is to be done about it.
pub(super) struct OpenTask<'a> {
    pub(super) task: &'a Task,
    pub(super) next: Next,
}

/// The open tasks that Stripe has to be asked for.
pub(super) fn asking<'a, 'b>(
    open: &'b [&'b OpenTask<'a>],
) -> impl Iterator<Item = &'b OpenTask<'a>> {
    open.iter().copied().filter(|it| it.next == Next::Fetch)
}

impl Task {
    pub(super) fn new(reason: Reason) -> Self {
        Self::since(Instant::now(), reason)
    }

    /// A task that is asked for again, and was first asked for at `since`.
    pub(super) fn since(since: Instant, reason: Reason) -> Self {
        Self { reason, since, span: Span::current(), carried: OnceLock::new() }
    }

    /// A task to settle an event. Where a notification tells of the event by itself, it is completed by what
    /// the event shows of its object.
    pub(super) fn of_event(event: EventTask, rules: &Rules) -> Self {
        let mut task = Self::new(Reason::Settle(Box::new(event)));
        if let Reason::Settle(event) = &mut task.reason
            && notification::occurrence(&event.event.event_type).is_some()
            && let Some(about) = event.event.about.as_mut()
            && let Some(carried) = task.carried.get_or_init(|| redacted(&event.object, rules))
        {
            envelope::show(about, &carried.object);
        }
        task
    }

    pub(super) fn event(&self) -> Option<&EventTask> {
        match &self.reason {
            Reason::Settle(event) => Some(event),
            Reason::Refresh { .. } | Reason::Answered { .. } => None,
        }
    }

    pub(super) fn event_mut(&mut self) -> Option<&mut EventTask> {
        match &mut self.reason {
            Reason::Settle(event) => Some(event),
            Reason::Refresh { .. } | Reason::Answered { .. } => None,
        }
    }

    pub(super) fn event_id(&self) -> Option<&EventId> {
        self.event().map(|it| &it.event.id)
    }

    pub(super) fn created(&self) -> Timestamp {
        match &self.reason {
            Reason::Settle(event) => event.event.created,
            Reason::Refresh { created, .. } => *created,
            Reason::Answered { seen_by, .. } => *seen_by,
        }
    }

    /// What becomes of the notifications of a change that it alone asked for.
    pub(super) fn publishing(&self) -> Publishing {
        match &self.reason {
            Reason::Settle(_) | Reason::Answered { .. } => Publishing::Publish,
            Reason::Refresh { publishing, .. } => *publishing,
        }
    }

    /// Whether it would have published the state that was seen by `seen_by`, had a backfill not recorded it before
    /// without a notification: its event was made before that, `margin` seconds of skew allowed.
    pub(super) fn tells_of(&self, seen_by: Timestamp, margin: i64) -> bool {
        self.publishing() == Publishing::Publish
            && (self.is_by_test_clock() || self.created() <= seen_by.saturating_add(margin))
    }

    /// The time that a row must have been fetched after to know all that this event can tell.
    pub(super) fn covered_after(&self) -> Timestamp {
        if self.is_by_test_clock() { Timestamp::MAX } else { self.created() }
    }

    fn is_by_test_clock(&self) -> bool {
        self.event().is_some_and(EventTask::is_by_test_clock)
    }

    /// This task's event, as the cause of a look at another object.
    pub(super) fn as_cause(&self) -> Option<Cause> {
        self.event().map(|it| Cause { event: it.event.id.clone(), arrival: it.arrival() })
    }

    /// The event behind it.
    pub(super) fn cause(&self) -> Option<&EventId> {
        match &self.reason {
            Reason::Settle(event) => Some(&event.event.id),
            Reason::Refresh { cause, .. } => cause.as_ref().map(|cause| &cause.event),
            Reason::Answered { .. } => None,
        }
    }

    /// When the event or the answer behind it was made, and for how long we have had it; none where there is
    /// neither.
    pub(super) fn arrival(&self) -> Option<Arrival> {
        match &self.reason {
            Reason::Settle(event) => Some(event.arrival()),
            Reason::Refresh { cause, .. } => cause.as_ref().map(|cause| cause.arrival),
            Reason::Answered { seen_by, .. } => {
                Some(Arrival { created: Some(*seen_by), received_ago: self.since.elapsed() })
            }
        }
    }

    /// For how long it has been wanted: since its event was received, or since its caller came.
    pub(super) fn wanted_for(&self) -> Duration {
        self.arrival().map_or_else(|| self.since.elapsed(), |arrival| arrival.received_ago)
    }

    /// [`led_here`], for the event behind it.
    pub(super) fn led_here(&self) -> Option<(&EventId, Timestamp)> {
        match &self.reason {
            Reason::Settle(event) => led_here(&event.event),
            Reason::Refresh { created, cause, .. } => {
                cause.as_ref().map(|cause| (&cause.event, *created))
            }
            Reason::Answered { .. } => None,
        }
    }

    /// The payment that its object belongs to, as its event says.
    pub(super) fn payment(&self) -> Option<&ObjectId> {
        self.event()?.event.about.as_ref()?.payment_intent.as_ref()
    }

    /// What it says about our access to its account.
    pub(super) fn word(&self) -> Option<Word> {
        self.event().and_then(|it| access::word(&it.event.event_type))
    }

    /// What its event carries, or the answer.
    pub(super) fn carried(&self, rules: &Rules) -> Option<&Carried> {
        match &self.reason {
            Reason::Settle(event) => {
                self.carried.get_or_init(|| redacted(&event.object, rules)).as_ref()
            }
            Reason::Refresh { .. } => None,
            Reason::Answered { object, .. } => Some(object),
        }
    }

    /// The version of the API that its event or the answer is in.
    pub(super) fn api_version(&self) -> Option<&str> {
        match &self.reason {
            Reason::Settle(event) => event.event.api_version.as_deref(),
            Reason::Refresh { .. } => None,
            Reason::Answered { .. } => Some(stripe_api::api_version()),
        }
    }

    /// Its object as the event shows it, in the shape of our version of the API. `None`: the event shows none,
    /// shows it in another shape, or says nothing of when it was so.
    pub(super) fn snapshot(&self, rules: &Rules) -> Option<&Redacted> {
        let same_version = self.api_version() == Some(stripe_api::api_version());
        (same_version && !self.is_by_test_clock())
            .then(|| self.carried(rules))?
            .map(|it| &it.object)
    }

    /// Whether its event carries this object, and not one that belongs to it.
    pub(super) fn shows(&self, subject: &Subject, rules: &Rules) -> bool {
        self.carried(rules).is_some_and(|it| {
            it.object["object"] == subject.kind.as_str() && it.object["id"] == subject.id.as_str()
        })
    }

    /// Whether it comes fresh from Stripe.
    pub(super) fn is_fresh(&self) -> bool {
        self.event().is_some_and(|it| !it.resent)
    }

    /// [`tells_deletion`], for its event.
    pub(super) fn tells_deletion_of(&self, subject: &Subject) -> bool {
        self.event().is_some_and(|it| tells_deletion(&it.event, subject))
    }

    /// Whether its event says that a payment method was detached from its customer.
    pub(super) fn tells_detachment(&self) -> bool {
        self.event().is_some_and(|it| event_types::is_detachment(&it.event.event_type))
    }

    /// [`expects_absence`], for its event.
    pub(super) fn expects_absence(&self) -> bool {
        self.event().is_some_and(|it| expects_absence(&it.event))
    }
}

fn redacted(object: &RawObject, rules: &Rules) -> Option<Carried> {
    let envelope::Carried { object, previous } = object.decode()?;
    let (object, previous) = rules.redact_carried(object, previous);
    Some(Carried { object, previous })
}

/// Whether an event says that this object was deleted. None says that of a connected account: what it says
/// was deleted is a part of it, such as a person, that led here.
pub(super) fn tells_deletion(event: &Event, subject: &Subject) -> bool {
    subject.kind != Kind::Account && event_types::way(&event.event_type) == Way::Deleted
}

/// Whether an object may be missing after an event of this type.
pub(super) fn expects_absence(event: &Event) -> bool {
    event_types::way(&event.event_type) == Way::Deleted
        || event_types::is_detachment(&event.event_type)
}

/// The event by which its object was found, and when it was made, if Stripe has it by its id among those
/// of its first API. A thin event has no version, and is found elsewhere.
pub(super) fn led_here(event: &Event) -> Option<(&EventId, Timestamp)> {
    event.api_version.as_ref().map(|_| (&event.id, event.created))
}

//! What the road is asked for, and what it answers.

use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::{Value, json};

use crate::domain::access::{self, Word};
use crate::domain::event::{Event, Timestamp};
use crate::domain::event_types::{self, Way};
use crate::domain::id::{EventId, ObjectId};
use crate::domain::lag::Arrival;
use crate::domain::notification;
use crate::domain::object::{Kind, Subject};
use crate::envelope::{self, Carried};
use crate::redaction::{Redacted, Rules};
use crate::store::{Outcome, Receipt};
use crate::stripe_api;

/// An event to settle, with what the ledger keeps about its arrival and this attempt.
#[derive(Debug, Clone)]
pub struct Request {
    /// The event.
    pub event: Event,
    /// The event as it came; what it says of its object may be enough.
    pub body: Bytes,
    /// Whether a person has put it into the queue, perhaps long after Stripe had sent it.
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

impl Request {
    /// Adds to the event what it shows of its object, where it is told by itself. Read from the object
    /// that is left when it has been redacted: it goes into a notification.
    pub(super) fn show(&mut self, rules: &Rules) {
        if notification::occurrence(&self.event.event_type).is_some()
            && let Some(about) = self.event.about.as_mut()
            && let Some(object) = envelope::snapshot(&self.body)
        {
            envelope::show(about, &rules.redact(object));
        }
    }
}

/// How an event ended.
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
pub(super) enum Task {
    /// Settle this event with it.
    Settle(Box<Request>),
    /// Only see to it that the row knows what was so at `created`, because `cause` touched it, or
    /// because somebody wants to know.
    Refresh { created: Timestamp, cause: Option<Cause> },
}

/// The event that touched an object which it is not about.
pub(super) struct Cause {
    pub(super) event: EventId,
    arrival: Arrival,
}

impl Cause {
    pub(super) fn of(request: &Request) -> Self {
        Self { event: request.event.id.clone(), arrival: request.arrival() }
    }
}

impl Request {
    /// When its event was made, and for how long we have had it.
    fn arrival(&self) -> Arrival {
        let by_test_clock = self.event.about.as_ref().is_some_and(|about| about.by_test_clock);
        let until_now = self.started_at_ms.saturating_sub(self.receipt.received_at_ms);
        let until_now = Duration::from_millis(u64::try_from(until_now).unwrap_or(0));
        Arrival {
            created: (!by_test_clock).then_some(self.event.created),
            received_ago: until_now.saturating_add(self.started.elapsed()),
        }
    }
}

impl Task {
    pub(super) fn created(&self) -> Timestamp {
        match self {
            Self::Settle(request) => request.event.created,
            Self::Refresh { created, .. } => *created,
        }
    }

    /// What the row must have been looked at after, to know all that it would tell.
    pub(super) fn covered_after(&self) -> Timestamp {
        if self.is_by_test_clock() { Timestamp::MAX } else { self.created() }
    }

    /// Whether its event may have been made at another time than it says.
    fn is_by_test_clock(&self) -> bool {
        match self {
            Self::Settle(request) => {
                request.event.about.as_ref().is_some_and(|about| about.by_test_clock)
            }
            Self::Refresh { .. } => false,
        }
    }

    pub(super) fn cause(&self) -> Option<&EventId> {
        match self {
            Self::Settle(request) => Some(&request.event.id),
            Self::Refresh { cause, .. } => cause.as_ref().map(|cause| &cause.event),
        }
    }

    /// When the event behind it was made, and for how long we have had it; none where there is none.
    pub(super) fn arrival(&self) -> Option<Arrival> {
        match self {
            Self::Settle(request) => Some(request.arrival()),
            Self::Refresh { cause, .. } => cause.as_ref().map(|cause| cause.arrival),
        }
    }

    /// [`led_here`], for the event behind it.
    pub(super) fn led_here(&self) -> Option<(&EventId, Timestamp)> {
        match self {
            Self::Settle(request) => led_here(&request.event),
            Self::Refresh { created, cause } => {
                cause.as_ref().map(|cause| (&cause.event, *created))
            }
        }
    }

    /// The payment that its object belongs to, as its event says.
    pub(super) fn payment(&self) -> Option<&ObjectId> {
        match self {
            Self::Settle(request) => request.event.about.as_ref()?.payment_intent.as_ref(),
            Self::Refresh { .. } => None,
        }
    }

    /// What it says about our access to its account.
    pub(super) fn word(&self) -> Option<Word> {
        match self {
            Self::Settle(request) => access::word(&request.event.event_type),
            Self::Refresh { .. } => None,
        }
    }

    /// Its object as the event shows it, if it does, and in the shape of our version of the API; less
    /// what must not be kept.
    pub(super) fn snapshot(&self, rules: &Rules) -> Option<Redacted> {
        match self {
            Self::Settle(request)
                if !self.is_by_test_clock()
                    && request.event.api_version.as_deref() == Some(stripe_api::api_version()) =>
            {
                envelope::snapshot(&request.body).map(|object| rules.redact(object))
            }
            Self::Settle(_) | Self::Refresh { .. } => None,
        }
    }

    /// What its event carries, less what must not be kept, and in which version of the API. An answer is
    /// compared with it, and that has been redacted, too.
    pub(super) fn carried(&self, rules: &Rules) -> Option<(Carried, &str)> {
        match self {
            Self::Settle(request) => {
                let version = request.event.api_version.as_deref()?;
                let Carried { object, previous } = envelope::carried(&request.body)?;
                let event = json!({
                    "object": "event",
                    "data": {"object": object, "previous_attributes": previous},
                });
                let mut event = rules.redact(event).into_value();
                let mut take = |pointer| event.pointer_mut(pointer).map(Value::take);
                let object = take("/data/object")?;
                let previous = take("/data/previous_attributes").unwrap_or_default();
                Some((Carried { object, previous }, version))
            }
            Self::Refresh { .. } => None,
        }
    }

    /// Whether its event carries this object, and not one that belongs to it.
    pub(super) fn shows(&self, subject: &Subject) -> bool {
        match self {
            Self::Settle(request) => envelope::carried(&request.body).is_some_and(|carried| {
                carried.object["object"] == subject.kind.as_str()
                    && carried.object["id"] == subject.id.as_str()
            }),
            Self::Refresh { .. } => false,
        }
    }

    /// Whether it comes fresh from Stripe.
    pub(super) fn is_fresh(&self) -> bool {
        match self {
            Self::Settle(request) => !request.resent,
            Self::Refresh { .. } => false,
        }
    }

    /// Whether its event says that this object was deleted.
    pub(super) fn tells_deletion_of(&self, subject: &Subject) -> bool {
        match self {
            Self::Settle(request) => tells_deletion(&request.event, subject),
            Self::Refresh { .. } => false,
        }
    }

    /// Whether its event says that a customer has a payment method no more.
    pub(super) fn tells_detachment(&self) -> bool {
        match self {
            Self::Settle(request) => event_types::is_detachment(&request.event.event_type),
            Self::Refresh { .. } => false,
        }
    }

    /// [`expects_absence`], for its event.
    pub(super) fn expects_absence(&self) -> bool {
        match self {
            Self::Settle(request) => expects_absence(&request.event),
            Self::Refresh { .. } => false,
        }
    }

    pub(super) fn event_id(&self) -> Option<&EventId> {
        match self {
            Self::Settle(request) => Some(&request.event.id),
            Self::Refresh { .. } => None,
        }
    }
}

/// Whether an event says that this object was deleted. None says that of a connected account: what it says
/// was deleted is a part of it, such as a person, that led here.
pub(super) fn tells_deletion(event: &Event, subject: &Subject) -> bool {
    subject.kind != Kind::Account && event_types::way(&event.event_type) == Way::Deleted
}

/// Whether an event of this type tells of what leaves nothing to be seen behind.
pub(super) fn expects_absence(event: &Event) -> bool {
    event_types::way(&event.event_type) == Way::Deleted
        || event_types::is_detachment(&event.event_type)
}

/// The event by which its object was found, and when it was made, if Stripe has it by its id among those
/// of its first API. A thin event has no version, and is found elsewhere.
pub(super) fn led_here(event: &Event) -> Option<(&EventId, Timestamp)> {
    event.api_version.as_ref().map(|_| (&event.id, event.created))
}

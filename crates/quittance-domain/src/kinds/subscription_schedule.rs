//! Subscription schedule: what a subscription will be, phase by phase.

use serde::{Deserialize, Serialize};

use crate::event::Timestamp;
use crate::field;
use crate::id::ObjectId;
use crate::listing::{Listing, ObjectList};
use crate::object_kind::{KindSpec, ObjectKind, Signs};
use crate::status_word::words;
use crate::transition::{RecordedStatus, StateMachine, StatusWord};

words! {
    /// Stripe's `status` of a schedule (docs.stripe.com, "The Subscription Schedule object").
    pub enum ScheduleStatus {
        /// Its first phase lies ahead; there is no subscription yet.
        NotStarted = "not_started",
        /// It drives a subscription.
        Active = "active",
        /// All phases are over.
        Completed = "completed",
        /// It let its subscription go on without it.
        Released = "released",
        /// Called off, and its subscription with it.
        Canceled = "canceled",
    }
}

impl StateMachine for ScheduleStatus {
    fn steps_to(self, next: Self) -> bool {
        match self {
            Self::NotStarted => matches!(next, Self::Active | Self::Released | Self::Canceled),
            Self::Active => matches!(next, Self::Completed | Self::Released | Self::Canceled),
            Self::Completed | Self::Released | Self::Canceled => false,
        }
    }
}

/// All that Stripe says about a schedule and that we keep in columns.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct ScheduleObserved {
    /// Stripe's status.
    pub status: StatusWord<ScheduleStatus>,
    /// Whose it is.
    #[serde(deserialize_with = "field::needed_id_text")]
    pub customer: String,
    /// The subscription that it drives.
    #[serde(default, deserialize_with = "field::object_id")]
    pub subscription: Option<ObjectId>,
    /// The one that it drove before it let go.
    #[serde(default, deserialize_with = "field::object_id")]
    pub released_subscription: Option<ObjectId>,
    /// `release`, `cancel`, ...: what happens after the last phase.
    pub end_behavior: String,
    /// The present phase.
    #[serde(default, deserialize_with = "field::object", serialize_with = "field::part")]
    pub current_phase: Option<SchedulePhase>,
    /// When it was called off.
    #[serde(default, deserialize_with = "field::time")]
    pub canceled_at: Option<Timestamp>,
    /// When its last phase was over.
    #[serde(default, deserialize_with = "field::time")]
    pub completed_at: Option<Timestamp>,
    /// When it let go.
    #[serde(default, deserialize_with = "field::time")]
    pub released_at: Option<Timestamp>,
    /// The team's own link to their rows, sorted by key.
    #[serde(default, with = "field::metadata")]
    pub metadata: Vec<(String, String)>,
    /// When Stripe made it.
    #[serde(rename(serialize = "stripe_created"), deserialize_with = "field::needed_time")]
    pub created: Timestamp,
}

/// A phase of a schedule.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct SchedulePhase {
    /// When it began.
    #[serde(default, rename(serialize = "current_phase_start"), deserialize_with = "field::time")]
    pub start_date: Option<Timestamp>,
    /// When it ends.
    #[serde(default, rename(serialize = "current_phase_end"), deserialize_with = "field::time")]
    pub end_date: Option<Timestamp>,
}

// It has no notifications: what a schedule does, it does to its subscription, which has some.
impl ObjectKind for ScheduleObserved {
    type Status = ScheduleStatus;
    type Recorded = RecordedStatus<ScheduleStatus>;

    const SPEC: KindSpec = KindSpec {
        object: "subscription_schedule",
        endpoint: "subscription_schedules",
        listing: Listing::of(&[ObjectList::of(
            "list_subscription_schedules",
            "/v1/subscription_schedules",
        )]),
        id_prefixes: &["sub_sched_"],
        facts: &["customer", "subscription"],
        signs: Signs {
            once: &["canceled_at", "completed_at", "released_at"],
            other: &["current_phase", "end_behavior", "phases", "metadata"],
            ..Signs::NONE
        },
        ..KindSpec::PLAIN
    };

    fn status(&self) -> StatusWord<ScheduleStatus> {
        self.status.clone()
    }

    fn recorded(&self) -> Self::Recorded {
        RecordedStatus { status: self.status() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transition::matrix;

    #[test]
    fn the_state_machine_is_the_reviewed_one() {
        insta::assert_snapshot!(matrix::<ScheduleStatus>());
    }
}

#[cfg(test)]
#[path = "subscription_schedule_json_tests.rs"]
mod json_tests;

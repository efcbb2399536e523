//! Subscription schedule: what a subscription will be, phase by phase.

use serde::Deserialize;

use super::event::Timestamp;
use super::field;
use super::id::ObjectId;
use super::notification::Notification;
use super::transition::{self, StatusWord, Transition};

/// Stripe's `status` of a schedule (docs.stripe.com, "The Subscription Schedule object").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// Its first phase lies ahead; there is no subscription yet.
    NotStarted,
    /// It drives a subscription.
    Active,
    /// All phases are over.
    Completed,
    /// It let its subscription go on without it.
    Released,
    /// Called off, and its subscription with it.
    Canceled,
}

impl transition::Status for Status {
    const ALL: &'static [Self] =
        &[Self::NotStarted, Self::Active, Self::Completed, Self::Released, Self::Canceled];

    fn as_str(self) -> &'static str {
        match self {
            Self::NotStarted => "not_started",
            Self::Active => "active",
            Self::Completed => "completed",
            Self::Released => "released",
            Self::Canceled => "canceled",
        }
    }

    fn steps_to(self, next: Self) -> bool {
        match self {
            Self::NotStarted => matches!(next, Self::Active | Self::Released | Self::Canceled),
            Self::Active => matches!(next, Self::Completed | Self::Released | Self::Canceled),
            Self::Completed | Self::Released | Self::Canceled => false,
        }
    }
}

/// All that Stripe says about a schedule and that we keep in columns.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Observed {
    /// Stripe's status.
    pub status: StatusWord<Status>,
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
    #[serde(default, deserialize_with = "field::object")]
    pub current_phase: Option<Phase>,
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
    #[serde(default, deserialize_with = "field::metadata")]
    pub metadata: Vec<(String, String)>,
    /// When Stripe made it.
    #[serde(deserialize_with = "field::needed_time")]
    pub created: Timestamp,
}

/// A phase of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Phase {
    /// When it began.
    #[serde(default, deserialize_with = "field::time")]
    pub start_date: Option<Timestamp>,
    /// When it ends.
    #[serde(default, deserialize_with = "field::time")]
    pub end_date: Option<Timestamp>,
}

/// What the rules need to know of the row as it is.
pub type Recorded = transition::Recorded<Status>;

/// Judges the observed status against the recorded one.
#[must_use]
pub fn transition(recorded: Option<&Recorded>, observed: &Observed) -> Transition {
    transition::of_status(recorded, &observed.status)
}

/// None: what a schedule does, it does to its subscription, which tells it.
#[must_use]
pub fn notifications(_: Option<&Recorded>, _: &Observed) -> Vec<Notification> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::super::transition::matrix;
    use super::*;

    #[test]
    fn the_state_machine_is_the_reviewed_one() {
        insta::assert_snapshot!(matrix::<Status>());
    }
}

#[cfg(test)]
#[path = "subscription_schedule_json_tests.rs"]
mod json_tests;

//! Subscription schedule: what a subscription will be, phase by phase.

use super::event::Timestamp;
use super::id::ObjectId;
use super::notification::Notification;
use super::transition::{self, Transition};

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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// Stripe's status.
    pub status: Status,
    /// Whose it is.
    pub customer: String,
    /// The subscription that it drives.
    pub subscription: Option<ObjectId>,
    /// The one that it drove before it let go.
    pub released_subscription: Option<ObjectId>,
    /// `release`, `cancel`, ...: what happens after the last phase.
    pub end_behavior: String,
    /// When the present phase began.
    pub current_phase_start: Option<Timestamp>,
    /// When the present phase ends.
    pub current_phase_end: Option<Timestamp>,
    /// When it was called off.
    pub canceled_at: Option<Timestamp>,
    /// When its last phase was over.
    pub completed_at: Option<Timestamp>,
    /// When it let go.
    pub released_at: Option<Timestamp>,
    /// The team's own link to their rows, sorted by key.
    pub metadata: Vec<(String, String)>,
    /// When Stripe made it.
    pub created: Timestamp,
}

/// What the rules need to know of the row as it is.
pub type Recorded = transition::Recorded<Status>;

/// Judges the observed status against the recorded one.
#[must_use]
pub fn transition(recorded: Option<&Recorded>, observed: &Observed) -> Transition {
    transition::of_status(recorded, observed.status)
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

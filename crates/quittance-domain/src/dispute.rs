//! Dispute: a customer asks the bank for the money back, and the bank decides.

use serde::{Deserialize, Deserializer};

use super::event::Timestamp;
use super::field;
use super::id::ObjectId;
use super::money::{Currency, Minor};
use super::notification::{Notification, Topic};
use super::transition::{self, StatusWord, Transition};

/// Stripe's `status` of a dispute (docs.stripe.com, "The Dispute object", "How disputes work").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// An inquiry: a question of the bank's before any money moves.
    WarningNeedsResponse,
    /// An inquiry that was answered.
    WarningUnderReview,
    /// An inquiry that ended without a dispute.
    WarningClosed,
    /// The money is withdrawn, and evidence is due.
    NeedsResponse,
    /// The bank looks at the evidence.
    UnderReview,
    /// The money comes back.
    Won,
    /// The money is gone.
    Lost,
    /// The payment was given back before it became a dispute.
    Prevented,
}

impl transition::Status for Status {
    const ALL: &'static [Self] = &[
        Self::WarningNeedsResponse,
        Self::WarningUnderReview,
        Self::WarningClosed,
        Self::NeedsResponse,
        Self::UnderReview,
        Self::Won,
        Self::Lost,
        Self::Prevented,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::WarningNeedsResponse => "warning_needs_response",
            Self::WarningUnderReview => "warning_under_review",
            Self::WarningClosed => "warning_closed",
            Self::NeedsResponse => "needs_response",
            Self::UnderReview => "under_review",
            Self::Won => "won",
            Self::Lost => "lost",
            Self::Prevented => "prevented",
        }
    }

    fn steps_to(self, next: Self) -> bool {
        match self {
            // An inquiry can grow into a dispute at any time, answered or not.
            Self::WarningNeedsResponse => matches!(
                next,
                Self::WarningUnderReview
                    | Self::WarningClosed
                    | Self::NeedsResponse
                    | Self::Prevented
            ),
            Self::WarningUnderReview => {
                matches!(next, Self::WarningClosed | Self::NeedsResponse | Self::Prevented)
            }
            // Won without evidence: the customer withdrew it.
            Self::NeedsResponse => {
                matches!(next, Self::UnderReview | Self::Won | Self::Lost | Self::Prevented)
            }
            Self::UnderReview => matches!(next, Self::Won | Self::Lost),
            Self::WarningClosed | Self::Won | Self::Lost | Self::Prevented => false,
        }
    }
}

/// All that Stripe says about a dispute and that we keep in columns.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Observed {
    /// Stripe's status.
    pub status: StatusWord<Status>,
    /// What is disputed; may differ from what was charged.
    #[serde(deserialize_with = "field::needed_number")]
    pub amount: Minor,
    /// Its currency.
    pub currency: Currency,
    /// `fraudulent`, `product_not_received`, ...
    pub reason: String,
    /// The charge that is disputed.
    #[serde(default, deserialize_with = "field::object_id")]
    pub charge: Option<ObjectId>,
    /// The payment that it belongs to.
    #[serde(default, deserialize_with = "field::object_id")]
    pub payment_intent: Option<ObjectId>,
    /// What is known of the evidence.
    pub evidence_details: EvidenceDetails,
    /// Whether giving the money back still ends it.
    pub is_charge_refundable: bool,
    /// The team's own link to their rows, sorted by key.
    #[serde(default, deserialize_with = "field::metadata")]
    pub metadata: Vec<(String, String)>,
    /// When Stripe made it.
    #[serde(deserialize_with = "field::needed_time")]
    pub created: Timestamp,
}

/// Stripe's `evidence_details` of a dispute.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct EvidenceDetails {
    /// Until when evidence counts; none where the bank takes none.
    #[serde(default, deserialize_with = "due_by")]
    pub due_by: Option<Timestamp>,
    /// Whether evidence was handed in after that.
    pub past_due: bool,
    /// Whether evidence was prepared.
    pub has_evidence: bool,
    /// How often evidence was handed in.
    #[serde(deserialize_with = "field::needed_number")]
    pub submission_count: i64,
}

/// Stripe's 0 says that the bank takes no evidence for this one.
fn due_by<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
    Ok(field::time(from)?.filter(|due| *due != 0))
}

/// What the rules need to know of the row as it is.
pub type Recorded = transition::Recorded<Status>;

/// Judges the observed status against the recorded one.
#[must_use]
pub fn transition(recorded: Option<&Recorded>, observed: &Observed) -> Transition {
    transition::of_status(recorded, &observed.status)
}

/// The state facts that this step makes true. One that is first seen at its end was opened too.
#[must_use]
pub fn notifications(recorded: Option<&Recorded>, observed: &Observed) -> Vec<Notification> {
    if recorded.is_some_and(|r| r.status == observed.status) {
        return Vec::new();
    }
    let opened = recorded.is_none().then_some(Topic::DisputeOpened);
    let ended = observed.status.known().and_then(|status| match status {
        Status::Won => Some(Topic::DisputeWon),
        Status::Lost => Some(Topic::DisputeLost),
        Status::WarningClosed | Status::Prevented => Some(Topic::DisputeClosed),
        Status::WarningNeedsResponse
        | Status::WarningUnderReview
        | Status::NeedsResponse
        | Status::UnderReview => None,
    });
    opened.into_iter().chain(ended).map(Notification::state).collect()
}

#[cfg(test)]
mod tests {
    use super::super::transition::{Move, matrix};
    use super::*;

    fn observed(status: Status) -> Observed {
        Observed {
            status: status.into(),
            amount: 1_000,
            currency: Currency::parse("eur").unwrap(),
            reason: "fraudulent".into(),
            charge: None,
            payment_intent: None,
            evidence_details: EvidenceDetails::default(),
            is_charge_refundable: false,
            metadata: vec![],
            created: 0,
        }
    }

    fn step(from: Option<Status>, to: Status) -> (Move, Vec<Topic>) {
        transition::step(from, &observed(to), super::transition, super::notifications)
    }

    #[test]
    fn the_state_machine_is_the_reviewed_one() {
        insta::assert_snapshot!(matrix::<Status>());
    }

    #[test]
    fn it_is_opened_once_and_ended_once() {
        use Status::{Lost, NeedsResponse, UnderReview, Won};
        let opened = step(None, NeedsResponse);
        assert_eq!(opened, (Move::Opened, vec![Topic::DisputeOpened]));
        assert_eq!(step(Some(NeedsResponse), UnderReview), (Move::Expected, vec![]));
        assert_eq!(step(Some(UnderReview), Won), (Move::Expected, vec![Topic::DisputeWon]));
        assert_eq!(step(Some(UnderReview), Lost), (Move::Expected, vec![Topic::DisputeLost]));
        assert_eq!(step(Some(Lost), Lost), (Move::Same, vec![]));
    }

    #[test]
    fn one_that_is_first_seen_at_its_end_was_opened_too() {
        let told = step(None, Status::Lost).1;
        assert_eq!(told, [Topic::DisputeOpened, Topic::DisputeLost]);
    }

    #[test]
    fn an_inquiry_closes_or_grows_into_a_dispute() {
        use Status::{NeedsResponse, WarningClosed, WarningNeedsResponse};
        let closed = step(Some(WarningNeedsResponse), WarningClosed);
        assert_eq!(closed, (Move::Expected, vec![Topic::DisputeClosed]));
        assert_eq!(step(Some(WarningNeedsResponse), NeedsResponse), (Move::Expected, vec![]));
        assert_eq!(step(Some(WarningClosed), NeedsResponse).0, Move::Anomalous);
    }
}

#[cfg(test)]
#[path = "dispute_json_tests.rs"]
mod json_tests;

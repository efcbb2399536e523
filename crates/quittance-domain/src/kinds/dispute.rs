//! Dispute: a customer asks the bank for the money back, and the bank decides.

use serde::{Deserialize, Deserializer, Serialize};

use crate::event::Timestamp;
use crate::field;
use crate::id::ObjectId;
use crate::listing::{Listing, ObjectList};
use crate::money::{Currency, Minor};
use crate::notification::{Notification, Topic};
use crate::object_kind::{KindSpec, ObjectKind, Signs};
use crate::status_word::words;
use crate::transition::{RecordedStatus, StateMachine, StatusWord};

words! {
    /// Stripe's `status` of a dispute (docs.stripe.com, "The Dispute object", "How disputes work").
    pub enum DisputeStatus {
        /// An inquiry: a question of the bank's before any money moves.
        WarningNeedsResponse = "warning_needs_response",
        /// An inquiry that was answered.
        WarningUnderReview = "warning_under_review",
        /// An inquiry that ended without a dispute.
        WarningClosed = "warning_closed",
        /// The money is withdrawn, and evidence is due.
        NeedsResponse = "needs_response",
        /// The bank looks at the evidence.
        UnderReview = "under_review",
        /// The money comes back.
        Won = "won",
        /// The money is gone.
        Lost = "lost",
        /// The payment was given back before it became a dispute.
        Prevented = "prevented",
    }
}

impl StateMachine for DisputeStatus {
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
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct DisputeObserved {
    /// Stripe's status.
    pub status: StatusWord<DisputeStatus>,
    /// What is disputed; may differ from what was charged.
    #[serde(deserialize_with = "field::needed_number")]
    pub amount: Minor,
    /// Its currency.
    pub currency: Currency,
    /// `fraudulent`, `product_not_received`, ...
    pub reason: String,
    /// The card network's own code for the reason: `4853`, `13.1`, ... What counts as evidence depends on
    /// it.
    #[serde(
        default,
        rename(deserialize = "payment_method_details"),
        deserialize_with = "network_reason_code"
    )]
    pub network_reason_code: Option<String>,
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
    #[serde(default, with = "field::metadata")]
    pub metadata: Vec<(String, String)>,
    /// When Stripe made it.
    #[serde(rename(serialize = "stripe_created"), deserialize_with = "field::needed_time")]
    pub created: Timestamp,
}

/// Stripe's `evidence_details` of a dispute.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct EvidenceDetails {
    /// Until when evidence counts; none where the bank takes none.
    #[serde(default, rename(serialize = "evidence_due_by"), deserialize_with = "due_by")]
    pub due_by: Option<Timestamp>,
    /// Whether evidence was handed in after that.
    #[serde(rename(serialize = "evidence_past_due"))]
    pub past_due: bool,
    /// Whether evidence was prepared.
    pub has_evidence: bool,
    /// How often evidence was handed in.
    #[serde(deserialize_with = "field::needed_number")]
    pub submission_count: i64,
}

/// From `payment_method_details`, which says under `card` what the network said.
fn network_reason_code<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    struct PaymentMethodDetails {
        #[serde(default, deserialize_with = "field::object")]
        card: Option<CardDetails>,
    }
    #[derive(Deserialize)]
    struct CardDetails {
        #[serde(default, deserialize_with = "field::text")]
        network_reason_code: Option<String>,
    }
    let card = field::object::<PaymentMethodDetails, D>(from)?.and_then(|it| it.card);
    Ok(card.and_then(|it| it.network_reason_code))
}

/// Stripe's 0 says that the bank takes no evidence for this one.
fn due_by<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
    Ok(field::time(from)?.filter(|due| *due != 0))
}

impl ObjectKind for DisputeObserved {
    type Status = DisputeStatus;
    type Recorded = RecordedStatus<DisputeStatus>;

    const SPEC: KindSpec = KindSpec {
        object: "dispute",
        endpoint: "disputes",
        listing: Listing::of(&[ObjectList::of("list_disputes", "/v1/disputes")]),
        id_prefixes: &["dp_", "du_"],
        changes_its_charge: true,
        facts: &["amount", "currency", "reason", "evidence_due_by", "charge", "payment_intent"],
        signs: Signs {
            rising: &["evidence_details.submission_count"],
            other: &["amount", "evidence_details.due_by", "is_charge_refundable", "metadata"],
            ..Signs::NONE
        },
        ..KindSpec::PLAIN
    };

    fn status(&self) -> StatusWord<DisputeStatus> {
        self.status.clone()
    }

    fn recorded(&self) -> Self::Recorded {
        RecordedStatus { status: self.status() }
    }

    /// The state facts that this step makes true. One that is first seen at its end was opened too.
    fn notifications(&self, recorded: Option<&Self::Recorded>) -> Vec<Notification> {
        if recorded.is_some_and(|r| r.status == self.status) {
            return Vec::new();
        }
        let opened = recorded.is_none().then_some(Topic::DisputeOpened);
        let ended = self.status.known().and_then(|status| match status {
            DisputeStatus::Won => Some(Topic::DisputeWon),
            DisputeStatus::Lost => Some(Topic::DisputeLost),
            DisputeStatus::WarningClosed | DisputeStatus::Prevented => Some(Topic::DisputeClosed),
            DisputeStatus::WarningNeedsResponse
            | DisputeStatus::WarningUnderReview
            | DisputeStatus::NeedsResponse
            | DisputeStatus::UnderReview => None,
        });
        opened.into_iter().chain(ended).map(Notification::state).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object_kind;
    use crate::transition::{Move, matrix};

    fn observed(status: DisputeStatus) -> DisputeObserved {
        DisputeObserved {
            status: status.into(),
            amount: 1_000,
            currency: Currency::parse("eur").unwrap(),
            reason: "fraudulent".into(),
            network_reason_code: None,
            charge: None,
            payment_intent: None,
            evidence_details: EvidenceDetails::default(),
            is_charge_refundable: false,
            metadata: vec![],
            created: 0,
        }
    }

    fn step(from: Option<DisputeStatus>, to: DisputeStatus) -> (Move, Vec<Topic>) {
        object_kind::step(from, &observed(to))
    }

    #[test]
    fn the_state_machine_is_the_reviewed_one() {
        insta::assert_snapshot!(matrix::<DisputeStatus>());
    }

    #[test]
    fn it_is_opened_once_and_ended_once() {
        use DisputeStatus::{Lost, NeedsResponse, UnderReview, Won};
        let opened = step(None, NeedsResponse);
        assert_eq!(opened, (Move::Opened, vec![Topic::DisputeOpened]));
        assert_eq!(step(Some(NeedsResponse), UnderReview), (Move::Expected, vec![]));
        assert_eq!(step(Some(UnderReview), Won), (Move::Expected, vec![Topic::DisputeWon]));
        assert_eq!(step(Some(UnderReview), Lost), (Move::Expected, vec![Topic::DisputeLost]));
        assert_eq!(step(Some(Lost), Lost), (Move::Same, vec![]));
    }

    #[test]
    fn one_that_is_first_seen_at_its_end_was_opened_too() {
        let told = step(None, DisputeStatus::Lost).1;
        assert_eq!(told, [Topic::DisputeOpened, Topic::DisputeLost]);
    }

    #[test]
    fn an_inquiry_closes_or_grows_into_a_dispute() {
        use DisputeStatus::{NeedsResponse, WarningClosed, WarningNeedsResponse};
        let closed = step(Some(WarningNeedsResponse), WarningClosed);
        assert_eq!(closed, (Move::Expected, vec![Topic::DisputeClosed]));
        assert_eq!(step(Some(WarningNeedsResponse), NeedsResponse), (Move::Expected, vec![]));
        assert_eq!(step(Some(WarningClosed), NeedsResponse).0, Move::Anomalous);
    }
}

#[cfg(test)]
#[path = "dispute_json_tests.rs"]
mod json_tests;

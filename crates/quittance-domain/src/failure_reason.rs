//! Why an attempt to charge or to save a payment method failed.

use serde::{Deserialize, Serialize};

use crate::field;

/// Why the last attempt failed, in Stripe's own words (docs.stripe.com, "Error codes", "Decline
/// codes"), read from the error of a payment, a setup or an event, and written as three columns.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct FailureReason {
    /// `card_declined`, `authentication_required`, `processing_error`, ...
    #[serde(default, rename(serialize = "failure_code"), deserialize_with = "field::text")]
    pub code: Option<String>,
    /// The bank's finer word: `insufficient_funds`, `lost_card`, ...
    #[serde(default, rename(serialize = "failure_decline_code"), deserialize_with = "field::text")]
    pub decline_code: Option<String>,
    /// A sentence for people.
    #[serde(default, rename(serialize = "failure_message"), deserialize_with = "field::text")]
    pub message: Option<String>,
}

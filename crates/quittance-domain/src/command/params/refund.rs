//! Parameters of a refund.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::command::{RuleBreach, RuleCode, text_limits};
use crate::money::Minor;
use crate::status_word::words;

words! {
    /// Why money goes back.
    #[derive(Serialize, Deserialize, ToSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum RefundReason {
        /// It was paid twice.
        Duplicate = "duplicate",
        /// It is fraud.
        Fraudulent = "fraudulent",
        /// The customer asked for it.
        RequestedByCustomer = "requested_by_customer",
    }
}

/// Gives money back: of `payment_intent` or of `charge`, one of the two.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRefund {
    /// `pi_...`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_intent: Option<String>,
    /// `ch_...`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charge: Option<String>,
    /// A part; all that is left if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub amount: Option<Minor>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<RefundReason>,
    /// Takes the money back from the connected account of a destination charge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reverse_transfer: Option<bool>,
    /// Gives the platform's fee back, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund_application_fee: Option<bool>,
    /// Your own link to your rows.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}

impl NewRefund {
    /// Checks all that needs no more than the request itself.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check(&self) -> Result<(), RuleBreach> {
        if self.payment_intent.is_some() == self.charge.is_some() {
            let detail = "or charge: send one of the two.";
            return Err(RuleBreach::conflict("payment_intent", detail));
        }
        if let Some(amount) = self.amount
            && amount < 1
        {
            let detail = format!("is {amount}; refund at least 1.");
            return Err(RuleBreach::new(RuleCode::AmountTooSmall, "amount", detail));
        }
        text_limits::check_metadata(&self.metadata)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_refund_is_of_one_thing() {
        let code = |refund: Value| {
            let refund: NewRefund = serde_json::from_value(refund).unwrap();
            refund.check().err().map(|breach| breach.code)
        };
        assert_eq!(code(json!({"payment_intent": "pi_1"})), None);
        assert_eq!(code(json!({"charge": "ch_1", "amount": 5})), None);
        assert_eq!(code(json!({})), Some(RuleCode::ParametersConflict));
        let both = json!({"payment_intent": "pi_1", "charge": "ch_1"});
        assert_eq!(code(both), Some(RuleCode::ParametersConflict));
        let none = json!({"charge": "ch_1", "amount": 0});
        assert_eq!(code(none), Some(RuleCode::AmountTooSmall));
    }
}

//! Parameters of a setup.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::payment::{SetupFutureUsage, check_method_types, method_types};
use crate::command::{RuleBreach, text_limits};

/// Saves a method in the browser, without a payment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSetup {
    /// `cus_...`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    /// `off_session`, Stripe's default, or `on_session`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<SetupFutureUsage>,
    /// `card`, `sepa_debit`, ...: the only methods that are offered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_payment_method_types: Vec<String>,
    /// Stripe's older name for `allowed_payment_method_types`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub payment_method_types: Vec<String>,
    /// Your own link to your rows.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}

impl NewSetup {
    /// Checks all that needs no more than the request itself.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check(&self) -> Result<(), RuleBreach> {
        check_method_types(&self.allowed_payment_method_types, &self.payment_method_types)?;
        text_limits::check_metadata(&self.metadata)
    }

    /// The types of method that are offered, under whichever name they were given.
    #[must_use]
    pub fn method_types(&self) -> &[String] {
        method_types(&self.allowed_payment_method_types, &self.payment_method_types)
    }
}

//! Parameters of a customer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::command::{RuleBreach, reference, text_limits};

/// Longest email address and name (docs.stripe.com, "Create a customer").
const MAX_EMAIL: usize = 512;
const MAX_NAME: usize = 256;

/// Creates a customer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCustomer {
    /// Your own name for the customer, your user's id say: one customer has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 200)]
    pub reference: Option<String>,
    /// Their address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Their name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Your own link to your rows.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}

impl NewCustomer {
    /// Checks all that needs no more than the request itself.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check(&self) -> Result<(), RuleBreach> {
        if let Some(reference) = &self.reference {
            reference::check(reference)?;
        }
        text_limits::check_length("email", self.email.as_deref(), MAX_EMAIL)?;
        text_limits::check_length("name", self.name.as_deref(), MAX_NAME)?;
        text_limits::check_metadata(&self.metadata)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_keeps_to_stripes_limits() {
        let customer = |name: &str, reference: Option<&str>| NewCustomer {
            name: Some(name.to_owned()),
            reference: reference.map(str::to_owned),
            ..NewCustomer::default()
        };
        customer("Jane", Some("user-1")).check().unwrap();
        assert!(customer(&"x".repeat(257), None).check().is_err());
        assert!(customer("Jane", Some("")).check().is_err());
    }
}

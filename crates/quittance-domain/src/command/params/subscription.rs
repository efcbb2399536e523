//! Parameters of a new subscription. Names and shapes are Stripe's.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::command::text_limits::UPDATE_KEY;
use crate::command::{RuleBreach, RuleCode, reference, text_limits};
use crate::status_word::words;

/// Most items of a subscription (docs.stripe.com, "Create a subscription").
pub(super) const MAX_ITEMS: usize = 20;
/// Longest trial (docs.stripe.com, "Create a subscription").
const MAX_TRIAL_DAYS: u32 = 730;
/// Keys of metadata at most, less the two of ours (docs.stripe.com, "Metadata": 50).
const MAX_KEYS: usize = 48;

words! {
    /// What becomes of a payment that is not made at once (docs.stripe.com, "How subscriptions work", Payment
    /// behavior).
    #[derive(Default, Serialize, Deserialize, ToSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum PaymentBehavior {
        /// The subscription waits for the customer to pay, with the `client_secret`.
        #[default]
        DefaultIncomplete = "default_incomplete",
        /// The saved method is tried; if it fails, the subscription waits for the customer.
        AllowIncomplete = "allow_incomplete",
        /// The saved method is tried; if it fails, nothing is made or changed (402).
        ErrorIfIncomplete = "error_if_incomplete",
    }
}

impl PaymentBehavior {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

words! {
    /// Whether the method of the first payment pays the later ones, too.
    #[derive(Serialize, Deserialize, ToSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum SaveDefaultPaymentMethod {
        /// It does.
        OnSubscription = "on_subscription",
        /// It does not: renewals take the customer's default method.
        Off = "off",
    }
}

/// Payment settings of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubscriptionPaymentSettings {
    /// `on_subscription` unless it is given, where there is no `default_payment_method`: without it the first
    /// renewal would have nothing to pay with.
    pub save_default_payment_method: SaveDefaultPaymentMethod,
}

/// An item of a new subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSubscriptionItem {
    /// `price_...`
    pub price: String,
    /// How many; one if it is left out. None for metered use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub quantity: Option<u32>,
}

/// Creates a subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSubscription {
    /// `cus_...`
    pub customer: String,
    /// Up to 20, each of another price.
    #[schema(min_items = 1, max_items = 20)]
    pub items: Vec<NewSubscriptionItem>,
    /// Your own name for the subscription: one that is not over has it at a time. A create with a reference that
    /// is in use answers with the subscription that has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 200)]
    pub reference: Option<String>,
    /// `default_incomplete` if it is left out.
    #[serde(default, skip_serializing_if = "PaymentBehavior::is_default")]
    pub payment_behavior: PaymentBehavior,
    /// A saved method of the customer, `pm_...`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_payment_method: Option<String>,
    /// How it is paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_settings: Option<SubscriptionPaymentSettings>,
    /// Whether the customer is away.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub off_session: bool,
    /// Days without payment; or `trial_end`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 730)]
    pub trial_period_days: Option<u32>,
    /// When the trial ends, in seconds since 1970; or `trial_period_days`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial_end: Option<i64>,
    /// Whether it ends with its first period.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cancel_at_period_end: bool,
    /// Your own link to your rows.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}

/// An item of a subscription: its price and how many.
pub type PricedItem = (String, i64);

impl NewSubscription {
    /// Whether the method of the first payment is to pay the later ones.
    #[must_use]
    pub fn saves_method(&self) -> SaveDefaultPaymentMethod {
        match (self.payment_settings, &self.default_payment_method) {
            (Some(settings), _) => settings.save_default_payment_method,
            (None, None) => SaveDefaultPaymentMethod::OnSubscription,
            (None, Some(_)) => SaveDefaultPaymentMethod::Off,
        }
    }

    /// What is subscribed to, sorted.
    #[must_use]
    pub fn priced(&self) -> Vec<PricedItem> {
        let items = self.items.iter();
        let priced = items.map(|it| (it.price.clone(), i64::from(it.quantity.unwrap_or(1))));
        sorted(priced.collect())
    }

    /// Checks all that needs no more than the request itself.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check(&self) -> Result<(), RuleBreach> {
        if self.customer.is_empty() {
            return Err(RuleBreach::conflict("customer", "is empty: send cus_..."));
        }
        if let Some(reference) = &self.reference {
            reference::check(reference)?;
        }
        if !(1..=MAX_ITEMS).contains(&self.items.len()) {
            return Err(RuleBreach::conflict("items", "must be 1 to 20."));
        }
        for (at, item) in self.items.iter().enumerate() {
            check_price(&format!("items[{at}].price"), &item.price)?;
            if item.quantity == Some(0) {
                return Err(RuleBreach::conflict(
                    &format!("items[{at}].quantity"),
                    "must be 1 or more.",
                ));
            }
            if self.items.iter().take(at).any(|before| before.price == item.price) {
                let detail = "is the price of another item: send one item with the sum of both.";
                return Err(RuleBreach::conflict(&format!("items[{at}].price"), detail));
            }
        }
        match (self.trial_period_days, self.trial_end) {
            (Some(_), Some(_)) => {
                return Err(RuleBreach::conflict(
                    "trial_end",
                    "excludes trial_period_days: send one of the two.",
                ));
            }
            (Some(days), None) if !(1..=MAX_TRIAL_DAYS).contains(&days) => {
                return Err(RuleBreach::conflict("trial_period_days", "must be 1 to 730."));
            }
            (_, Some(end)) if end < 1 => {
                return Err(RuleBreach::conflict("trial_end", "is a time in seconds since 1970."));
            }
            (Some(_) | None, None) | (None, Some(_)) => {}
        }
        if self.off_session && self.payment_behavior == PaymentBehavior::DefaultIncomplete {
            let detail = "is not for payment_behavior: default_incomplete, which waits for the customer. Send \
                          allow_incomplete or error_if_incomplete.";
            return Err(RuleBreach::conflict("off_session", detail));
        }
        check_metadata(&self.metadata)
    }
}

pub(super) fn check_price(field: &str, price: &str) -> Result<(), RuleBreach> {
    if price.is_empty() {
        Err(RuleBreach::conflict(field, "is empty: send price_..."))
    } else {
        Ok(())
    }
}

pub(super) fn check_metadata(metadata: &BTreeMap<String, String>) -> Result<(), RuleBreach> {
    text_limits::check_metadata(metadata)?;
    let breach = |field: &str, detail: String| {
        Err(RuleBreach::new(RuleCode::MetadataInvalid, field, detail))
    };
    if metadata.len() > MAX_KEYS {
        return breach("metadata", format!("has {} keys; {MAX_KEYS} at most.", metadata.len()));
    }
    if metadata.contains_key(UPDATE_KEY) {
        let detail = "is set by Quittance: choose another key.".to_owned();
        return breach(&format!("metadata.{UPDATE_KEY}"), detail);
    }
    Ok(())
}

/// Items in one order, so that two lists of the same can be compared.
pub(in crate::command) fn sorted(mut items: Vec<PricedItem>) -> Vec<PricedItem> {
    items.sort_unstable();
    items
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::command::given::{new_subscription as new, told};

    #[test]
    fn a_subscription_is_checked_field_by_field() {
        let keys: BTreeMap<String, String> =
            (0..49).map(|n| (format!("k{n}"), "v".to_owned())).collect();
        for (more, expected) in [
            (json!({}), None),
            (json!({"customer": ""}), Some("parameters_conflict customer")),
            (json!({"reference": ""}), Some("reference_invalid reference")),
            (json!({"items": []}), Some("parameters_conflict items")),
            (json!({"items": [{"price": ""}]}), Some("parameters_conflict items[0].price")),
            (
                json!({"items": [{"price": "price_1", "quantity": 0}]}),
                Some("parameters_conflict items[0].quantity"),
            ),
            (
                json!({"items": [{"price": "price_1"}, {"price": "price_1"}]}),
                Some("parameters_conflict items[1].price"),
            ),
            (json!({"trial_period_days": 14}), None),
            (json!({"trial_period_days": 0}), Some("parameters_conflict trial_period_days")),
            (json!({"trial_period_days": 731}), Some("parameters_conflict trial_period_days")),
            (json!({"trial_end": 0}), Some("parameters_conflict trial_end")),
            (
                json!({"trial_period_days": 14, "trial_end": 2_000_000_000}),
                Some("parameters_conflict trial_end"),
            ),
            (json!({"off_session": true}), Some("parameters_conflict off_session")),
            (json!({"off_session": true, "payment_behavior": "error_if_incomplete"}), None),
            (json!({"metadata": keys}), Some("metadata_invalid metadata")),
            (
                json!({"metadata": {"quittance_command": "x"}}),
                Some("metadata_invalid metadata.quittance_command"),
            ),
            (
                json!({"metadata": {"quittance_update": "x"}}),
                Some("metadata_invalid metadata.quittance_update"),
            ),
        ] {
            assert_eq!(told(new(more.clone()).check()).as_deref(), expected, "{more}");
        }
    }

    #[test]
    fn the_default_given_and_left_out_are_the_same_request() {
        let given = new(json!({"payment_behavior": "default_incomplete", "off_session": false}));
        assert_eq!(
            serde_json::to_string(&given).unwrap(),
            serde_json::to_string(&new(json!({}))).unwrap()
        );
    }

    #[test]
    fn the_first_method_is_kept_for_renewals_unless_there_is_one_or_it_is_said_otherwise() {
        use SaveDefaultPaymentMethod as Save;
        assert_eq!(new(json!({})).saves_method(), Save::OnSubscription);
        assert_eq!(new(json!({"default_payment_method": "pm_1"})).saves_method(), Save::Off);
        let off = json!({"payment_settings": {"save_default_payment_method": "off"}});
        assert_eq!(new(off).saves_method(), Save::Off);
    }
}

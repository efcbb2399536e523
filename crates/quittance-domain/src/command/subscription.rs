//! Subscriptions: the parameters of their commands, and their rules. Names and shapes are Stripe's.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::reference::ReferenceUse;
use super::text_limits::UPDATE_KEY;
use super::{RuleBreach, RuleCode, reference, text_limits};
use crate::kinds::subscription::{SubscriptionObserved, SubscriptionStatus};
use crate::status_word::Vocabulary as _;

/// Most items of a subscription (docs.stripe.com, "Create a subscription").
const MAX_ITEMS: usize = 20;
/// Longest trial (docs.stripe.com, "Create a subscription").
const MAX_TRIAL_DAYS: u32 = 730;
/// Keys of metadata at most, less the two of ours (docs.stripe.com, "Metadata": 50).
const MAX_KEYS: usize = 48;

/// What becomes of a payment that is not made at once (docs.stripe.com, "How subscriptions work", Payment
/// behavior).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentBehavior {
    /// The subscription waits for the customer to pay, with the `client_secret`.
    #[default]
    DefaultIncomplete,
    /// The saved method is tried; if it fails, the subscription waits for the customer.
    AllowIncomplete,
    /// The saved method is tried; if it fails, nothing is made or changed (402).
    ErrorIfIncomplete,
}

/// Whether the method of the first payment pays the later ones, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SaveDefaultPaymentMethod {
    /// It does.
    OnSubscription,
    /// It does not: renewals take the customer's default method.
    Off,
}

/// What becomes of the price of a period that has begun when its items change (docs.stripe.com, "Prorations").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProrationBehavior {
    /// The difference is invoiced at once.
    AlwaysInvoice,
    /// The difference goes to the next invoice.
    CreateProrations,
    /// There is no difference.
    None,
}

impl PaymentBehavior {
    /// Stripe's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DefaultIncomplete => "default_incomplete",
            Self::AllowIncomplete => "allow_incomplete",
            Self::ErrorIfIncomplete => "error_if_incomplete",
        }
    }

    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl SaveDefaultPaymentMethod {
    /// Stripe's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OnSubscription => "on_subscription",
            Self::Off => "off",
        }
    }
}

impl ProrationBehavior {
    /// Stripe's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AlwaysInvoice => "always_invoice",
            Self::CreateProrations => "create_prorations",
            Self::None => "none",
        }
    }
}

/// How a subscription is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubscriptionPaymentSettings {
    /// `on_subscription` unless it is given, where there is no `default_payment_method`: without it the first
    /// renewal would have nothing to pay with.
    pub save_default_payment_method: SaveDefaultPaymentMethod,
}

/// What is subscribed to.
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

/// A change of an item: with `id` of one that is there, without it a new one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubscriptionItemChange {
    /// `si_...`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Another price, `price_...`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<String>,
    /// How many. Where the price changes and this is left out, one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<u32>,
    /// Takes the item out of the subscription.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
}

/// Changes a subscription. What is left out stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateSubscription {
    /// The items that change, are new or go; those that are not named stay.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 20)]
    pub items: Vec<SubscriptionItemChange>,
    /// The quantity of the only item, in the place of `items`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<u32>,
    /// Whether it ends with its present period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_at_period_end: Option<bool>,
    /// A saved method of the customer, `pm_...`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_payment_method: Option<String>,
    /// What becomes of the price of the present period; Stripe's default is `create_prorations`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proration_behavior: Option<ProrationBehavior>,
    /// What becomes of a payment that is due at once and fails; Stripe's default is `allow_incomplete`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_behavior: Option<PaymentBehavior>,
    /// Whether the customer is away.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub off_session: bool,
    /// Keys that are added to your own link to your rows.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}

/// Ends a subscription at once. At the end of its period: `cancel_at_period_end`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelSubscription {
    /// Whether what was used and not invoiced yet is invoiced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoice_now: Option<bool>,
    /// Whether the rest of the period is credited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prorate: Option<bool>,
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

impl UpdateSubscription {
    /// Checks all that needs no more than the request itself.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check(&self) -> Result<(), RuleBreach> {
        let how = Self {
            proration_behavior: self.proration_behavior,
            payment_behavior: self.payment_behavior,
            off_session: self.off_session,
            ..Self::default()
        };
        if *self == how {
            return Err(RuleBreach::conflict("items", "or another change must be given."));
        }
        if self.quantity.is_some() && !self.items.is_empty() {
            return Err(RuleBreach::conflict("quantity", "excludes items: send one of the two."));
        }
        if self.items.len() > MAX_ITEMS {
            return Err(RuleBreach::conflict("items", "must be 20 at most."));
        }
        for (at, item) in self.items.iter().enumerate() {
            let field = |name: &str| format!("items[{at}].{name}");
            if let Some(price) = &item.price {
                check_price(&field("price"), price)?;
            }
            if item.deleted && (item.price.is_some() || item.quantity.is_some()) {
                return Err(RuleBreach::conflict(
                    &field("deleted"),
                    "excludes price and quantity.",
                ));
            }
            match &item.id {
                Some(id) if self.items.iter().take(at).any(|one| one.id.as_ref() == Some(id)) => {
                    return Err(RuleBreach::conflict(&field("id"), "is there twice."));
                }
                Some(_) => {}
                None if item.deleted => {
                    return Err(RuleBreach::conflict(
                        &field("id"),
                        "is missing: which item is to go?",
                    ));
                }
                None if item.price.is_none() => {
                    let detail =
                        "is missing: a change of an item takes its id, a new item a price.";
                    return Err(RuleBreach::conflict(&field("id"), detail));
                }
                None => {}
            }
        }
        check_metadata(&self.metadata)
    }

    /// Whether it changes what is paid for.
    #[must_use]
    pub fn changes_items(&self) -> bool {
        self.quantity.is_some() || !self.items.is_empty()
    }

    /// The changes of items, with the quantity of the only item as one of them.
    ///
    /// # Errors
    /// [`RuleCode::ParametersConflict`]: `quantity` for a subscription of several items.
    pub fn item_changes(
        &self,
        existing: &SubscriptionObserved,
    ) -> Result<Vec<SubscriptionItemChange>, RuleBreach> {
        let Some(quantity) = self.quantity else { return Ok(self.items.clone()) };
        match existing.items.as_slice() {
            [only] => Ok(vec![SubscriptionItemChange {
                id: Some(only.id.as_str().to_owned()),
                quantity: Some(quantity),
                ..SubscriptionItemChange::default()
            }]),
            _ => {
                let detail = "is for a subscription of one item, and this has several: send items.";
                Err(RuleBreach::conflict("quantity", detail))
            }
        }
    }

    /// What is subscribed to after the change, sorted.
    ///
    /// # Errors
    /// [`RuleCode::ParametersConflict`]: an item is not one of the subscription, or none would be left.
    pub fn resulting(
        &self,
        existing: &SubscriptionObserved,
    ) -> Result<Vec<PricedItem>, RuleBreach> {
        let mut items: Vec<(Option<&str>, PricedItem)> = existing
            .items
            .iter()
            .map(|it| {
                let priced = (it.price.id.as_str().to_owned(), it.quantity.unwrap_or(1));
                (Some(it.id.as_str()), priced)
            })
            .collect();
        let changes = self.item_changes(existing)?;
        for (at, change) in changes.iter().enumerate() {
            let quantity = change.quantity.map(i64::from);
            let Some(id) = change.id.as_deref() else {
                let price = change.price.clone().unwrap_or_default();
                items.push((None, (price, quantity.unwrap_or(1))));
                continue;
            };
            let place = items.iter().position(|(known, _)| *known == Some(id));
            let Some(place) = place else {
                let detail = "is no item of this subscription.";
                return Err(RuleBreach::conflict(&format!("items[{at}].id"), detail));
            };
            if change.deleted {
                items.remove(place);
            } else if let Some((_, priced)) = items.get_mut(place) {
                match &change.price {
                    // Stripe's own rule: another price begins with one.
                    Some(price) => *priced = (price.clone(), quantity.unwrap_or(1)),
                    None => priced.1 = quantity.unwrap_or(priced.1),
                }
            }
        }
        if items.is_empty() {
            let detail =
                "would all be gone: a subscription has one item or more. Cancel it instead.";
            return Err(RuleBreach::conflict("items", detail));
        }
        Ok(sorted(items.into_iter().map(|(_, priced)| priced).collect()))
    }
}

fn check_price(field: &str, price: &str) -> Result<(), RuleBreach> {
    if price.is_empty() {
        Err(RuleBreach::conflict(field, "is empty: send price_..."))
    } else {
        Ok(())
    }
}

fn check_metadata(metadata: &BTreeMap<String, String>) -> Result<(), RuleBreach> {
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

fn sorted(mut items: Vec<PricedItem>) -> Vec<PricedItem> {
    items.sort_unstable();
    items
}

/// Whether it is over: nothing brings it back.
#[must_use]
pub fn is_over(subscription: &SubscriptionObserved) -> bool {
    matches!(
        subscription.status.known(),
        Some(SubscriptionStatus::Canceled | SubscriptionStatus::IncompleteExpired)
    )
}

/// Whether this command was the last that changed a subscription: Stripe shows its id in the metadata.
#[must_use]
pub fn was_updated_by(subscription: &SubscriptionObserved, command: &str) -> bool {
    subscription.metadata.iter().any(|(key, value)| key == UPDATE_KEY && value == command)
}

/// Whether a subscription can be changed or ended.
///
/// # Errors
/// [`RuleCode::StatusForbids`].
pub fn check_status(subscription: &SubscriptionObserved) -> Result<(), RuleBreach> {
    if !is_over(subscription) {
        return Ok(());
    }
    let is = subscription.status.known().map_or("over", SubscriptionStatus::word);
    let detail = format!("is {is}: the subscription is over. Create a new one.");
    Err(RuleBreach::new(RuleCode::StatusForbids, "status", detail))
}

/// Judges a create whose reference a subscription has already.
#[must_use]
pub fn judge(existing: &SubscriptionObserved, new: &NewSubscription) -> ReferenceUse {
    if is_over(existing) {
        return ReferenceUse::Free;
    }
    let breach =
        |code, detail: &str| ReferenceUse::Breach(RuleBreach::new(code, "reference", detail));
    let has =
        existing.items.iter().map(|it| (it.price.id.as_str().to_owned(), it.quantity.unwrap_or(1)));
    if existing.customer != new.customer || sorted(has.collect()) != new.priced() {
        let detail = "belongs to a subscription of another customer, or to other prices or quantities. Change or \
                      cancel that subscription, or use another reference.";
        return breach(RuleCode::ReferenceDiffers, detail);
    }
    match existing.status.known() {
        Some(
            SubscriptionStatus::Active
            | SubscriptionStatus::PastDue
            | SubscriptionStatus::Unpaid
            | SubscriptionStatus::Paused,
        ) => {
            let detail = "belongs to a subscription that has begun: do not ask the customer to subscribe again.";
            breach(RuleCode::ReferencePaid, detail)
        }
        Some(
            SubscriptionStatus::Incomplete
            | SubscriptionStatus::Trialing
            | SubscriptionStatus::IncompleteExpired
            | SubscriptionStatus::Canceled,
        )
        | None => ReferenceUse::Existing,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn with(mut all: Value, more: Value) -> Value {
        if let (Value::Object(all), Value::Object(more)) = (&mut all, more) {
            all.extend(more);
        }
        all
    }

    fn new(more: Value) -> NewSubscription {
        let all = json!({"customer": "cus_1", "items": [{"price": "price_1", "quantity": 2}]});
        serde_json::from_value(with(all, more)).unwrap()
    }

    fn update(change: Value) -> UpdateSubscription {
        serde_json::from_value(change).unwrap()
    }

    fn existing(more: Value) -> SubscriptionObserved {
        let item = |id: &str, price: &str| {
            json!({"id": id, "price": {"id": price, "product": "prod_1"}, "quantity": 2,
                   "current_period_start": 1, "current_period_end": 2, "created": 1})
        };
        let all = json!({
            "status": "incomplete", "customer": "cus_1", "currency": "eur", "created": 1,
            "collection_method": "charge_automatically", "cancel_at_period_end": false,
            "items": {"object": "list", "has_more": false, "data": [item("si_1", "price_1")]},
        });
        serde_json::from_value(with(all, more)).unwrap()
    }

    fn told(found: Result<(), RuleBreach>) -> Option<String> {
        found.err().map(|breach| format!("{} {}", breach.code.as_str(), breach.field))
    }

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
    fn a_change_is_checked_field_by_field() {
        for (change, expected) in [
            (json!({}), Some("parameters_conflict items")),
            (json!({"proration_behavior": "none"}), Some("parameters_conflict items")),
            (json!({"cancel_at_period_end": false}), None),
            (json!({"quantity": 0}), None),
            (
                json!({"quantity": 2, "items": [{"id": "si_1", "quantity": 2}]}),
                Some("parameters_conflict quantity"),
            ),
            (json!({"items": [{"price": "price_2"}]}), None),
            (json!({"items": [{"quantity": 2}]}), Some("parameters_conflict items[0].id")),
            (json!({"items": [{"deleted": true}]}), Some("parameters_conflict items[0].id")),
            (
                json!({"items": [{"id": "si_1", "deleted": true, "quantity": 2}]}),
                Some("parameters_conflict items[0].deleted"),
            ),
            (
                json!({"items": [{"id": "si_1", "quantity": 2}, {"id": "si_1", "deleted": true}]}),
                Some("parameters_conflict items[1].id"),
            ),
            (
                json!({"metadata": {"quittance_update": "x"}}),
                Some("metadata_invalid metadata.quittance_update"),
            ),
        ] {
            assert_eq!(told(update(change.clone()).check()).as_deref(), expected, "{change}");
        }
    }

    #[test]
    fn a_change_of_items_names_those_that_are_there_and_leaves_one() {
        let has = existing(json!({}));
        let after = |change: Value| update(change).resulting(&has);
        let one = |price: &str, quantity| vec![(price.to_owned(), quantity)];
        assert_eq!(after(json!({"cancel_at_period_end": true})).unwrap(), one("price_1", 2));
        assert_eq!(after(json!({"quantity": 7})).unwrap(), one("price_1", 7));
        let other_price = json!({"items": [{"id": "si_1", "price": "price_2"}]});
        assert_eq!(after(other_price).unwrap(), one("price_2", 1));
        let swapped = json!({"items": [{"id": "si_1", "deleted": true}, {"price": "price_2"}]});
        assert_eq!(after(swapped).unwrap(), one("price_2", 1));
        for bad in [
            json!({"items": [{"id": "si_2", "quantity": 1}]}),
            json!({"items": [{"id": "si_1", "deleted": true}]}),
        ] {
            assert_eq!(after(bad).unwrap_err().code, RuleCode::ParametersConflict);
        }
    }

    #[test]
    fn a_reference_is_used_until_its_subscription_is_over() {
        let mut table = String::new();
        for status in SubscriptionStatus::WORDS {
            let used = judge(&existing(json!({"status": status.word()})), &new(json!({})));
            let word = match &used {
                ReferenceUse::Free => "free",
                ReferenceUse::Existing => "existing",
                ReferenceUse::Breach(breach) => breach.code.as_str(),
            };
            table.push_str(&format!("{}: {word}\n", status.word()));
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn another_customer_price_or_quantity_is_another_subscription() {
        let has = existing(json!({}));
        for more in [
            json!({"customer": "cus_2"}),
            json!({"items": [{"price": "price_2", "quantity": 2}]}),
            json!({"items": [{"price": "price_1"}]}),
        ] {
            let ReferenceUse::Breach(breach) = judge(&has, &new(more.clone())) else {
                panic!("{more}");
            };
            assert_eq!(breach.code, RuleCode::ReferenceDiffers, "{more}");
        }
    }

    #[test]
    fn what_is_over_is_changed_no_more() {
        check_status(&existing(json!({}))).unwrap();
        check_status(&existing(json!({"status": "asleep"}))).unwrap();
        for status in ["canceled", "incomplete_expired"] {
            let breach = check_status(&existing(json!({"status": status}))).unwrap_err();
            assert_eq!(breach.code, RuleCode::StatusForbids, "{status}");
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

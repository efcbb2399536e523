//! Parameters of a change and of the end of a subscription, and the items that a change leaves.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::subscription::{
    MAX_ITEMS, PaymentBehavior, PricedItem, check_metadata, check_price, sorted,
};
use crate::command::RuleBreach;
use crate::kinds::subscription::SubscriptionObserved;
use crate::status_word::words;

words! {
    /// What becomes of the price of a period that has begun when its items change (docs.stripe.com, "Prorations").
    #[derive(Serialize, Deserialize, ToSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum ProrationBehavior {
        /// The difference is invoiced at once.
        AlwaysInvoice = "always_invoice",
        /// The difference goes to the next invoice.
        CreateProrations = "create_prorations",
        /// There is no difference.
        None = "none",
    }
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
    /// [`ParametersConflict`](crate::command::RuleCode::ParametersConflict): `quantity` for a subscription of
    /// several items.
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
    /// [`ParametersConflict`](crate::command::RuleCode::ParametersConflict): an item is not one of the
    /// subscription, or none would be left.
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::command::RuleCode;
    use crate::command::given::{subscription, told};

    fn update(change: Value) -> UpdateSubscription {
        serde_json::from_value(change).unwrap()
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
        let has = subscription(json!({}));
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
}

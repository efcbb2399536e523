//! Parameters of checkout sessions. Names and shapes are Stripe's.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::payment::{
    ParamLimits, SetupFutureUsage, TransferData, check_method_types, method_types,
};
use crate::command::{RuleBreach, RuleCode, amount, reference, return_url, text_limits};
use crate::money::{Currency, Minor};
use crate::status_word::words;

/// Most line items of a session (docs.stripe.com, "Create a Checkout Session").
const MAX_ITEMS: usize = 100;
/// Longest name of a product that is made with an item.
const MAX_PRODUCT_NAME: usize = 250;

words! {
    /// What a session is for.
    #[derive(Serialize, Deserialize, ToSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum SessionMode {
        /// One payment.
        Payment = "payment",
        /// Saving a method.
        Setup = "setup",
        /// A subscription and its first payment.
        Subscription = "subscription",
    }
}

words! {
    /// How often a price comes due.
    #[derive(Serialize, Deserialize, ToSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum BillingInterval {
        /// Every day.
        Day = "day",
        /// Every week.
        Week = "week",
        /// Every month.
        Month = "month",
        /// Every year.
        Year = "year",
    }
}

/// The billing interval of a recurring price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Recurring {
    /// How often it comes due.
    pub interval: BillingInterval,
    /// Every how many intervals; one if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval_count: Option<u64>,
}

/// A product that is made with its price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProductData {
    /// What the customer reads.
    pub name: String,
}

/// A price that is made for this session alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceData {
    /// Three letters in lower case.
    #[schema(pattern = "^[a-z]{3}$")]
    pub currency: String,
    /// Of one piece, in the currency's smallest unit.
    #[schema(minimum = 1)]
    pub unit_amount: Minor,
    /// `prod_...`; or `product_data`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// A new product; or `product`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_data: Option<ProductData>,
    /// For mode `subscription`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recurring: Option<Recurring>,
}

/// An item of a session: a `price` that exists, or `price_data`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LineItem {
    /// `price_...`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<String>,
    /// A price of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_data: Option<PriceData>,
    /// How many; one if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub quantity: Option<u32>,
}

/// Parameters of the payment that a session in mode `payment` makes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionPaymentData {
    /// Makes it a destination charge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transfer_data: Option<TransferData>,
    /// What the platform keeps of a destination charge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application_fee_amount: Option<Minor>,
    /// Saves the method for later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setup_future_usage: Option<SetupFutureUsage>,
}

/// Opens a page of Stripe's, on which a customer pays, saves a method or subscribes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCheckout {
    /// What it is for.
    pub mode: SessionMode,
    /// Where Stripe sends the customer when the session is complete.
    pub success_url: String,
    /// Where the page's link back leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_url: Option<String>,
    /// What is bought; nothing in mode `setup`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub line_items: Vec<LineItem>,
    /// Three letters in lower case: required in mode `setup`, where Stripe chooses the methods by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// Your own name for the purchase: one live session has it at a time. Stripe shows it as
    /// `client_reference_id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 200)]
    pub reference: Option<String>,
    /// `cus_...`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    /// `card`, `sepa_debit`, ...: the only methods that are offered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_payment_method_types: Vec<String>,
    /// Stripe's older name for `allowed_payment_method_types`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub payment_method_types: Vec<String>,
    /// For mode `payment`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_intent_data: Option<SessionPaymentData>,
    /// Your own link to your rows, on the session and on what it makes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}

/// Closes an open session.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpireCheckout {}

impl NewCheckout {
    /// The types of method that are offered, under whichever name they were given.
    #[must_use]
    pub fn method_types(&self) -> &[String] {
        method_types(&self.allowed_payment_method_types, &self.payment_method_types)
    }

    /// What is paid at once, where the request says it: not for a `price`, which only Stripe knows.
    ///
    /// # Errors
    /// An amount or a currency is wrong, or the currencies differ.
    pub fn total(&self) -> Result<Option<(Minor, Currency)>, RuleBreach> {
        let mut total: Option<(Minor, Currency)> = None;
        for (at, item) in self.line_items.iter().enumerate() {
            let Some(data) = &item.price_data else { return Ok(None) };
            let field = |name: &str| format!("line_items[{at}].price_data.{name}");
            let found = amount::currency(&data.currency)
                .map_err(|breach| RuleBreach { field: field("currency"), ..breach })?;
            let times = Minor::from(item.quantity.unwrap_or(1));
            let Some(sum) = data
                .unit_amount
                .checked_mul(times)
                .and_then(|part| part.checked_add(total.map_or(0, |(sum, _)| sum)))
            else {
                let detail = "is more than any payment can be.";
                return Err(RuleBreach::new(
                    RuleCode::AmountTooLarge,
                    &field("unit_amount"),
                    detail,
                ));
            };
            if total.is_some_and(|(_, before)| before != found) {
                return Err(RuleBreach::conflict(
                    &field("currency"),
                    "differs from that of another item.",
                ));
            }
            total = Some((sum, found));
        }
        Ok(total)
    }

    /// Checks all that needs no more than the request itself.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check(&self, limits: ParamLimits<'_>) -> Result<(), RuleBreach> {
        return_url::check("success_url", &self.success_url, limits.return_urls)?;
        if let Some(url) = &self.cancel_url {
            return_url::check("cancel_url", url, limits.return_urls)?;
        }
        if let Some(reference) = &self.reference {
            reference::check(reference)?;
        }
        self.check_items()?;
        let total = self.total()?;
        if let Some((total, currency)) = total {
            amount::check("line_items", total, currency, limits.bounds)?;
        }
        match (&self.currency, self.mode) {
            (Some(given), SessionMode::Setup) => {
                amount::currency(given)?;
            }
            (None, SessionMode::Setup) => {
                let detail = "is missing: in mode: setup Stripe chooses the methods by it.";
                return Err(RuleBreach::conflict("currency", detail));
            }
            (Some(_), SessionMode::Payment | SessionMode::Subscription) => {
                return Err(RuleBreach::conflict(
                    "currency",
                    "is only for mode: setup; a price has its own.",
                ));
            }
            (None, SessionMode::Payment | SessionMode::Subscription) => {}
        }
        check_method_types(&self.allowed_payment_method_types, &self.payment_method_types)?;
        self.check_payment(total.map(|(total, _)| total))?;
        text_limits::check_metadata(&self.metadata)
    }

    fn check_items(&self) -> Result<(), RuleBreach> {
        match (self.mode, self.line_items.len()) {
            (SessionMode::Setup, 0) => return Ok(()),
            (SessionMode::Setup, _) => {
                return Err(RuleBreach::conflict(
                    "line_items",
                    "are not for mode: setup, which sells nothing.",
                ));
            }
            (SessionMode::Payment | SessionMode::Subscription, 1..=MAX_ITEMS) => {}
            (SessionMode::Payment | SessionMode::Subscription, _) => {
                return Err(RuleBreach::conflict("line_items", "must be 1 to 100 in this mode."));
            }
        }
        let mut recurs = false;
        for (at, item) in self.line_items.iter().enumerate() {
            let field = |name: &str| format!("line_items[{at}].{name}");
            if item.price.is_some() == item.price_data.is_some() {
                return Err(RuleBreach::conflict(
                    &field("price"),
                    "or price_data: send one of the two.",
                ));
            }
            if item.quantity == Some(0) {
                return Err(RuleBreach::conflict(&field("quantity"), "must be 1 or more."));
            }
            let Some(data) = &item.price_data else {
                // Only Stripe knows whether it recurs.
                recurs = true;
                continue;
            };
            if data.unit_amount < 1 {
                let detail = format!("is {}; an item costs at least 1.", data.unit_amount);
                let field = field("price_data.unit_amount");
                return Err(RuleBreach::new(RuleCode::AmountTooSmall, &field, detail));
            }
            if data.product.is_some() == data.product_data.is_some() {
                let detail = "or product_data: send one of the two.";
                return Err(RuleBreach::conflict(&field("price_data.product"), detail));
            }
            let name = data.product_data.as_ref().map(|product| product.name.as_str());
            text_limits::check_length(
                &field("price_data.product_data.name"),
                name,
                MAX_PRODUCT_NAME,
            )?;
            if data.recurring.is_some() && self.mode == SessionMode::Payment {
                let detail = "is only for mode: subscription.";
                return Err(RuleBreach::conflict(&field("price_data.recurring"), detail));
            }
            recurs |= data.recurring.is_some();
        }
        if self.mode == SessionMode::Subscription && !recurs {
            let detail = "must hold a recurring price in mode: subscription.";
            return Err(RuleBreach::conflict("line_items", detail));
        }
        Ok(())
    }

    fn check_payment(&self, total: Option<Minor>) -> Result<(), RuleBreach> {
        let Some(payment) = &self.payment_intent_data else { return Ok(()) };
        if self.mode != SessionMode::Payment {
            return Err(RuleBreach::conflict("payment_intent_data", "is only for mode: payment."));
        }
        let Some(fee) = payment.application_fee_amount else { return Ok(()) };
        let field = "payment_intent_data.application_fee_amount";
        if payment.transfer_data.is_none() {
            let detail = "is only for a destination charge: send transfer_data.destination, too.";
            return Err(RuleBreach::conflict(field, detail));
        }
        // Of a `price` only Stripe knows the amount, and refuses a fee above it.
        amount::check_fee(fee, total.unwrap_or(Minor::MAX))
            .map_err(|breach| RuleBreach { field: field.to_owned(), ..breach })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::command::amount::AmountBounds;
    use crate::command::given::{checkout, told};

    fn item(more: Value) -> Value {
        let mut data = json!({"currency": "eur", "unit_amount": 500, "product": "prod_1"});
        if let (Value::Object(data), Value::Object(more)) = (&mut data, more) {
            data.extend(more);
        }
        json!([{ "price_data": data }])
    }

    #[test]
    fn a_session_is_checked_field_by_field() {
        let urls = ["https://shop.example".to_owned()];
        let limits = ParamLimits { bounds: AmountBounds::default(), return_urls: &urls };
        let to = json!({"destination": "acct_1"});
        for (more, expected) in [
            (json!({}), None),
            (
                json!({"success_url": "http://shop.example"}),
                Some("return_url_not_https success_url"),
            ),
            (
                json!({"cancel_url": "https://evil.example"}),
                Some("return_url_not_allowed cancel_url"),
            ),
            (json!({"reference": ""}), Some("reference_invalid reference")),
            (json!({"line_items": []}), Some("parameters_conflict line_items")),
            (json!({"mode": "setup"}), Some("parameters_conflict line_items")),
            (json!({"mode": "setup", "line_items": [], "currency": "eur"}), None),
            (json!({"mode": "setup", "line_items": []}), Some("parameters_conflict currency")),
            (json!({"currency": "eur"}), Some("parameters_conflict currency")),
            (json!({"payment_method_types": ["card"]}), None),
            (
                json!({"payment_method_types": ["card"], "allowed_payment_method_types": ["card"]}),
                Some("parameters_conflict payment_method_types"),
            ),
            (json!({"mode": "subscription"}), Some("parameters_conflict line_items")),
            (json!({"mode": "subscription", "line_items": [{"price": "price_1"}]}), None),
            (
                json!({"mode": "subscription",
                       "line_items": item(json!({"recurring": {"interval": "month"}}))}),
                None,
            ),
            (
                json!({"line_items": item(json!({"recurring": {"interval": "month"}}))}),
                Some("parameters_conflict line_items[0].price_data.recurring"),
            ),
            (json!({"line_items": [{}]}), Some("parameters_conflict line_items[0].price")),
            (
                json!({"line_items": [{"price": "price_1", "quantity": 0}]}),
                Some("parameters_conflict line_items[0].quantity"),
            ),
            (
                json!({"line_items": item(json!({"unit_amount": 0}))}),
                Some("amount_too_small line_items[0].price_data.unit_amount"),
            ),
            (
                json!({"line_items": item(json!({"unit_amount": i64::MAX})), "currency": null}),
                Some("amount_too_large line_items"),
            ),
            (
                json!({"line_items": item(json!({"currency": "EUR"}))}),
                Some("currency_invalid line_items[0].price_data.currency"),
            ),
            (
                json!({"line_items": item(json!({"product_data": {"name": "Mug"}}))}),
                Some("parameters_conflict line_items[0].price_data.product"),
            ),
            (
                json!({"payment_intent_data": {"application_fee_amount": 1}}),
                Some("parameters_conflict payment_intent_data.application_fee_amount"),
            ),
            (
                json!({"payment_intent_data": {"application_fee_amount": 2001, "transfer_data": to}}),
                Some("fee_exceeds_amount payment_intent_data.application_fee_amount"),
            ),
            (
                json!({"payment_intent_data": {"application_fee_amount": 2000, "transfer_data": to}}),
                None,
            ),
            (
                json!({"metadata": {"quittance_command": "x"}}),
                Some("metadata_invalid metadata.quittance_command"),
            ),
        ] {
            let found = told(checkout(more.clone()).check(limits));
            assert_eq!(found.as_deref(), expected, "{more}");
        }
    }
}

//! Parameters of the commands about payments, and what those of setups and sessions share with them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::command::amount::{self, AmountBounds};
use crate::command::{RuleBreach, reference, return_url, text_limits};
use crate::money::{Currency, Minor};
use crate::status_word::words;

/// Longest `description` (docs.stripe.com, "Create a PaymentIntent").
const MAX_DESCRIPTION: usize = 1_000;
/// Longest email address (docs.stripe.com, "Create a customer").
const MAX_EMAIL: usize = 512;

/// Limits of commands, from the settings.
#[derive(Debug, Clone, Copy)]
pub struct ParamLimits<'a> {
    /// The lowest and the highest amount.
    pub bounds: AmountBounds,
    /// The origins that customers may be sent back to.
    pub return_urls: &'a [String],
}

words! {
    /// When money is taken (docs.stripe.com, "Place a hold on a payment method").
    #[derive(Serialize, Deserialize, ToSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum CaptureMethod {
        /// With the confirmation.
        Automatic = "automatic",
        /// With the confirmation, and told later.
        AutomaticAsync = "automatic_async",
        /// By a capture.
        Manual = "manual",
    }
}

words! {
    /// Whether the payment method may redirect the customer.
    #[derive(Serialize, Deserialize, ToSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum AllowRedirects {
        /// It may.
        Always = "always",
        /// It may not.
        Never = "never",
    }
}

words! {
    /// What a saved card is to be used for later.
    #[derive(Serialize, Deserialize, ToSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum SetupFutureUsage {
        /// While the customer is there.
        OnSession = "on_session",
        /// Also without the customer.
        OffSession = "off_session",
    }
}

words! {
    /// Why a payment is cancelled.
    #[derive(Serialize, Deserialize, ToSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum CancellationReason {
        /// It was made twice.
        Duplicate = "duplicate",
        /// It is fraud.
        Fraudulent = "fraudulent",
        /// The customer asked for it.
        RequestedByCustomer = "requested_by_customer",
        /// The customer went away.
        Abandoned = "abandoned",
    }
}

/// Stripe chooses the methods that are offered, by the dashboard's settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AutomaticPaymentMethods {
    /// Whether it does.
    pub enabled: bool,
    /// Whether methods that redirect are among them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_redirects: Option<AllowRedirects>,
}

/// Where the money of a destination charge goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TransferData {
    /// The connected account, `acct_...`.
    pub destination: String,
}

/// Creates a payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPayment {
    /// In the currency's smallest unit: 1999 is 19.99 EUR, 500 is 500 JPY.
    #[schema(minimum = 1)]
    pub amount: Minor,
    /// Three letters in lower case.
    #[schema(pattern = "^[a-z]{3}$")]
    pub currency: String,
    /// Your own name for the purchase: one live payment has it at a time. A create with a reference that is
    /// in use answers with the payment that has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 200)]
    pub reference: Option<String>,
    /// `cus_...`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    /// On unless the types of method are given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub automatic_payment_methods: Option<AutomaticPaymentMethods>,
    /// `card`, `sepa_debit`, ...: the only methods that are offered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_payment_method_types: Vec<String>,
    /// Stripe's older name for `allowed_payment_method_types`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub payment_method_types: Vec<String>,
    /// When money is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capture_method: Option<CaptureMethod>,
    /// Whether to try the payment at once; it takes a `payment_method`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub confirm: bool,
    /// Whether the customer is away.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub off_session: bool,
    /// A saved method, `pm_...`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_method: Option<String>,
    /// Where the customer comes back to after a redirect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_url: Option<String>,
    /// Saves the method for later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setup_future_usage: Option<SetupFutureUsage>,
    /// Makes it a destination charge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transfer_data: Option<TransferData>,
    /// What the platform keeps of a destination charge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application_fee_amount: Option<Minor>,
    /// The account on whose behalf the charge is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<String>,
    /// Where Stripe sends a receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt_email: Option<String>,
    /// A text for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Added to your descriptor on the customer's statement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement_descriptor_suffix: Option<String>,
    /// Your own link to your rows.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}

impl NewPayment {
    /// Its currency.
    ///
    /// # Errors
    /// [`CurrencyInvalid`](crate::command::RuleCode::CurrencyInvalid).
    pub fn currency(&self) -> Result<Currency, RuleBreach> {
        amount::currency(&self.currency)
    }

    /// The types of method that are offered, under whichever name they were given.
    #[must_use]
    pub fn method_types(&self) -> &[String] {
        method_types(&self.allowed_payment_method_types, &self.payment_method_types)
    }

    /// Whether Stripe chooses the methods.
    #[must_use]
    pub fn is_automatic(&self) -> bool {
        match self.automatic_payment_methods {
            Some(methods) => methods.enabled,
            None => self.method_types().is_empty(),
        }
    }

    /// Checks all that needs no more than the request itself.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check(&self, limits: ParamLimits<'_>) -> Result<(), RuleBreach> {
        let currency = self.currency()?;
        amount::check("amount", self.amount, currency, limits.bounds)?;
        if let Some(reference) = &self.reference {
            reference::check(reference)?;
        }
        self.check_methods()?;
        self.check_connect()?;
        if let Some(url) = &self.return_url {
            if !self.confirm {
                return Err(RuleBreach::conflict(
                    "return_url",
                    "is only for a payment with confirm: true.",
                ));
            }
            return_url::check("return_url", url, limits.return_urls)?;
        }
        let redirects = self.automatic_payment_methods.and_then(|methods| methods.allow_redirects);
        return_url::check_confirmation(
            self.confirm,
            self.is_automatic(),
            redirects.map(AllowRedirects::as_str),
            self.return_url.as_deref(),
        )?;
        text_limits::check_length("description", self.description.as_deref(), MAX_DESCRIPTION)?;
        text_limits::check_length("receipt_email", self.receipt_email.as_deref(), MAX_EMAIL)?;
        if let Some(suffix) = &self.statement_descriptor_suffix {
            text_limits::check_descriptor_suffix(suffix)?;
        }
        text_limits::check_metadata(&self.metadata)
    }

    fn check_methods(&self) -> Result<(), RuleBreach> {
        check_method_types(&self.allowed_payment_method_types, &self.payment_method_types)?;
        if self.automatic_payment_methods.is_some() && !self.method_types().is_empty() {
            let field = match self.payment_method_types.is_empty() {
                true => "allowed_payment_method_types",
                false => "payment_method_types",
            };
            let detail = "excludes automatic_payment_methods: send one of the two.";
            return Err(RuleBreach::conflict(field, detail));
        }
        if self.confirm && self.payment_method.is_none() {
            let detail = "is missing: confirm: true takes a saved method. To have the customer enter one, \
                          leave confirm out and use the client_secret in the browser.";
            return Err(RuleBreach::conflict("payment_method", detail));
        }
        if self.off_session && !self.confirm {
            return Err(RuleBreach::conflict(
                "off_session",
                "is only for a payment with confirm: true.",
            ));
        }
        if self.off_session && self.setup_future_usage.is_some() {
            let detail = "cannot be set up while the customer is away (off_session: true).";
            return Err(RuleBreach::conflict("setup_future_usage", detail));
        }
        Ok(())
    }

    fn check_connect(&self) -> Result<(), RuleBreach> {
        let Some(fee) = self.application_fee_amount else { return Ok(()) };
        if self.transfer_data.is_none() {
            let detail = "is only for a destination charge: send transfer_data.destination, too.";
            return Err(RuleBreach::conflict("application_fee_amount", detail));
        }
        amount::check_fee(fee, self.amount)
    }
}

/// Confirms a payment with a saved method.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmPayment {
    /// Another method than the payment has, `pm_...`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_method: Option<String>,
    /// Whether the customer is away.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub off_session: bool,
    /// Where the customer comes back to after a redirect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_url: Option<String>,
}

impl ConfirmPayment {
    /// Checks all that needs no more than the request itself.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check(&self, limits: ParamLimits<'_>) -> Result<(), RuleBreach> {
        match &self.return_url {
            Some(url) => return_url::check("return_url", url, limits.return_urls),
            None => Ok(()),
        }
    }
}

/// Captures an authorised payment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CapturePayment {
    /// A part; all that can be captured if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub amount_to_capture: Option<Minor>,
}

/// Cancels a payment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelPayment {
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancellation_reason: Option<CancellationReason>,
}

/// The types of method that are offered, under whichever of Stripe's names they were given.
pub(super) fn method_types<'a>(allowed: &'a [String], older: &'a [String]) -> &'a [String] {
    if allowed.is_empty() { older } else { allowed }
}

/// Refuses types of method that are given under both of Stripe's names.
pub(super) fn check_method_types(allowed: &[String], older: &[String]) -> Result<(), RuleBreach> {
    if allowed.is_empty() || older.is_empty() {
        return Ok(());
    }
    let detail = "is Stripe's older name for allowed_payment_method_types: send one of the two.";
    Err(RuleBreach::conflict("payment_method_types", detail))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::command::given::payment;

    fn breach(more: Value) -> Option<(&'static str, String)> {
        let return_urls = ["https://shop.example".to_owned()];
        let limits = ParamLimits { bounds: AmountBounds::default(), return_urls: &return_urls };
        payment(more).check(limits).err().map(|breach| (breach.code.as_str(), breach.field))
    }

    #[test]
    fn a_payment_is_checked_field_by_field() {
        for (more, expected) in [
            (json!({}), None),
            (json!({"amount": 0}), Some(("amount_too_small", "amount"))),
            (json!({"currency": "EUR"}), Some(("currency_invalid", "currency"))),
            (json!({"reference": ""}), Some(("reference_invalid", "reference"))),
            (
                json!({"allowed_payment_method_types": ["card"],
                       "automatic_payment_methods": {"enabled": true}}),
                Some(("parameters_conflict", "allowed_payment_method_types")),
            ),
            (
                json!({"payment_method_types": ["card"],
                       "automatic_payment_methods": {"enabled": true}}),
                Some(("parameters_conflict", "payment_method_types")),
            ),
            (
                json!({"payment_method_types": ["card"], "allowed_payment_method_types": ["card"]}),
                Some(("parameters_conflict", "payment_method_types")),
            ),
            (json!({"payment_method_types": ["card"]}), None),
            (json!({"confirm": true}), Some(("parameters_conflict", "payment_method"))),
            (json!({"off_session": true}), Some(("parameters_conflict", "off_session"))),
            (
                json!({"confirm": true, "payment_method": "pm_1"}),
                Some(("return_url_required", "return_url")),
            ),
            (
                json!({"confirm": true, "payment_method": "pm_1",
                       "return_url": "https://shop.example/thanks"}),
                None,
            ),
            (
                json!({"confirm": true, "payment_method": "pm_1",
                       "return_url": "https://evil.example/"}),
                Some(("return_url_not_allowed", "return_url")),
            ),
            (
                json!({"confirm": true, "payment_method": "pm_1",
                       "automatic_payment_methods": {"enabled": true, "allow_redirects": "never"}}),
                None,
            ),
            (
                json!({"confirm": true, "payment_method": "pm_1", "off_session": true,
                       "allowed_payment_method_types": ["card"],
                       "setup_future_usage": "off_session"}),
                Some(("parameters_conflict", "setup_future_usage")),
            ),
            (
                json!({"return_url": "https://shop.example"}),
                Some(("parameters_conflict", "return_url")),
            ),
            (
                json!({"application_fee_amount": 100}),
                Some(("parameters_conflict", "application_fee_amount")),
            ),
            (
                json!({"application_fee_amount": 2001, "transfer_data": {"destination": "acct_1"}}),
                Some(("fee_exceeds_amount", "application_fee_amount")),
            ),
            (
                json!({"statement_descriptor_suffix": "*"}),
                Some(("descriptor_invalid", "statement_descriptor_suffix")),
            ),
            (json!({"description": "x".repeat(1001)}), Some(("text_too_long", "description"))),
            (
                json!({"metadata": {"quittance_command": "x"}}),
                Some(("metadata_invalid", "metadata.quittance_command")),
            ),
        ] {
            let found = breach(more.clone());
            let found = found.as_ref().map(|(code, field)| (*code, field.as_str()));
            assert_eq!(found, expected, "{more}");
        }
    }

    #[test]
    fn what_is_left_out_and_what_is_given_as_the_default_are_the_same_request() {
        let given = payment(json!({"confirm": false, "metadata": {}, "customer": null}));
        assert_eq!(
            serde_json::to_string(&given).unwrap(),
            serde_json::to_string(&payment(json!({}))).unwrap(),
        );
    }

    #[test]
    fn a_parameter_that_is_not_known_is_refused_by_its_name() {
        let error = serde_json::from_value::<NewPayment>(
            json!({"amount": 1, "currency": "eur", "payment_methods": ["card"]}),
        )
        .unwrap_err();
        assert!(error.to_string().contains("payment_methods"), "{error}");
    }
}

//! PaymentMethod: a card in the hand of someone.

use serde_json::{Value, json};

use super::test_card::TestCard;

/// Which kinds of method a payment or a setup takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MethodTypes {
    /// These: `card`, `us_bank_account`.
    Listed(Vec<String>),
    /// Those that the account has switched on in its Dashboard, `automatic_payment_methods`.
    Automatic {
        /// Whether one of them may send the customer to another page (`allow_redirects=always`).
        redirects: bool,
    },
}

/// The kinds of method that the simulator has.
const METHOD_TYPES: [&str; 2] = ["card", "us_bank_account"];

impl Default for MethodTypes {
    fn default() -> Self {
        Self::Listed(METHOD_TYPES.map(str::to_owned).to_vec())
    }
}

impl MethodTypes {
    /// Whether confirming needs to know where the customer comes back to.
    pub(crate) fn needs_return_url(&self) -> bool {
        matches!(self, Self::Automatic { redirects: true })
    }

    /// `payment_method_types`
    pub(crate) fn list(&self) -> Vec<String> {
        match self {
            Self::Listed(types) => types.clone(),
            Self::Automatic { .. } => METHOD_TYPES.map(str::to_owned).to_vec(),
        }
    }

    /// `automatic_payment_methods`
    pub(crate) fn automatic(&self) -> Value {
        match self {
            Self::Listed(_) => Value::Null,
            Self::Automatic { redirects } => json!({
                "allow_redirects": if *redirects { "always" } else { "never" },
                "enabled": true,
            }),
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct PaymentMethod {
    pub(crate) id: String,
    pub(crate) card: &'static TestCard,
    pub(crate) customer: Option<String>,
    pub(crate) created: i64,
    pub(crate) livemode: bool,
    pub(crate) exp_year: i64,
    /// Whether it has had an event: a method that was never attached has none.
    pub(crate) announced: bool,
    /// Whether its owner has agreed to payments in their absence.
    pub(crate) set_up: bool,
}

impl PaymentMethod {
    pub(crate) fn kind(&self) -> &'static str {
        if self.card.is_bank_account() { "us_bank_account" } else { "card" }
    }

    pub(crate) fn render(&self) -> Value {
        let mut value = json!({
            "id": self.id,
            "object": "payment_method",
            "allow_redisplay": "unspecified",
            "billing_details": billing_details(),
            "created": self.created,
            "customer": self.customer,
            "customer_account": null,
            "livemode": self.livemode,
            "metadata": {},
            "type": self.kind(),
        });
        value[self.kind()] = if self.card.is_bank_account() {
            json!({
                "account_holder_type": "individual",
                "account_type": "checking",
                "bank_name": "STRIPE TEST BANK",
                "financial_connections_account": null,
                "fingerprint": "FFDMA0xfhBjWSZLu",
                "last4": "6789",
                "networks": { "preferred": "ach", "supported": ["ach"] },
                "routing_number": "110000000",
                "status_details": {},
            })
        } else {
            json!({
                "brand": "visa",
                "checks": checks(),
                "country": "US",
                "display_brand": "visa",
                "exp_month": 8,
                "exp_year": self.exp_year,
                "fingerprint": "AOB934RVNwzk6xtn",
                "funding": "credit",
                "generated_from": null,
                "last4": self.card.last4(),
                "networks": { "available": ["visa"], "preferred": null },
                "regulated_status": "unregulated",
                "three_d_secure_usage": { "supported": true },
                "wallet": null,
            })
        };
        value
    }

    /// `payment_method_details` of a charge that was made with it.
    pub(crate) fn details(&self, amount: i64, authenticated: bool) -> Value {
        let kind = self.kind();
        let mut value = json!({ "type": kind });
        value[kind] = if self.card.is_bank_account() {
            json!({
                "account_holder_type": "individual",
                "account_type": "checking",
                "bank_name": "STRIPE TEST BANK",
                "fingerprint": "FFDMA0xfhBjWSZLu",
                "last4": "6789",
                "mandate": null,
                "payment_reference": null,
                "routing_number": "110000000",
            })
        } else {
            json!({
                "amount_authorized": amount,
                "authorization_code": null,
                "brand": "visa",
                "checks": checks(),
                "country": "US",
                "exp_month": 8,
                "exp_year": self.exp_year,
                "extended_authorization": { "status": "disabled" },
                "fingerprint": "AOB934RVNwzk6xtn",
                "funding": "credit",
                "incremental_authorization": { "status": "unavailable" },
                "installments": null,
                "last4": self.card.last4(),
                "mandate": null,
                "multicapture": { "status": "unavailable" },
                "network": "visa",
                "network_token": { "used": false },
                "network_transaction_id": "105018103101118",
                "overcapture": { "maximum_amount_capturable": amount, "status": "unavailable" },
                "regulated_status": "unregulated",
                "three_d_secure": authenticated.then(|| json!({
                    "authentication_flow": "challenge",
                    "electronic_commerce_indicator": "05",
                    "exemption_indicator": null,
                    "result": "authenticated",
                    "result_reason": null,
                    "transaction_id": "d1a9f3e4-7e2a-4e9e-9b1f-0a1b2c3d4e5f",
                    "version": "2.2.0",
                })),
                "wallet": null,
            })
        };
        value
    }
}

/// A customer's data: the product must not need any of it, so it is always the same.
pub(super) fn billing_details() -> Value {
    json!({
        "address": {
            "city": null,
            "country": "DE",
            "line1": null,
            "line2": null,
            "postal_code": "10115",
            "state": null,
        },
        "email": "jenny.rosén@example.com",
        "name": "Jenny Rosén",
        "phone": null,
        "tax_id": null,
    })
}

fn checks() -> Value {
    json!({ "address_line1_check": null, "address_postal_code_check": "pass", "cvc_check": "pass" })
}

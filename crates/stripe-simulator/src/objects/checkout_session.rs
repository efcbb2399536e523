//! Checkout Session (docs.stripe.com, "The Checkout Session object", "Fulfill orders").

use serde_json::{Value, json};

use super::metadata::Metadata;
use super::payment_intent::NewPayment;
use super::payment_method::MethodTypes;
use super::rendering::merge;

/// Mode of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CheckoutMode {
    /// To pay once.
    #[default]
    Payment,
    /// To save a method.
    Setup,
    /// To begin a subscription.
    Subscription,
}

impl CheckoutMode {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::Setup => "setup",
            Self::Subscription => "subscription",
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct CheckoutSession {
    pub(crate) id: String,
    pub(crate) amount_total: Option<i64>,
    pub(crate) cancel_url: Option<String>,
    pub(crate) client_reference_id: Option<String>,
    pub(crate) created: i64,
    pub(crate) currency: Option<String>,
    pub(crate) customer: Option<String>,
    pub(crate) customer_email: Option<String>,
    pub(crate) expires_at: i64,
    pub(crate) invoice: Option<String>,
    /// Prices and how many of each.
    pub(crate) line_items: Vec<LineItem>,
    pub(crate) livemode: bool,
    pub(crate) metadata: Metadata,
    pub(crate) methods: MethodTypes,
    pub(crate) mode: CheckoutMode,
    pub(crate) payment_intent: Option<String>,
    /// `paid`, `unpaid`, `no_payment_required`
    pub(crate) payment_status: &'static str,
    pub(crate) setup_intent: Option<String>,
    /// `open`, `complete`, `expired`
    pub(crate) status: &'static str,
    pub(crate) subscription: Option<String>,
    pub(crate) success_url: Option<String>,
    /// What the payment, the setup or the subscription is made with.
    pub(crate) then: AfterCheckout,
}

/// Objects that a completed session makes, beside what the session says itself.
#[derive(Debug, Clone, Default)]
pub struct AfterCheckout {
    /// Of a payment: `payment_intent_data`, without amount, currency, customer and method.
    pub payment: NewPayment,
    /// Of a subscription: `subscription_data[metadata]`.
    pub subscription_metadata: Metadata,
    /// Of a subscription: `subscription_data[trial_period_days]`.
    pub trial_days: Option<i64>,
    /// Of a setup: `setup_intent_data[metadata]`.
    pub setup_metadata: Metadata,
}

/// A price on a page, and how many of it.
#[derive(Debug, Clone)]
pub(crate) struct LineItem {
    pub(crate) id: String,
    /// As the API shows it.
    pub(crate) price: Value,
    pub(crate) quantity: i64,
}

impl LineItem {
    pub(crate) fn amount(&self) -> i64 {
        self.price["unit_amount"].as_i64().unwrap_or(0).saturating_mul(self.quantity)
    }

    pub(crate) fn render(&self) -> Value {
        json!({
            "id": self.id,
            "object": "item",
            "amount_discount": 0,
            "amount_subtotal": self.amount(),
            "amount_tax": 0,
            "amount_total": self.amount(),
            "currency": self.price["currency"],
            "description": self.price["nickname"],
            "price": self.price,
            "quantity": self.quantity,
        })
    }
}

impl CheckoutSession {
    pub(crate) fn render(&self) -> Value {
        let open = self.status == "open";
        let mut value = json!({
            "id": self.id,
            "object": "checkout.session",
            "after_expiration": null,
            "allow_promotion_codes": null,
            "amount_subtotal": self.amount_total,
            "amount_total": self.amount_total,
            "automatic_tax": { "enabled": false, "liability": null, "provider": null,
                               "status": null },
            "billing_address_collection": null,
            "cancel_url": self.cancel_url,
            "client_reference_id": self.client_reference_id,
            "client_secret": null,
            "consent": null,
            "consent_collection": null,
            "created": self.created,
            "currency": self.currency,
            "custom_fields": [],
            "custom_text": { "after_submit": null, "shipping_address": null, "submit": null,
                             "terms_of_service_acceptance": null },
            "customer": self.customer,
            "customer_creation": null,
            "customer_details": (!open).then(|| json!({
                "address": null, "email": "jenny.rosén@example.com", "name": "Jenny Rosén",
                "phone": null, "tax_exempt": "none", "tax_ids": [],
            })),
            "customer_email": self.customer_email,
        });
        let rest = json!({
            "expires_at": self.expires_at,
            "invoice": self.invoice,
            "invoice_creation": null,
            "livemode": self.livemode,
            "locale": null,
            "metadata": self.metadata,
            "mode": self.mode.as_str(),
            "payment_intent": self.payment_intent,
            "payment_link": null,
            "payment_method_collection": "if_required",
            "payment_method_configuration_details": null,
            "payment_method_options": {},
            "payment_method_types": self.methods.list(),
            "payment_status": self.payment_status,
            "recovered_from": null,
            "setup_intent": self.setup_intent,
            "shipping_address_collection": null,
            "shipping_cost": null,
            "shipping_options": [],
            "status": self.status,
            "submit_type": null,
            "subscription": self.subscription,
            "success_url": self.success_url,
            "total_details": { "amount_discount": 0, "amount_shipping": 0, "amount_tax": 0 },
            "ui_mode": null,
            "url": open.then(|| format!("https://checkout.stripe.com/c/pay/{}", self.id)),
        });
        merge(&mut value, rest);
        value
    }
}

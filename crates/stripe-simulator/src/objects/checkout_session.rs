//! Checkout Session (docs.stripe.com, "The Checkout Session object", "Fulfill orders").

use serde_json::{Value, json};

use super::{Metadata, merge};

/// What a session is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CheckoutMode {
    /// To pay once.
    #[default]
    Payment,
    /// To save a method.
    Setup,
}

impl CheckoutMode {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::Setup => "setup",
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct CheckoutSession {
    pub(crate) id: String,
    pub(crate) amount_total: Option<i64>,
    pub(crate) client_reference_id: Option<String>,
    pub(crate) created: i64,
    pub(crate) currency: Option<String>,
    pub(crate) customer: Option<String>,
    pub(crate) livemode: bool,
    pub(crate) metadata: Metadata,
    pub(crate) mode: CheckoutMode,
    pub(crate) payment_intent: Option<String>,
    /// `paid`, `unpaid`, `no_payment_required`
    pub(crate) payment_status: &'static str,
    pub(crate) setup_intent: Option<String>,
    /// `open`, `complete`, `expired`
    pub(crate) status: &'static str,
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
            "cancel_url": null,
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
            "customer_email": null,
        });
        let rest = json!({
            "expires_at": self.created + 24 * 3600,
            "invoice": null,
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
            "payment_method_types": ["card", "us_bank_account"],
            "payment_status": self.payment_status,
            "recovered_from": null,
            "setup_intent": self.setup_intent,
            "shipping_address_collection": null,
            "shipping_cost": null,
            "shipping_options": [],
            "status": self.status,
            "submit_type": null,
            "subscription": null,
            "success_url": "https://example.com/done",
            "total_details": { "amount_discount": 0, "amount_shipping": 0, "amount_tax": 0 },
            "ui_mode": null,
            "url": open.then(|| format!("https://checkout.stripe.com/c/pay/{}", self.id)),
        });
        merge(&mut value, rest);
        value
    }
}

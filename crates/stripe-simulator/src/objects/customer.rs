//! Customer (docs.stripe.com, "The Customer object").

use serde_json::{Value, json};

use super::Metadata;

#[derive(Debug, Clone)]
pub(crate) struct Customer {
    pub(crate) id: String,
    pub(crate) balance: i64,
    pub(crate) created: i64,
    pub(crate) currency: Option<String>,
    pub(crate) default_payment_method: Option<String>,
    pub(crate) delinquent: bool,
    pub(crate) livemode: bool,
    pub(crate) metadata: Metadata,
}

impl Customer {
    pub(crate) fn render(&self) -> Value {
        json!({
            "id": self.id,
            "object": "customer",
            // Personal data that the product must not need: always the same.
            "address": { "city": "Berlin", "country": "DE", "line1": "Musterstraße 1",
                         "line2": null, "postal_code": "10115", "state": null },
            "email": "jenny.rosén@example.com",
            "name": "Jenny Rosén",
            "phone": "+493012345678",
            "balance": self.balance,
            "created": self.created,
            "currency": self.currency,
            "default_source": null,
            "delinquent": self.delinquent,
            "description": null,
            "discount": null,
            "invoice_prefix": "7FE1103",
            "invoice_settings": {
                "custom_fields": null,
                "default_payment_method": self.default_payment_method,
                "footer": null,
                "rendering_options": null,
            },
            "livemode": self.livemode,
            "metadata": self.metadata,
            "next_invoice_sequence": 1,
            "preferred_locales": ["de"],
            "shipping": null,
            "tax_exempt": "none",
            "test_clock": null,
        })
    }
}

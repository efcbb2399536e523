//! Customer (docs.stripe.com, "The Customer object").

use serde_json::{Value, json};

use super::metadata::Metadata;

#[derive(Debug, Clone)]
pub(crate) struct Customer {
    pub(crate) id: String,
    pub(crate) address: Value,
    pub(crate) balance: i64,
    pub(crate) created: i64,
    pub(crate) currency: Option<String>,
    pub(crate) default_payment_method: Option<String>,
    pub(crate) delinquent: bool,
    pub(crate) description: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) livemode: bool,
    pub(crate) metadata: Metadata,
    pub(crate) name: Option<String>,
    pub(crate) phone: Option<String>,
}

impl Customer {
    pub(crate) fn render(&self) -> Value {
        json!({
            "id": self.id,
            "object": "customer",
            "address": self.address,
            "email": self.email,
            "name": self.name,
            "phone": self.phone,
            "balance": self.balance,
            "created": self.created,
            "currency": self.currency,
            "default_source": null,
            "delinquent": self.delinquent,
            "description": self.description,
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

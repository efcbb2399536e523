//! Account, as much of it as tells whether a key works (docs.stripe.com, "The Account object").

use serde_json::{Value, json};

pub(crate) fn render_account(id: &str) -> Value {
    json!({
        "id": id,
        "object": "account",
        "business_type": "company",
        "capabilities": { "card_payments": "active", "transfers": "active" },
        "charges_enabled": true,
        "country": "DE",
        "created": 1_600_000_000,
        "default_currency": "eur",
        "details_submitted": true,
        "email": "owner@example.com",
        "metadata": {},
        "payouts_enabled": true,
        "type": "standard",
    })
}

//! PaymentMethod → [`payment_method::Observed`](crate::domain::payment_method::Observed).

use stripe_shared::PaymentMethod;

use super::field::{self, Unfit, id_text};
use crate::domain::payment_method::Observed;

pub(crate) fn observe(it: PaymentMethod) -> Result<Observed, Unfit> {
    let card = it.card.as_ref();
    let bank = it.us_bank_account.as_ref().and_then(|bank| bank.last4.clone());
    let debit = it.sepa_debit.as_ref().and_then(|debit| debit.last4.clone());
    Ok(Observed {
        customer: id_text(it.customer.as_ref()).map(str::to_owned),
        method_type: it.type_.as_str().to_owned(),
        brand: card.map(|card| card.brand.clone()),
        last4: card.map(|card| card.last4.clone()).or(bank).or(debit),
        exp_month: card.map(|card| card.exp_month),
        exp_year: card.map(|card| card.exp_year),
        metadata: it.metadata.map(field::metadata).unwrap_or_default(),
        created: it.created,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::payment_method::Status;
    use crate::stripe_api::decode;

    fn method(changes: Value) -> Observed {
        let mut it = json!({
            "id": "pm_1", "object": "payment_method", "created": 1_700_000_000, "livemode": false,
            "customer": "cus_1", "metadata": {"wallet": "main"}, "type": "card",
            "billing_details": {"address": null, "email": "jenny@example.com",
                                "name": "Jenny Rosén", "phone": null, "tax_id": null},
        });
        for (key, value) in changes.as_object().unwrap() {
            it[key] = value.clone();
        }
        observe(decode::typed(&it, None).unwrap()).unwrap()
    }

    #[test]
    fn a_card_says_its_brand_its_last_four_digits_and_its_expiry_and_nothing_personal() {
        let card = json!({"brand": "visa", "checks": null, "country": "US", "exp_month": 8,
                          "exp_year": 2034, "fingerprint": "AOB934RVNwzk6xtn",
                          "funding": "credit", "last4": "4242", "networks": null,
                          "three_d_secure_usage": null, "wallet": null});
        let it = method(json!({"card": card}));
        assert_eq!((it.brand.as_deref(), it.last4.as_deref()), (Some("visa"), Some("4242")));
        assert_eq!((it.exp_month, it.exp_year), (Some(8), Some(2034)));
        assert_eq!(it.status(), Status::Attached);
        let text = format!("{it:?}");
        for kept_out in ["jenny", "Jenny", "AOB934"] {
            assert!(!text.contains(kept_out), "{text}");
        }
    }

    #[test]
    fn a_bank_account_says_its_last_four_digits() {
        let debit = json!({"bank_code": "1", "branch_code": null, "country": "DE",
                           "fingerprint": "x", "generated_from": null, "last4": "3000"});
        let it = method(json!({"type": "sepa_debit", "sepa_debit": debit}));
        assert_eq!((it.method_type.as_str(), it.last4.as_deref()), ("sepa_debit", Some("3000")));
        assert_eq!((it.brand, it.exp_month, it.exp_year), (None, None, None));
    }

    #[test]
    fn a_method_of_a_new_type_is_kept_under_its_name() {
        let it = method(json!({"type": "shells", "customer": null}));
        assert_eq!((it.method_type.as_str(), it.last4.as_deref()), ("shells", None));
        assert_eq!(it.status(), Status::Detached);
    }
}

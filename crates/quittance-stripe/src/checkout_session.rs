//! Checkout Session → [`checkout::Observed`](crate::domain::checkout::Observed).

use stripe_shared::CheckoutSession;

use super::field::{self, Unfit, id_text};
use crate::domain::checkout::{Observed, PaymentStatus, Progress};

pub(crate) fn observe(it: CheckoutSession) -> Result<Observed, Unfit> {
    // Stripe's type allows for none, which its documentation does not explain: not ours to guess.
    let progress = it.status.as_ref().map_or("null", |status| status.as_str());
    let currency = it.currency.as_ref();
    // An upcoming invoice has no id; a session never has one of those.
    let invoice = it.invoice.as_ref().and_then(|invoice| invoice.id().as_ref());
    Ok(Observed {
        progress: Progress::parse(progress)
            .ok_or_else(|| field::unknown_status("checkout.session.status", progress))?,
        payment_status: PaymentStatus::parse(it.payment_status.as_str()).ok_or_else(|| {
            field::unknown_status("checkout.session.payment_status", it.payment_status.as_str())
        })?,
        mode: it.mode.as_str().to_owned(),
        client_reference_id: it.client_reference_id,
        customer: id_text(it.customer.as_ref()).map(str::to_owned),
        payment_intent: id_text(it.payment_intent.as_ref()).map(str::to_owned),
        setup_intent: id_text(it.setup_intent.as_ref()).map(str::to_owned),
        subscription: id_text(it.subscription.as_ref()).map(str::to_owned),
        invoice: invoice.map(|id| id.as_str().to_owned()),
        amount_total: it.amount_total,
        currency: currency
            .map(|currency| field::currency("checkout.session.currency", currency))
            .transpose()?,
        expires_at: it.expires_at,
        metadata: it.metadata.map(field::metadata).unwrap_or_default(),
        created: it.created,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::checkout::Status;
    use crate::stripe_api::decode;

    fn session(changes: Value) -> Result<Observed, Unfit> {
        let mut it = json!({
            "id": "cs_test_1", "object": "checkout.session", "created": 1_700_000_000,
            "expires_at": 1_700_086_400, "livemode": false, "mode": "payment", "metadata": {},
            "payment_method_types": ["card"], "payment_status": "unpaid", "status": "open",
            "automatic_tax": {"enabled": false, "liability": null, "provider": null,
                              "status": null},
            "custom_fields": [], "shipping_options": [],
            "custom_text": {"after_submit": null, "shipping_address": null, "submit": null,
                            "terms_of_service_acceptance": null},
            "client_reference_id": "cart-9", "amount_total": 1099, "currency": "eur",
        });
        for (key, value) in changes.as_object().unwrap() {
            it[key] = value.clone();
        }
        observe(decode::typed(&it, None).unwrap())
    }

    #[test]
    fn both_fields_of_the_state_are_read() {
        for (status, payment, expected) in [
            ("open", "unpaid", Status::Open),
            ("open", "no_payment_required", Status::Open),
            ("complete", "unpaid", Status::CompleteUnpaid),
            ("complete", "paid", Status::CompletePaid),
            ("complete", "no_payment_required", Status::CompleteFree),
            ("expired", "unpaid", Status::Expired),
        ] {
            let it = session(json!({"status": status, "payment_status": payment})).unwrap();
            assert_eq!(it.status(), expected);
            assert_eq!((it.progress.as_str(), it.payment_status.as_str()), (status, payment));
        }
    }

    #[test]
    fn a_new_word_is_named_with_its_field() {
        for (field, value, shown) in [
            ("status", json!("paused"), "checkout.session.status is \"paused\""),
            ("status", json!(null), "checkout.session.status is \"null\""),
            ("payment_status", json!("half"), "checkout.session.payment_status is \"half\""),
        ] {
            let error = session(json!({field: value})).unwrap_err().into_error(None).to_string();
            assert_eq!(error, format!("{shown}: a status that this version does not know"));
        }
    }

    #[test]
    fn a_session_names_all_that_came_of_it() {
        let it = session(json!({
            "customer": "cus_1", "payment_intent": "pi_1", "setup_intent": "seti_1",
            "subscription": "sub_1", "invoice": "in_1",
        }));
        let it = it.unwrap();
        let names = [it.customer, it.payment_intent, it.setup_intent, it.subscription, it.invoice];
        let names: Vec<_> = names.iter().map(|name| name.as_deref().unwrap()).collect();
        assert_eq!(names, ["cus_1", "pi_1", "seti_1", "sub_1", "in_1"]);
        assert_eq!(it.client_reference_id.as_deref(), Some("cart-9"));
        assert_eq!((it.amount_total, it.currency.unwrap().as_str()), (Some(1099), "eur"));
    }
}

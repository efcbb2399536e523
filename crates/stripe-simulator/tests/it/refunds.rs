//! Refunds, over HTTP.

use stripe_simulator::{NewRefund, RefundStart};

use super::harness::{Api, paid_with};

#[tokio::test]
async fn refunds_add_up_on_the_charge_and_cannot_exceed_it() {
    let api = Api::start().await;
    let payment = api.paid();
    let first = api.post("/v1/refunds", &format!("payment_intent={payment}&amount=500")).await;
    assert_eq!((first.status, first.text("/status")), (200, "succeeded"));
    let path = format!("/v1/charges/{}", first.text("/charge"));
    assert_eq!(api.get(&path).await.body["amount_refunded"], 500);

    let over = api.post("/v1/refunds", &format!("payment_intent={payment}&amount=1501")).await;
    assert_eq!((over.status, over.text("/error/param")), (400, "amount"));
    let rest = api.post("/v1/refunds", &format!("charge={}", first.text("/charge"))).await;
    assert_eq!(rest.body["amount"], 1500);
    let charge = api.get(&path).await;
    assert_eq!(
        (&charge.body["amount_refunded"], &charge.body["refunded"]),
        (&2000.into(), &true.into())
    );
    let again = api.post("/v1/refunds", &format!("payment_intent={payment}")).await;
    assert_eq!((again.status, again.text("/error/code")), (400, "charge_already_refunded"));

    let payment = api.get(&format!("/v1/payment_intents/{payment}")).await;
    assert_eq!(payment.text("/status"), "succeeded", "a refund is state of its own");
}

#[tokio::test]
async fn a_refund_can_fail_after_it_succeeded_and_the_charge_is_whole_again() {
    let api = Api::start().await;
    let payment = api.made(paid_with("pm_card_refundFail"));
    let refund = api.post("/v1/refunds", &format!("payment_intent={payment}&amount=700")).await;
    assert_eq!(refund.text("/status"), "succeeded");
    let events = api.event_types().len();
    let failed =
        api.post(&format!("/simulator/refunds/{}", refund.text("/id")), "outcome=fail").await;
    assert_eq!(failed.text("/status"), "failed");
    assert_eq!(failed.text("/failure_reason"), "lost_or_stolen_card");
    let charge = api.get(&format!("/v1/charges/{}", refund.text("/charge"))).await;
    assert_eq!(charge.body["amount_refunded"], 0);
    assert_eq!(
        api.event_types()[events..],
        ["refund.failed", "refund.updated", "charge.refund.updated"]
    );
}

#[tokio::test]
async fn a_pending_refund_arrives_later() {
    let api = Api::start().await;
    let payment = api.made(paid_with("pm_card_pendingRefund"));
    let refund = api.post("/v1/refunds", &format!("payment_intent={payment}")).await;
    assert_eq!(refund.text("/status"), "pending");
    let path = format!("/simulator/refunds/{}", refund.text("/id"));
    assert_eq!(api.post(&path, "outcome=succeed").await.text("/status"), "succeeded");
    assert_eq!(api.post(&path, "outcome=succeed").await.status, 400);
}

#[tokio::test]
async fn only_a_refund_that_waits_for_the_customer_can_be_called_off() {
    let api = Api::start().await;
    let payment = api.paid();
    let refund = api.post("/v1/refunds", &format!("payment_intent={payment}&amount=1")).await;
    let path = format!("/v1/refunds/{}/cancel", refund.text("/id"));
    assert_eq!(api.post(&path, "").await.status, 400);

    let waiting = NewRefund {
        payment_intent: Some(payment),
        start: Some(RefundStart::RequiresAction),
        ..NewRefund::default()
    };
    let waiting = api.sim.platform().create_refund(waiting).unwrap();
    assert_eq!(waiting["status"], "requires_action");
    let path = format!("/v1/refunds/{}/cancel", waiting["id"].as_str().unwrap());
    assert_eq!(api.post(&path, "").await.text("/status"), "canceled");
    let charge = api.get(&format!("/v1/charges/{}", refund.text("/charge"))).await;
    assert_eq!(charge.body["amount_refunded"], 1, "only the other one is left");
}

#[tokio::test]
async fn what_was_not_paid_cannot_be_refunded() {
    let api = Api::start().await;
    let form = "amount=500&currency=eur";
    let open = api.post("/v1/payment_intents", form).await;
    for form in [
        format!("payment_intent={}", open.text("/id")),
        "charge=ch_none".to_owned(),
        String::new(),
        "payment_intent=pi_none".to_owned(),
    ] {
        let reply = api.post("/v1/refunds", &form).await;
        assert!(matches!(reply.status, 400 | 404), "{form}: {}", reply.status);
        assert_eq!(reply.text("/error/type"), "invalid_request_error");
    }
}

#[tokio::test]
async fn a_refund_of_a_destination_charge_takes_the_transfer_and_the_fee_back_if_there_are_any() {
    let api = Api::start().await;
    let plain = api.paid();
    for name in ["reverse_transfer", "refund_application_fee"] {
        let form = format!("payment_intent={plain}&{name}=true");
        let refused = api.post("/v1/refunds", &form).await;
        assert_eq!((refused.status, refused.text("/error/param")), (400, name));
    }
    let paid = api.made(stripe_simulator::NewPayment {
        transfer_destination: Some("acct_1".into()),
        application_fee_amount: Some(100),
        ..super::harness::paid_with("pm_card_visa")
    });
    let form = format!(
        "payment_intent={paid}&amount=500&reason=requested_by_customer&metadata[a]=b\
         &reverse_transfer=true&refund_application_fee=true"
    );
    let refund = api.post("/v1/refunds", &form).await;
    assert_eq!(refund.status, 200, "{}", refund.body);
    assert_eq!(
        (refund.text("/reason"), refund.text("/metadata/a")),
        ("requested_by_customer", "b")
    );
    assert!(refund.text("/transfer_reversal").starts_with("trr_"));
    let wrong = api.post("/v1/refunds", &format!("payment_intent={paid}&reason=bored")).await;
    assert_eq!(wrong.text("/error/param"), "reason");
}

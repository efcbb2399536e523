//! The test cards and the steps of a payment, over HTTP.

use super::harness::Api;

const NEW: &str = "amount=2000&currency=eur&confirm=true&payment_method_types[]=card\
    &payment_method_types[]=us_bank_account&payment_method=";

#[tokio::test]
async fn a_good_card_pays_at_once() {
    let api = Api::start().await;
    for method in ["pm_card_visa".to_owned()] {
        let reply = api.post("/v1/payment_intents", &format!("{NEW}{method}")).await;
        assert_eq!((reply.status, reply.text("/status")), (200, "succeeded"));
        assert_eq!(reply.body["amount_received"], 2000);
        assert!(reply.body["last_payment_error"].is_null());
        let charge = api.get(&format!("/v1/charges/{}", reply.text("/latest_charge"))).await;
        assert_eq!(charge.text("/status"), "succeeded");
        assert_eq!(charge.body["amount_captured"], 2000);
        assert_eq!(charge.text("/outcome/type"), "authorized");
    }
    assert_eq!(
        api.event_types(),
        [
            "payment_intent.created",
            "charge.succeeded",
            "payment_intent.succeeded",
            "charge.updated"
        ]
    );
}

#[tokio::test]
async fn each_declined_card_says_its_own_code_and_message() {
    let api = Api::start().await;
    for (method, code, decline_code, message) in [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline", "Your card was declined."),
        (
            "pm_card_chargeDeclinedInsufficientFunds",
            "card_declined",
            "insufficient_funds",
            "Your card has insufficient funds.",
        ),
        ("pm_card_chargeDeclinedLostCard", "card_declined", "lost_card", "Your card was declined."),
        (
            "pm_card_authenticationRequired&off_session=true",
            "authentication_required",
            "authentication_required",
            "Your card was declined. This transaction requires authentication.",
        ),
    ] {
        let reply = api.post("/v1/payment_intents", &format!("{NEW}{method}")).await;
        assert_eq!(reply.status, 402, "{method}");
        assert_eq!(reply.text("/error/type"), "card_error");
        let id = reply.text("/error/payment_intent/id");
        let payment = api.get(&format!("/v1/payment_intents/{id}")).await;
        assert_eq!(payment.text("/status"), "requires_payment_method", "it goes back");
        assert!(payment.body["payment_method"].is_null());
        for (answer, at) in [(&reply, "/error"), (&payment, "/last_payment_error")] {
            assert_eq!(answer.text(&format!("{at}/code")), code);
            assert_eq!(answer.text(&format!("{at}/decline_code")), decline_code);
            assert_eq!(answer.text(&format!("{at}/message")), message);
        }
        let charge = api.get(&format!("/v1/charges/{}", reply.text("/error/charge"))).await;
        assert_eq!(charge.text("/status"), "failed");
        assert_eq!(charge.text("/failure_code"), code);
        assert_eq!(charge.text("/outcome/reason"), decline_code);
        assert_eq!(charge.body["captured"], false);
    }
}

#[tokio::test]
async fn the_four_card_numbers_do_what_their_names_do() {
    let api = Api::start().await;
    let form = "amount=2000&currency=eur&confirm=true&payment_method_types[]=card\
        &payment_method_data[type]=card\
        &payment_method_data[card][number]=";
    for (number, status) in [
        ("4242424242424242", "succeeded"),
        ("4000000000000002", "requires_payment_method"),
        ("4000002500003155", "requires_action"),
        ("4000000000009995", "requires_payment_method"),
    ] {
        let reply = api.post("/v1/payment_intents", &format!("{form}{number}")).await;
        let at = if reply.status == 402 { "/error/payment_intent/status" } else { "/status" };
        assert_eq!(reply.text(at), status, "{number}");
    }
    let reply = api.post("/v1/payment_intents", &format!("{form}4111111111111111")).await;
    assert_eq!((reply.status, reply.text("/error/code")), (400, "resource_missing"));
}

#[tokio::test]
async fn a_payment_after_a_decline_forgets_the_error() {
    let api = Api::start().await;
    let declined = api.post("/v1/payment_intents", &format!("{NEW}pm_card_chargeDeclined")).await;
    let path = format!("/v1/payment_intents/{}/confirm", declined.text("/error/payment_intent/id"));
    let paid = api.post(&path, "payment_method=pm_card_visa").await;
    assert_eq!(paid.text("/status"), "succeeded");
    assert!(paid.body["last_payment_error"].is_null());
    assert_ne!(paid.text("/latest_charge"), declined.text("/error/charge"));
}

#[tokio::test]
async fn three_d_secure_waits_for_the_customer_and_ends_either_way() {
    let api = Api::start().await;
    let form = format!("{NEW}pm_card_authenticationRequired");
    for (outcome, status) in [("succeed", "succeeded"), ("fail", "requires_payment_method")] {
        let waiting = api.post("/v1/payment_intents", &form).await;
        assert_eq!(waiting.text("/status"), "requires_action");
        assert_eq!(waiting.text("/next_action/type"), "use_stripe_sdk");
        assert!(waiting.body["latest_charge"].is_null());
        let path = format!("/simulator/payment_intents/{}/three_d_secure", waiting.text("/id"));
        let ended = api.post(&path, &format!("outcome={outcome}")).await;
        assert_eq!(ended.text("/status"), status);
        assert!(ended.body["next_action"].is_null());
        if outcome == "fail" {
            let code = ended.text("/last_payment_error/code");
            assert_eq!(code, "payment_intent_authentication_failure");
        }
    }
    let back =
        api.post("/v1/payment_intents", &format!("{form}&return_url=https://a.test/b")).await;
    assert_eq!(back.text("/next_action/redirect_to_url/return_url"), "https://a.test/b");
}

#[tokio::test]
async fn a_held_payment_is_captured_in_full_in_part_or_let_go() {
    let api = Api::start().await;
    let hold = format!("{NEW}pm_card_visa&capture_method=manual");
    let held = api.post("/v1/payment_intents", &hold).await;
    assert_eq!(held.text("/status"), "requires_capture");
    assert_eq!(
        (&held.body["amount_capturable"], &held.body["amount_received"]),
        (&2000.into(), &0.into())
    );

    let path = format!("/v1/payment_intents/{}/capture", held.text("/id"));
    let too_much = api.post(&path, "amount_to_capture=2001").await;
    assert_eq!((too_much.status, too_much.text("/error/param")), (400, "amount_to_capture"));
    let full = api.post(&path, "").await;
    assert_eq!((full.text("/status"), &full.body["amount_received"]), ("succeeded", &2000.into()));
    let again = api.post(&path, "").await;
    assert_eq!(again.text("/error/code"), "payment_intent_unexpected_state");

    let held = api.post("/v1/payment_intents", &hold).await;
    let path = format!("/v1/payment_intents/{}/capture?expand[]=latest_charge", held.text("/id"));
    let part = api.post(&path, "amount_to_capture=500").await;
    assert_eq!((&part.body["amount_received"], &part.body["amount"]), (&500.into(), &2000.into()));
    let charge = &part.body["latest_charge"];
    assert_eq!(
        (&charge["amount_captured"], &charge["amount_refunded"]),
        (&500.into(), &1500.into())
    );
    assert_eq!(charge["refunded"], false);

    let held = api.post("/v1/payment_intents", &hold).await;
    let path = format!("/v1/payment_intents/{}/cancel?expand[]=latest_charge", held.text("/id"));
    let gone = api.post(&path, "cancellation_reason=abandoned").await;
    assert_eq!(
        (gone.text("/status"), gone.text("/cancellation_reason")),
        ("canceled", "abandoned")
    );
    assert!(gone.body["canceled_at"].is_i64());
    assert_eq!(gone.body["latest_charge"]["refunded"], true, "what was held goes back");
}

#[tokio::test]
async fn a_bank_debit_is_processing_until_the_bank_answers() {
    let api = Api::start().await;
    for (outcome, status, charge) in
        [("succeed", "succeeded", "succeeded"), ("fail", "requires_payment_method", "failed")]
    {
        let debit = api.post("/v1/payment_intents", &format!("{NEW}pm_usBankAccount")).await;
        assert_eq!(debit.text("/status"), "processing");
        let path = format!(
            "/simulator/payment_intents/{}/debit?expand[]=latest_charge",
            debit.text("/id")
        );
        let ended = api.post(&path, &format!("outcome={outcome}")).await;
        assert_eq!((ended.text("/status"), ended.text("/latest_charge/status")), (status, charge));
    }
}

#[tokio::test]
async fn what_is_over_cannot_be_confirmed_or_cancelled() {
    let api = Api::start().await;
    let paid = api.paid();
    for verb in ["confirm", "cancel", "capture"] {
        let reply = api.post(&format!("/v1/payment_intents/{paid}/{verb}"), "").await;
        assert_eq!(
            (reply.status, reply.text("/error/code")),
            (400, "payment_intent_unexpected_state")
        );
    }
}

#[tokio::test]
async fn a_destination_charge_carries_its_account_and_fee() {
    let api = Api::start().await;
    let customer = api.customer().await;
    let form = format!(
        "{NEW}pm_card_visa&transfer_data[destination]=acct_1D&application_fee_amount=123\
         &on_behalf_of=acct_1D&metadata[order]=7&customer={customer}&capture_method=automatic"
    );
    let reply = api.post("/v1/payment_intents?expand[]=latest_charge", &form).await;
    assert_eq!(reply.text("/transfer_data/destination"), "acct_1D");
    assert_eq!(reply.body["application_fee_amount"], 123);
    assert_eq!(reply.text("/on_behalf_of"), "acct_1D");
    assert_eq!(reply.text("/metadata/order"), "7");
    assert_eq!(reply.text("/customer"), customer);
    let charge = &reply.body["latest_charge"];
    assert_eq!(charge["transfer_data"]["destination"], "acct_1D");
    assert_eq!(charge["application_fee_amount"], 123);
    assert!(charge["transfer"].is_string() && charge["balance_transaction"].is_string());
    let greedy = form.replace("=123", "=2001");
    assert_eq!(api.post("/v1/payment_intents", &greedy).await.status, 400);
}

#[tokio::test]
async fn an_expanded_payment_holds_its_charge() {
    let api = Api::start().await;
    let path = format!("/v1/payment_intents/{}?expand[]=latest_charge", api.paid());
    let payment = api.get(&path).await.body;
    assert_eq!(payment["latest_charge"]["object"], "charge");
    assert_eq!(payment["latest_charge"]["amount"], 2000);
}

//! The tables after each life that a payment can have.

use rand::SeedableRng as _;
use serde_json::json;
use stripe_simulator::{
    CaptureMethod, Confirm, Kind, NewPayment, NewRefund, PaymentScenario, RefundStart,
    run_payment_scenario,
};

use crate::harness::App;
use crate::harness::app::payment_of;

/// The columns that tell of success and failure.
async fn outcome(app: &App, payment: &str) -> serde_json::Value {
    let row = app.payment(payment).await;
    json!([
        row["status"],
        row["failure_code"],
        row["failure_decline_code"],
        row["failure_message"],
        row["amount_received"],
    ])
}

#[tokio::test]
async fn each_test_card_comes_out_as_itself() {
    let app = App::start().await;
    let paid = app.pays("pm_card_visa");
    let declined = app.pays("pm_card_chargeDeclined");
    let poor = app.pays("pm_card_chargeDeclinedInsufficientFunds");
    let authenticates = app.pays("pm_card_authenticationRequired");
    let away = app.makes(NewPayment {
        payment_method: Some("pm_card_authenticationRequired".to_owned()),
        confirm: true,
        off_session: true,
        ..payment_of(2000)
    });
    app.settled().await;
    let said = "Your card was declined.";
    for (payment, expected) in [
        (&paid, json!(["succeeded", null, null, null, 2000])),
        (
            &declined,
            json!(["requires_payment_method", "card_declined", "generic_decline", said, 0]),
        ),
        (
            &poor,
            json!([
                "requires_payment_method",
                "card_declined",
                "insufficient_funds",
                "Your card has insufficient funds.",
                0
            ]),
        ),
        (&authenticates, json!(["requires_action", null, null, null, 0])),
        (
            &away,
            json!([
                "requires_payment_method",
                "authentication_required",
                "authentication_required",
                "Your card was declined. This transaction requires authentication.",
                0
            ]),
        ),
    ] {
        assert_eq!(outcome(&app, payment).await, expected);
    }
    assert_eq!(app.told(&declined).await, ["payment.attempt_failed"]);
    let condition = format!("topic = 'payment.attempt_failed' AND object_id = '{poor}'");
    let told = app.db.json("quittance.outbox", &condition).await;
    assert_eq!(told["payload"]["data"]["failure"]["decline_code"], "insufficient_funds");
    assert!(app.payment(&authenticates).await["next_action"].is_string());

    app.stripe().platform().finish_3ds(&authenticates, true).unwrap();
    let again = Confirm { payment_method: Some("pm_card_visa".into()), ..Confirm::default() };
    app.stripe().platform().confirm_payment(&poor, again).unwrap();
    app.settled().await;
    for payment in [&authenticates, &poor] {
        let succeeded = json!(["succeeded", null, null, null, 2000]);
        assert_eq!(outcome(&app, payment).await, succeeded, "a success clears the failure");
    }
    app.is_true().await;
    app.stop().await;
}

#[tokio::test]
async fn an_authorisation_is_captured_in_part_or_let_go_and_neither_is_a_refund() {
    let app = App::start().await;
    let hold = || {
        app.makes(NewPayment {
            payment_method: Some("pm_card_visa".to_owned()),
            confirm: true,
            capture_method: Some(CaptureMethod::Manual),
            ..payment_of(2000)
        })
    };
    let (captured, canceled) = (hold(), hold());
    app.settled().await;
    let row = app.payment(&captured).await;
    assert_eq!(
        (&row["status"], &row["amount_capturable"]),
        (&json!("requires_capture"), &json!(2000))
    );

    let account = app.stripe().platform();
    account.capture_payment(&captured, Some(1500)).unwrap();
    account.cancel_payment(&canceled, Some("requested_by_customer")).unwrap();
    app.settled().await;
    let row = app.payment(&captured).await;
    let sums = |row: &serde_json::Value| {
        json!([
            row["status"],
            row["amount_captured"],
            row["amount_refunded"],
            row["amount_capturable"]
        ])
    };
    assert_eq!(sums(&row), json!(["succeeded", 1500, 0, 0]));
    let row = app.payment(&canceled).await;
    assert_eq!(sums(&row), json!(["canceled", 0, 0, 0]));
    assert_eq!(row["cancellation_reason"], "requested_by_customer");
    assert_eq!(app.told(&captured).await, ["payment.capturable", "payment.succeeded"]);
    assert_eq!(app.told(&canceled).await, ["payment.capturable", "payment.canceled"]);
    let moved = "SELECT count(*) FROM app.refunds WHERE balance_transaction IS NOT NULL";
    assert_eq!(app.db.number(moved).await, 0, "what Stripe calls a refund moved no money");

    let new = NewRefund {
        payment_intent: Some(captured.clone()),
        amount: Some(50),
        ..NewRefund::default()
    };
    account.create_refund(new).unwrap();
    app.settled().await;
    assert_eq!(sums(&app.payment(&captured).await), json!(["succeeded", 1500, 50, 0]));
    let told = app.db.json("quittance.outbox", "topic = 'payment.refunded'").await;
    let (before, after) = (&told["payload"]["before"], &told["payload"]["after"]);
    assert_eq!((&before["amount_refunded"], &after["amount_refunded"]), (&json!(0), &json!(50)));
    assert_eq!(told["payload"]["data"]["amount_refunded"], 50, "without the 500 that were let go");
    assert_eq!(app.db.number(moved).await, 1);
    app.is_true().await;
}

#[tokio::test]
async fn what_went_back_rises_with_refunds_and_falls_when_one_fails() {
    let app = App::start().await;
    let account = app.stripe().platform();
    let payment = app.pays("pm_card_visa");
    let refund = async |amount, start| {
        let new = NewRefund {
            payment_intent: Some(payment.clone()),
            amount,
            start,
            ..NewRefund::default()
        };
        let made = account.create_refund(new).unwrap();
        app.settled().await;
        made["id"].as_str().unwrap().to_owned()
    };
    let refunded = async || app.payment(&payment).await["amount_refunded"].clone();
    let first = refund(Some(500), None).await;
    assert_eq!(refunded().await, 500);
    let second = refund(None, Some(RefundStart::Pending)).await;
    assert_eq!(refunded().await, 2000, "what is on its way counts, as at Stripe");
    assert_eq!(app.payment(&payment).await["status"], "succeeded");

    account.fail_refund(&first).unwrap();
    app.settled().await;
    assert_eq!(refunded().await, 1500, "it came back after it had succeeded");
    account.succeed_refund(&second).unwrap();
    app.settled().await;
    assert_eq!(refunded().await, 1500);
    let row = app.db.json("app.refunds", &format!("stripe_refund_id = '{first}'")).await;
    assert_eq!((&row["status"], &row["amount"]), (&json!("failed"), &json!(500)));
    assert_eq!(app.told(&first).await, ["refund.succeeded", "refund.failed"]);
    app.is_true().await;
}

#[tokio::test]
async fn a_destination_charge_says_whose_money_it_is() {
    let app = App::start().await;
    let to = "acct_1Connected0000000";
    let payment = app.makes(NewPayment {
        payment_method: Some("pm_card_visa".to_owned()),
        confirm: true,
        transfer_destination: Some(to.to_owned()),
        on_behalf_of: Some(to.to_owned()),
        application_fee_amount: Some(200),
        ..payment_of(2000)
    });
    app.settled().await;
    let row = app.payment(&payment).await;
    let columns = json!([
        row["transfer_destination"],
        row["on_behalf_of"],
        row["application_fee_amount"],
        row["stripe_account"],
    ]);
    assert_eq!(columns, json!([to, to, 200, ""]));
    app.is_true().await;
}

#[tokio::test]
async fn a_payment_of_a_connected_account_is_read_as_that_account_and_kept_under_it() {
    let app = App::start().await;
    let account = app.stripe().connected("acct_1Connected0000000");
    let new = NewPayment {
        payment_method: Some("pm_card_visa".to_owned()),
        confirm: true,
        ..payment_of(700)
    };
    let made = account.create_payment(new).unwrap();
    app.settled().await;
    let row = app.payment(made["id"].as_str().unwrap()).await;
    assert_eq!(
        json!([row["stripe_account"], row["status"], row["amount"]]),
        json!(["acct_1Connected0000000", "succeeded", 700])
    );
    app.is_true().await;
}

#[tokio::test]
async fn every_story_ends_as_stripe_tells_it() {
    let app = App::start().await;
    let account = app.stripe().platform();
    let mut rng = rand::rngs::StdRng::seed_from_u64(7);
    for story in PaymentScenario::ALL {
        run_payment_scenario(&account, story, &mut rng, std::time::Duration::ZERO).await.unwrap();
    }
    app.settled().await;
    app.is_true().await;
    let stories = app.stripe().truth(Kind::PaymentIntent).len();
    assert_eq!(app.db.count("app.payments").await, i64::try_from(stories).unwrap());
    assert_eq!(app.db.count("quittance.dead_letters").await, 0);
    app.stop().await;
}

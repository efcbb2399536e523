//! Disputes and payouts.

use stripe_simulator::{DisputeEnd, NewPayment, PayoutStep};

use super::reconciler::App;

fn paid(app: &App) -> String {
    let new = NewPayment {
        amount: 2000,
        currency: "eur".into(),
        payment_method: Some("pm_card_visa".into()),
        confirm: true,
        ..NewPayment::default()
    };
    id(&app.sim.platform().create_payment(new).unwrap())
}

fn id(object: &serde_json::Value) -> String {
    object["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_dispute_is_followed_to_its_end_and_each_fact_is_told_once() {
    let app = App::start().await;
    let bank = app.sim.platform();
    let dispute = id(&bank.dispute_payment(&paid(&app), false).unwrap());
    app.settle_all().await;
    assert_eq!(app.text("SELECT status FROM app.disputes").await, "needs_response");
    app.sim.clock().advance(10);
    bank.submit_evidence(&dispute).unwrap();
    app.settle_all().await;
    assert_eq!(app.text("SELECT status FROM app.disputes").await, "under_review");
    app.sim.clock().advance(10);
    bank.close_dispute(&dispute, DisputeEnd::Won).unwrap();
    app.settle_all().await;
    assert_eq!(app.text("SELECT status FROM app.disputes").await, "won");
    let mut told = app.told("dispute.").await;
    told.sort();
    assert_eq!(
        told,
        ["dispute.funds_reinstated", "dispute.funds_withdrawn", "dispute.opened", "dispute.won"]
    );
}

#[tokio::test]
async fn a_disputes_event_brings_its_charge_up_to_date_too() {
    let app = App::start().await;
    let payment = paid(&app);
    app.settle_all().await;
    assert_eq!(app.text("SELECT disputed FROM app.charges").await, "false");
    app.sim.clock().advance(10);
    app.sim.platform().dispute_payment(&payment, true).unwrap();
    let event = app.last("charge.dispute.created");
    app.settle(&event).await.unwrap();
    assert_eq!(app.text("SELECT disputed FROM app.charges").await, "true");
}

#[tokio::test]
async fn disputes_and_payouts_converge_backwards_and_twice() {
    let app = App::start().await;
    let bank = app.sim.platform();
    for end in [DisputeEnd::Won, DisputeEnd::Lost, DisputeEnd::WarningClosed] {
        let inquiry = end == DisputeEnd::WarningClosed;
        let dispute = id(&bank.dispute_payment(&paid(&app), inquiry).unwrap());
        bank.close_dispute(&dispute, end).unwrap();
    }
    let payout = id(&bank.create_payout(500, "eur").unwrap());
    for step in [PayoutStep::Sent, PayoutStep::Paid, PayoutStep::Failed] {
        bank.move_payout(&payout, step).unwrap();
    }
    app.settle_backwards().await;
    let statuses = "SELECT string_agg(status, ' ' ORDER BY status) FROM app.disputes";
    assert_eq!(app.text(statuses).await, "lost warning_closed won");
    assert_eq!(app.text("SELECT status FROM app.payouts").await, "failed");
    let mut told = app.told("dispute.").await;
    told.retain(|topic| !topic.contains("funds"));
    told.sort();
    let opened = "dispute.opened";
    assert_eq!(told, ["dispute.closed", "dispute.lost", opened, opened, opened, "dispute.won"]);
    // Its withdrawal is told although the look that found it was later.
    assert_eq!(app.told("dispute.funds_withdrawn").await.len(), 2);
}

#[tokio::test]
async fn a_payout_that_fails_after_it_was_paid_tells_both() {
    let app = App::start().await;
    let bank = app.sim.platform();
    let payout = id(&bank.create_payout(500, "eur").unwrap());
    bank.move_payout(&payout, PayoutStep::Paid).unwrap();
    app.settle_all().await;
    assert_eq!(app.text("SELECT status FROM app.payouts").await, "paid");
    app.sim.clock().advance(10);
    bank.move_payout(&payout, PayoutStep::Failed).unwrap();
    app.settle_all().await;
    assert_eq!(app.text("SELECT failure_code FROM app.payouts").await, "account_closed");
    assert_eq!(app.told("payout.").await, ["payout.paid", "payout.failed"]);
}

#[tokio::test]
async fn a_payout_that_was_called_off_is_told_so() {
    let app = App::start().await;
    let bank = app.sim.platform();
    let payout = id(&bank.create_payout(500, "jpy").unwrap());
    bank.move_payout(&payout, PayoutStep::Canceled).unwrap();
    app.settle_backwards().await;
    assert_eq!(app.told("payout.").await, ["payout.canceled"]);
}

#[tokio::test]
async fn the_same_id_in_two_accounts_is_two_rows() {
    let app = App::start().await;
    let payout = app.sim.platform().create_payout(500, "eur").unwrap();
    // No two accounts of the simulator mint the same id, so the copy is put there.
    let other = app.sim.connected("acct_1Other");
    let mut copy = payout.clone();
    copy["amount"] = 700.into();
    copy["status"] = "paid".into();
    other.put_payout(copy);
    app.settle_all().await;
    let query = "SELECT string_agg(stripe_account || ' ' || amount || ' ' || status, ', ' \
                 ORDER BY stripe_account) FROM app.payouts";
    assert_eq!(app.text(query).await, " 500 pending, acct_1Other 700 paid");
    assert_eq!(app.text("SELECT count(*) FROM quittance.objects").await, "2");
}

//! Connected accounts: each by itself, in turns.

use quittance::store::operation::OperationState;
use stripe_simulator::{Account, AccountStep};

use super::{AT_ONCE, backfilled, quiet, read};
use crate::harness::App;

/// Accounts with some payments each.
fn sellers(app: &App, count: usize, payments: usize) -> Vec<Account> {
    let seller = |_| {
        let seller = app.stripe().platform().connect_new().unwrap();
        seller.move_account(AccountStep::Onboarded).unwrap();
        for _ in 0..payments {
            seller
                .create_payment(stripe_simulator::NewPayment {
                    amount: 500,
                    currency: "eur".to_owned(),
                    payment_method: Some("pm_card_visa".to_owned()),
                    confirm: true,
                    ..stripe_simulator::NewPayment::default()
                })
                .unwrap();
        }
        seller
    };
    (0..count).map(seller).collect()
}

#[tokio::test]
async fn each_connected_account_is_found_and_read_in_its_own_name() {
    let app = quiet(0, AT_ONCE).await;
    sellers(&app, 12, 3);
    app.pays("pm_card_visa");
    let kinds = ["account", "payment_intent", "charge"];
    let operation = backfilled(&app, &kinds, "connected").await;
    assert_eq!((operation.state, operation.failed), (OperationState::Done, 0));
    assert_eq!(app.db.count("app.connected_accounts").await, 12);
    assert_eq!(app.db.count("app.payments WHERE stripe_account <> ''").await, 36);
    assert_eq!(app.db.count("app.payments WHERE stripe_account = ''").await, 0, "not asked for");
    assert_eq!(read(&app, &operation, "charge").await.accounts, 12);
    assert_eq!(app.db.count("quittance.outbox").await, 0);
    backfilled(&app, &kinds, "all").await;
    assert_eq!(app.db.count("app.payments WHERE stripe_account = ''").await, 1);
}

#[tokio::test]
async fn one_connected_account_can_be_read_alone() {
    let app = quiet(0, AT_ONCE).await;
    let sellers = sellers(&app, 2, 2);
    let operation = backfilled(&app, &["account", "payment_intent"], sellers[1].id()).await;
    assert_eq!((operation.state, operation.total), (OperationState::Done, 3));
    assert_eq!(app.db.count("app.connected_accounts").await, 1);
    assert_eq!(app.db.count("app.payments").await, 2);
}

#[tokio::test]
async fn an_account_that_leaves_meanwhile_is_reported_and_the_others_are_read() {
    let app = quiet(0, AT_ONCE).await;
    let sellers = sellers(&app, 4, 1);
    let kind = stripe_simulator::FaultKind::HoldAfter;
    app.stripe().add_fault(stripe_simulator::Fault::once("GET /v1/accounts", kind));
    let running = super::begin(&app, &super::request(&["payment_intent"], "connected")).await;
    let one = super::backfill(&app);
    let stop = tokio_util::sync::CancellationToken::new();
    let run = tokio::spawn(async move { one.run(running, |_| {}, &stop).await });
    let held = app.stripe().next_held().await;
    sellers[2].deauthorize();
    held.proceed();
    let done = run.await.unwrap().unwrap();
    assert_eq!((done.state, done.failed), (OperationState::Done, 1), "{done:?}");
    assert_eq!(app.db.count("app.payments").await, 3);
    let failed = app.db.json("quittance.backfill_ranges", "state = 'failed'").await;
    assert_eq!(failed["account"], sellers[2].id());
    assert_eq!(failed["code"], "stripe_account_access_lost");
}

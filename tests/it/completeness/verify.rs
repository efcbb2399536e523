//! `quittance verify`: Stripe's list of events against the ledger.

use std::time::Duration;

use quittance::completeness::{Accounts, Verifier, Verify};
use quittance::store::event_certificate::{EventCertificate, EventCounts};
use serde_json::Value;
use stripe_simulator::Kind;

use super::{GRACE, sweep, wait};
use crate::harness::app::payment_of;
use crate::harness::{App, Program};

async fn verify(app: &App, accounts: Accounts, since: Duration) -> EventCertificate {
    let verifier = Verifier::new(&app.settings, app.client(), app.store(), app.inspector());
    verifier.run(&Verify { accounts, since }, "jane", |_, _| {}).await.unwrap()
}

const ALL: Duration = Duration::from_hours(30 * 24);

#[tokio::test]
async fn each_event_is_held_waiting_fresh_or_missing() {
    let app = App::start().await;
    app.pays("pm_card_visa");
    app.settled().await;
    let held = i64::try_from(app.stripe().truth(Kind::Event).len()).unwrap();
    app.stripe().set_chaos(|chaos| chaos.swallowed = 1.0);
    let missing = app.pays("pm_card_visa");
    let lost = i64::try_from(app.stripe().truth(Kind::Event).len()).unwrap() - held;
    wait(&app, GRACE + 5);
    app.pays("pm_card_visa");
    let fresh = i64::try_from(app.stripe().truth(Kind::Event).len()).unwrap() - held - lost;
    wait(&app, GRACE / 2);
    let found = verify(&app, Accounts::All, ALL).await;
    let counts =
        EventCounts { listed: held + lost + fresh, held, waiting: 0, fresh, missing: lost };
    assert_eq!(found.counts, counts);
    assert!(!found.is_complete());
    assert_eq!(i64::try_from(found.missing_events.len()).unwrap(), lost);
    assert!(
        found.missing_events.iter().any(|event| event.event_type == "payment_intent.succeeded")
    );
    assert!(
        app.db
            .rows(&format!(
                "SELECT 1 FROM app.payments WHERE stripe_payment_intent_id = '{missing}'"
            ))
            .await
            .is_empty()
    );
    // It only reads.
    assert_eq!(app.producer.depth().await.unwrap().total(), 0);

    wait(&app, GRACE);
    sweep(&app).await;
    app.drained().await;
    let found = verify(&app, Accounts::Own, ALL).await;
    assert!(found.is_complete());
    assert_eq!(found.counts.held, held + lost + fresh);
    let kept = app.store().event_certificates(10).await.unwrap();
    assert_eq!(kept.len(), 2);
    assert_eq!(kept[0], found);
    app.stop().await;
}

#[tokio::test]
async fn what_waits_in_the_queue_is_not_missing() {
    let mut app = App::without_workers().await;
    app.may_leave_work();
    app.pays("pm_card_visa");
    app.stripe().wait_all_acknowledged().await.unwrap();
    wait(&app, GRACE + 5);
    let found = verify(&app, Accounts::Own, ALL).await;
    assert_eq!((found.counts.waiting, found.counts.missing), (found.counts.listed, 0));
    assert!(found.counts.listed > 0);
}

#[tokio::test]
async fn an_account_that_cannot_be_read_is_named_and_keeps_no_other_from_it() {
    let app = App::start().await;
    let [open, closed] = [0, 1].map(|_| app.stripe().platform().connect_new().unwrap());
    for seller in [&open, &closed] {
        seller.create_payment(payment_of(100)).unwrap();
    }
    app.settled().await;
    app.stripe().revoke(closed.id());
    let found = verify(&app, Accounts::Connected, ALL).await;
    assert_eq!((found.compared, found.counts.missing), (1, 0));
    let unread: Vec<_> = found.unread.iter().map(|one| one.account.as_str()).collect();
    assert_eq!(unread, [closed.id()]);
    assert!(!found.is_complete());
    app.stop().await;
}

#[tokio::test]
async fn the_command_says_it_with_its_exit_code_and_keeps_a_certificate() {
    let app = App::start().await;
    app.pays("pm_card_visa");
    app.settled().await;
    let url = app.db.url();
    let env = [
        ("DATABASE_URL", url.as_str()),
        ("REDIS_URL", app.settings.redis.url.reveal()),
        ("QUITTANCE__QUEUE__NAME", &app.settings.queue.name),
        ("STRIPE_API_BASE", app.stripe().base_url()),
    ];
    let well = Program::run(&["verify", "--account", "own", "--since", "2h"], &env).await;
    assert_eq!(well.code, Some(0), "{well:?}");
    assert!(well.stdout.contains("Nothing is missing. Certificate 1."), "{well:?}");

    app.stripe().set_chaos(|chaos| chaos.swallowed = 1.0);
    app.pays("pm_card_visa");
    wait(&app, GRACE + 5);
    let bad = Program::run(&["verify", "--json"], &env).await;
    assert_eq!(bad.code, Some(1), "{bad:?}");
    let document: Value = serde_json::from_str(&bad.stdout).unwrap();
    assert!(document["missing"].as_i64().unwrap() > 0);
    assert!(document["missing_events"][0]["id"].as_str().unwrap().starts_with("evt_"));
    let bad = Program::run(&["verify"], &env).await;
    assert!(
        bad.stdout.contains("MISSING EVENT") && bad.stdout.contains("Not complete."),
        "{bad:?}"
    );

    let history = Program::run(&["verify", "--history", "--json"], &env).await;
    assert_eq!(history.code, Some(0), "{history:?}");
    let history: Value = serde_json::from_str(&history.stdout).unwrap();
    let ids: Vec<_> = history.as_array().unwrap().iter().map(|one| one["id"].as_i64()).collect();
    assert_eq!(ids, [Some(3), Some(2), Some(1)]);
    let wrong = Program::run(&["verify", "--since", "60d"], &env).await;
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
    app.stop().await;
}

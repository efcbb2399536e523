//! Comparison with Stripe, and reconciliation.

use quittance::domain::id::Mode;
use quittance::ops::compare::{Verdict, compare};
use quittance::ops::name::{self, NameError};
use quittance::ops::reconcile::reconcile;
use stripe_simulator::CaptureMethod;
use stripe_simulator::NewPayment;

use super::{JANE, audit, name};
use crate::harness::App;
use crate::harness::app::payment_of;

/// A payment that waits for its capture, settled; from then on Stripe tells us nothing.
async fn held(app: &App) -> String {
    let payment = app.makes(NewPayment {
        payment_method: Some("pm_card_visa".to_owned()),
        confirm: true,
        capture_method: Some(CaptureMethod::Manual),
        ..payment_of(2000)
    });
    app.settled().await;
    app.stripe().set_auto_deliver(false);
    payment
}

#[tokio::test]
async fn a_comparison_says_what_would_change_and_writes_nothing() {
    let app = App::start().await;
    let payment = held(&app).await;
    let reconciler = app.reconciler();
    let store = &app.db.store;
    let subject = name::subject(store, &name(&payment), None).await.unwrap();
    let same = compare(store, &reconciler, &subject, None).await.unwrap();
    assert_eq!((same.verdict, &same.differences), (Verdict::Same, &vec![]));

    app.stripe().platform().cancel_payment(&payment, None).unwrap();
    let before = app.db.everything().await;
    let found = compare(store, &reconciler, &subject, None).await.unwrap();
    assert_eq!(found.verdict, Verdict::Different);
    assert_eq!(found.status.as_deref(), Some("requires_capture"));
    assert_eq!(found.new_status.as_deref(), Some("canceled"));
    assert_eq!(found.would_notify, ["payment.canceled"]);
    assert!(!found.anomalous);
    let status = found.differences.iter().find(|it| it.field == "status").unwrap();
    assert_eq!((&status.ours, &status.stripes), (&"requires_capture".into(), &"canceled".into()));
    let all = format!("{found:?}");
    assert!(!all.contains("_secret_"), "what is never stored is never shown: {all}");
    assert_eq!(app.db.everything().await, before, "nothing was written");
    app.stop().await;
}

#[tokio::test]
async fn a_reconciliation_brings_the_row_up_to_date_tells_it_once_and_is_noted() {
    let app = App::start().await;
    let payment = held(&app).await;
    app.stripe().platform().cancel_payment(&payment, None).unwrap();
    let reconciler = app.reconciler();
    let store = &app.db.store;
    let subject = name::subject(store, &name(&payment), None).await.unwrap();

    let done = reconcile(store, &reconciler, subject.clone(), JANE).await.unwrap();
    assert_eq!((done.outcome.as_str(), done.asked), ("applied", true));
    assert_eq!(done.status_before.as_deref(), Some("requires_capture"));
    assert_eq!(done.status.as_deref(), Some("canceled"));
    assert_eq!(done.version, done.version_before.map(|version| version + 1));
    assert!(done.changes.iter().any(|change| change.field == "status"), "{:?}", done.changes);
    let again = reconcile(store, &reconciler, subject, JANE).await.unwrap();
    assert_eq!((again.outcome.as_str(), &again.changes), ("unchanged", &vec![]));

    assert_eq!(app.payment(&payment).await["status"], "canceled");
    let told = app.told(&payment).await;
    assert_eq!(told.iter().filter(|topic| *topic == "payment.canceled").count(), 1, "{told:?}");
    let line = format!("jane object.reconcile object:{payment} ticket 4711");
    assert_eq!(audit(&app).await, [line.clone(), line]);
    app.stop().await;
}

#[tokio::test]
async fn a_column_that_somebody_wrote_by_hand_is_found_and_mended() {
    let app = App::start().await;
    let payment = held(&app).await;
    app.db.execute("UPDATE app.payments SET amount = 1").await;
    let reconciler = app.reconciler();
    let store = &app.db.store;
    let subject = name::subject(store, &name(&payment), None).await.unwrap();
    let found = compare(store, &reconciler, &subject, None).await.unwrap();
    let [only] = &found.differences[..] else { panic!("{:?}", found.differences) };
    assert_eq!(only.field, "app.payments.amount");
    reconcile(store, &reconciler, subject, JANE).await.unwrap();
    assert_eq!(app.payment(&payment).await["amount"], 2000);
    app.stop().await;
}

#[tokio::test]
async fn an_object_that_no_event_told_of_can_be_fetched_by_its_id() {
    let app = App::start().await;
    app.stripe().set_auto_deliver(false);
    let payment = app.pays("pm_card_visa");
    let reconciler = app.reconciler();
    let store = &app.db.store;
    let nameless = name::subject(store, &name(&payment), None).await.unwrap_err();
    assert!(matches!(nameless, NameError::TooLittle { .. }), "{nameless}");
    assert_eq!(reconciler.mode(), Some(Mode::Test));
    let subject = name::subject(store, &name(&payment), reconciler.mode()).await.unwrap();
    let found = compare(store, &reconciler, &subject, None).await.unwrap();
    assert_eq!(found.verdict, Verdict::Unknown);
    let done = reconcile(store, &reconciler, subject, JANE).await.unwrap();
    assert_eq!((done.version_before, done.version), (None, Some(1)));
    assert_eq!(app.payment(&payment).await["status"], "succeeded");

    let wrong = name::subject(store, &name("pi_nobody"), reconciler.mode()).await.unwrap();
    let wrong = reconcile(store, &reconciler, wrong, JANE).await.unwrap_err();
    assert!(wrong.to_string().contains("No such payment_intent"), "{wrong}");
    assert_eq!(audit(&app).await.len(), 1, "what was not done is not noted");
    app.stop().await;
}

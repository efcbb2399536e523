//! Objects that are no more.

use quittance::domain::failure::{Class, Dependency, Failure};
use quittance::domain::retry::DeadReason;
use quittance::ops::dead_letters;
use quittance::reconcile::{Evidence, Settled};
use quittance::store::Outcome;
use quittance::store::dead_letter::{DeadLetterId, Filter, NewDeadLetter};
use serde_json::{Value, json};

use super::app::{App, event};
use crate::harness::request;
use crate::store::given::attempt;

fn coupon() -> Value {
    json!({"object": "coupon", "id": "SUMMER", "livemode": false})
}

const PATH: &str = "/v1/coupons/SUMMER";

#[tokio::test]
async fn a_deleted_object_that_stripe_no_longer_has_gets_a_tombstone() {
    let app = App::start().await;
    app.stripe.put(PATH, coupon());
    app.outcome(&event("coupon.created", &coupon())).await;
    app.stripe.remove(PATH);
    assert_eq!(app.outcome(&event("coupon.deleted", &coupon())).await, Outcome::Gone);
    let row = app.row("coupon", "SUMMER").await;
    assert_eq!((&row["deleted"], &row["version"]), (&json!(true), &json!(2)));

    app.stripe.asked();
    app.stripe.put(PATH, coupon());
    assert_eq!(app.outcome(&event("coupon.updated", &coupon())).await, Outcome::Gone);
    assert_eq!(app.stripe.asked(), [""; 0], "a late event resurrects nothing and costs nothing");
    app.assert_silent().await;
}

#[tokio::test]
async fn a_deleted_object_that_stripe_remembers_gets_a_tombstone() {
    let app = App::start().await;
    let gone = json!({"object": "tax_id", "id": "txi_1", "deleted": true});
    app.stripe.put("/v1/customers/cus_1/tax_ids/txi_1", gone);
    let tax_id = json!({"object": "tax_id", "id": "txi_1", "customer": "cus_1"});
    assert_eq!(app.outcome(&event("customer.tax_id.deleted", &tax_id)).await, Outcome::Gone);
    assert_eq!(app.row("tax_id", "txi_1").await["deleted"], true);
}

#[tokio::test]
async fn a_missing_object_waits_for_the_event_that_says_it_was_deleted() {
    let app = App::start().await;
    let early = event("coupon.updated", &coupon());
    let fault = app.settle(&early).await.unwrap_err();
    assert_eq!(
        (fault.failure.class.as_str(), &*fault.failure.code),
        ("transient", "object_missing")
    );
    assert_eq!(fault.evidence, Evidence::Up(Dependency::Stripe), "Stripe is well");
    assert_eq!(app.db.count("quittance.objects").await, 0, "a 404 alone buries nothing");

    assert_eq!(app.outcome(&event("coupon.deleted", &coupon())).await, Outcome::Gone);
    assert_eq!(app.outcome(&early).await, Outcome::Gone);
}

#[tokio::test]
async fn a_missing_object_of_a_kind_that_is_never_deleted_is_a_fault() {
    let app = App::start().await;
    let transfer = json!({"object": "transfer", "id": "tr_1", "livemode": false});
    let fault = app.settle(&event("transfer.updated", &transfer)).await.unwrap_err();
    assert_eq!(fault.failure.class.as_str(), "permanent");
    assert_eq!(fault.failure.code, "stripe_resource_missing");
}

#[tokio::test]
async fn a_404_that_is_not_stripes_own_buries_nothing() {
    let app = App::start().await;
    app.stripe.say(PATH, 404, json!("a proxy's page"));
    let fault = app.settle(&event("coupon.deleted", &coupon())).await.unwrap_err();
    assert_eq!(fault.failure.class.as_str(), "misconfigured");
    assert_eq!(app.db.count("quittance.objects").await, 0);
}

#[tokio::test]
async fn a_deletion_that_stripe_contradicts_is_what_stripe_says_now() {
    // The id was given anew: people choose a coupon's.
    let app = App::start().await;
    app.stripe.put(PATH, coupon());
    assert_eq!(app.outcome(&event("coupon.deleted", &coupon())).await, Outcome::Applied);
    assert_eq!(app.row("coupon", "SUMMER").await["deleted"], false);
}

#[tokio::test]
async fn a_card_of_old_that_was_detached_is_gone_and_a_method_that_is_missing_is_a_fault() {
    let app = App::start().await;
    let method = |id: &str| json!({"object": "payment_method", "id": id, "livemode": false});
    let card = event("payment_method.detached", &method("card_1"));
    let fault = app.settle_unknown(&card).await.unwrap_err();
    assert_eq!(fault.failure.code, "stripe_wrong_account");
    assert_eq!(app.db.count("quittance.objects").await, 0, "a wrong key buries nothing");

    assert_eq!(app.outcome(&card).await, Outcome::Gone);
    assert_eq!(app.row("payment_method", "card_1").await["deleted"], true);
    let fault = app.settle(&event("payment_method.updated", &method("pm_1"))).await.unwrap_err();
    assert_eq!(fault.failure.code, "stripe_resource_missing");
}

#[tokio::test]
async fn the_end_of_a_part_does_not_bury_the_whole_that_it_leads_to() {
    let app = App::start().await;
    let person = json!({"object": "person", "id": "person_1", "account": "acct_1"});
    let mut deleted = event("person.deleted", &person);
    deleted["account"] = json!("acct_1");
    let fault = app.settle(&deleted).await.unwrap_err();
    assert_eq!(fault.failure.code, "stripe_resource_missing", "of the account");
    assert_eq!(app.db.count("quittance.objects").await, 0);
}

#[tokio::test]
async fn that_there_is_no_such_object_proves_nothing_of_stripe() {
    let app = App::start().await;
    let settled = app.settle(&event("coupon.deleted", &coupon())).await.unwrap();
    let Settled::Now { outcome, fetched, .. } = settled else { panic!("a duplicate") };
    assert_eq!((outcome, fetched), (Outcome::Gone, false), "a wrong key hears the same");
}

#[tokio::test]
async fn a_dry_run_looks_where_the_event_leads_and_believes_it_as_a_retry_does() {
    let app = App::start().await;
    let tax_id = json!({"object": "tax_id", "id": "txi_1", "customer": "cus_1"});
    app.stripe.put("/v1/customers/cus_1/tax_ids/txi_1", tax_id.clone());
    let discount = json!({"object": "discount", "id": "di_1", "customer": "cus_1"});
    app.stripe.put(
        "/v1/customers/cus_1",
        json!({"object": "customer", "id": "cus_1",
        "created": 1, "livemode": false}),
    );
    let nobodys = json!({"object": "discount", "id": "di_2"});
    let gizmo = json!({"object": "gizmo", "id": "gz_1"});
    for (event, expected) in [
        (event("coupon.deleted", &coupon()), "coupon Deleted"),
        (event("customer.tax_id.updated", &tax_id), "tax_id Unknown"),
        (event("customer.discount.updated", &discount), "customer Unknown"),
        (event("customer.discount.updated", &nobodys), "does not say what it belongs to"),
        (event("gizmo.updated", &gizmo), "kept in the ledger as ignored"),
    ] {
        let id = bury(&app, &event).await;
        let only = Filter { ids: Some(vec![id]), ..Filter::default() };
        let found = dead_letters::dry_run(&app.db.store, &app.reconciler, &only).await.unwrap();
        let [one] = &found.dry_run[..] else { panic!("{found:?}") };
        let said = match &one.comparison {
            Some(it) => format!("{} {:?}", it.object.kind, it.verdict),
            None => one.error.clone().unwrap(),
        };
        assert!(said.contains(expected), "{}: {said}", event["type"]);
    }
    assert_eq!(app.db.count("quittance.objects").await, 0, "and nothing was written");
}

/// Gives an event up, as a worker does.
async fn bury(app: &App, event: &Value) -> DeadLetterId {
    let request = request(event);
    let failure = Failure {
        class: Class::Permanent,
        code: "x".into(),
        chain: vec!["x".into()],
        request_id: None,
        should_retry: None,
    };
    let dead_letter = NewDeadLetter {
        event: (&request.event).into(),
        receipt: request.receipt,
        lane: "live".into(),
        reason: DeadReason::Permanent.into(),
        attempt: attempt(),
        failure,
        body: event.to_string().into(),
    };
    app.db.store.dead_letter(&dead_letter).await.unwrap().unwrap()
}

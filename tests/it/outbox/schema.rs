//! Written notifications match the published schema.

use std::collections::BTreeSet;

use quittance::domain::event::Event;
use quittance::domain::event_types;
use quittance::domain::id::AccountId;
use quittance::domain::kinds::payment::PaymentStatus;
use quittance::domain::kinds::refund;
use quittance::domain::notification::{self, Notification, Topic};
use quittance::domain::object::Kind;
use quittance::envelope;
use quittance::store::{Applied, NewState};
use quittance::stripe_api::FetchedState;
use serde_json::{Value, json};

use super::catalogue::schema;
use super::schema_check::breaches;
use super::write_occurrence;
use crate::harness::TestDatabase;
use crate::store::given::{
    apply, attempt_failed, charge, first, observe, only, payment, refund, settlement,
};
use crate::stripe_api::fixtures::example;

async fn bodies(db: &TestDatabase) -> Vec<Value> {
    sqlx::query_scalar("SELECT quittance.outbox_body(o) FROM quittance.outbox AS o ORDER BY seq")
        .fetch_all(&db.pool)
        .await
        .unwrap()
}

#[tokio::test]
async fn every_written_row_matches_the_published_schema() {
    let db = TestDatabase::migrated().await;
    for (at, status) in (100..).zip([PaymentStatus::RequiresAction, PaymentStatus::Succeeded]) {
        observe(&db.store, "pi_1", at, payment(status)).await;
    }
    for (at, refunded) in (100..).zip([0, 300, 700]) {
        observe(&db.store, "ch_1", at, charge("pi_1", 1000, refunded)).await;
    }
    for (at, status) in (100..).zip([refund::RefundStatus::Succeeded, refund::RefundStatus::Failed])
    {
        observe(&db.store, "re_1", at, refund(status)).await;
    }
    write_occurrence(&db, "evt_1", "pi_1").await;
    let bodies = bodies(&db).await;
    assert!(bodies.len() >= 7, "{bodies:?}");
    let schema = schema();
    let known: Vec<_> = schema["properties"].as_object().unwrap().keys().collect();
    for body in &bodies {
        assert_eq!(breaches(&schema, body), Vec::<String>::new(), "{body}");
        let keys: Vec<_> = body.as_object().unwrap().keys().collect();
        assert_eq!(keys, known, "nothing is told that the schema does not explain");
    }
    // What was, of each: nothing at first sight, and then what was told last.
    for id in ["pi_1", "re_1"] {
        let mut last = Value::Null;
        let of = |body: &&Value| body["object"]["id"] == id && body["sort"] == "state";
        for body in bodies.iter().filter(of) {
            assert_eq!(body["before"], last);
            last = body["after"].clone();
        }
    }
}

/// All topics that an object of this kind can tell by changing.
fn state_topics(kind: Kind) -> Vec<Notification> {
    let by_event: Vec<_> = event_types::all()
        .filter_map(|(event_type, _, _)| Some(notification::occurrence(event_type)?.topic))
        .collect();
    let topics = Topic::ALL.iter().copied();
    let by_change =
        topics.filter(|topic| topic.object() == kind.as_str() && !by_event.contains(topic));
    by_change.map(Notification::state).collect()
}

#[tokio::test]
async fn every_topic_of_every_object_type_matches_the_published_schema() {
    let db = TestDatabase::migrated().await;
    for kind in Kind::ALL {
        let (object, state) = example(*kind).await;
        let FetchedState::Present { observed, raw } = state else { panic!("{kind:?}: {state:?}") };
        let id = object["id"].as_str().unwrap();
        let mut change = first(id, 100, observed);
        if *kind == Kind::Account {
            change.subject.scope.account = Some(AccountId::parse(id).unwrap());
        }
        let NewState::Present { transition, observed, .. } = change.state else {
            panic!("{kind:?}")
        };
        let notifications = state_topics(*kind);
        change.state = NewState::Present { observed, transition, notifications, raw };
        assert_eq!(apply(&db.store, settlement(change, vec![])).await, Applied::Done, "{kind:?}");
    }
    let occurrences = event_types::all()
        .filter_map(|(event_type, _, _)| Some((event_type, notification::occurrence(event_type)?)));
    for (n, (event_type, told)) in occurrences.enumerate() {
        let (object, _) = example(Kind::parse(told.topic.object()).unwrap()).await;
        let mut settled = attempt_failed(&format!("evt_{n}"));
        settled.event = parsed(&format!("evt_{n}"), event_type, &object);
        settled.occurrences = vec![told];
        apply(&db.store, only(vec![settled])).await;
    }
    let bodies = bodies(&db).await;
    let schema = schema();
    for body in &bodies {
        assert_eq!(breaches(&schema, body), Vec::<String>::new(), "{body}");
        let topic = Topic::ALL.iter().find(|topic| body["topic"] == topic.as_str()).unwrap();
        assert_eq!(body["object"]["kind"], topic.object(), "{body}");
    }
    let told: BTreeSet<_> = bodies.iter().map(|body| body["topic"].as_str().unwrap()).collect();
    let all: BTreeSet<_> = Topic::ALL.iter().map(|topic| topic.as_str()).collect();
    assert_eq!(told, all);
}

/// An event that shows this object.
fn parsed(id: &str, event_type: &str, object: &Value) -> Event {
    let event = json!({"id": id, "object": "event", "type": event_type, "created": 1_700_000_000,
                       "livemode": false, "data": {"object": object}});
    let mut event = envelope::parse(event.to_string().as_bytes()).unwrap();
    envelope::show(event.about.as_mut().unwrap(), object);
    event
}

#[tokio::test]
async fn an_occurrence_has_the_fields_that_its_event_shows() {
    let db = TestDatabase::migrated().await;
    let dispute = json!({"object": "dispute", "id": "du_1", "amount": 900, "currency": "eur",
                         "charge": "ch_1", "payment_intent": {"id": "pi_1"}, "reason": "fraudulent",
                         "evidence": {"customer_name": "Jenny Rosen"},
                         "metadata": {"case_id": "7"}});
    let invoice = json!({"object": "invoice", "id": "in_1", "amount_due": 500, "currency": "eur",
                         "customer": "cus_1", "customer_email": "jenny@example.com",
                         "attempt_count": 2, "next_payment_attempt": 1_700_086_400,
                         "parent": {"subscription_details": {"subscription": "sub_1"}},
                         "metadata": {"order_id": "42"}});
    let subscription = json!({"object": "subscription", "id": "sub_1", "customer": "cus_1",
                              "currency": "eur", "trial_end": 1_700_200_000, "metadata": {}});
    let checkout = json!({"object": "checkout.session", "id": "cs_1", "amount_total": 700,
                          "currency": "eur", "customer": null, "metadata": {"order_id": "43"},
                          "customer_details": {"name": "Jenny Rosen"}});
    for (event_type, object, expected) in [
        (
            "charge.dispute.funds_withdrawn",
            dispute,
            json!({"amount": 900, "currency": "eur", "charge": "ch_1", "payment_intent": "pi_1",
                   "metadata": {"case_id": "7"}}),
        ),
        (
            "invoice.payment_failed",
            invoice,
            json!({"amount_due": 500, "currency": "eur", "customer": "cus_1",
                   "subscription": "sub_1", "attempt_count": 2,
                   "next_payment_attempt": 1_700_086_400, "metadata": {"order_id": "42"}}),
        ),
        (
            "customer.subscription.trial_will_end",
            subscription,
            json!({"customer": "cus_1", "currency": "eur", "trial_end": 1_700_200_000,
                   "metadata": {}}),
        ),
        (
            "checkout.session.expired",
            checkout,
            json!({"amount_total": 700, "currency": "eur", "metadata": {"order_id": "43"}}),
        ),
    ] {
        let mut settled = attempt_failed("evt_1");
        settled.event = parsed(&format!("evt_{}", event_type.len()), event_type, &object);
        settled.occurrences = notification::occurrence(event_type).into_iter().collect();
        apply(&db.store, only(vec![settled])).await;
        let mut told = bodies(&db).await.pop().unwrap()["data"].take();
        assert_eq!(told.as_object_mut().unwrap().remove("event_type").unwrap(), event_type);
        assert_eq!(told, expected, "{event_type}");
    }
}

#[tokio::test]
async fn the_schema_check_finds_each_violation() {
    let db = TestDatabase::migrated().await;
    observe(&db.store, "pi_1", 100, payment(PaymentStatus::Succeeded)).await;
    let good = bodies(&db).await.remove(0);
    for (pointer, bad) in [
        ("/id", json!("evt_1")),
        ("/v", json!(2)),
        ("/topic", json!("payment.unknown")),
        ("/sort", json!("rumour")),
        ("/occurred", json!(100)),
        ("/livemode", json!(null)),
        ("/object", json!({"kind": "payment_intent"})),
        ("/version", json!(0)),
        ("/version", json!(null)),
        ("/after", json!(null)),
        ("/data", json!([])),
    ] {
        let mut broken = good.clone();
        *broken.pointer_mut(pointer).unwrap() = bad;
        assert_ne!(breaches(&schema(), &broken), Vec::<String>::new(), "{pointer}");
    }
    for key in good.as_object().unwrap().keys() {
        let mut broken = good.clone();
        broken.as_object_mut().unwrap().remove(key);
        assert_ne!(breaches(&schema(), &broken), Vec::<String>::new(), "without {key}");
    }
}

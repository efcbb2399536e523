//! Giving up, looking, trying again.

use std::time::Duration;

use bytes::Bytes;
use quittance::config::{Queue, Redis, Secret};
use quittance::domain::failure::{Class, Failure};
use quittance::domain::kinds::payment::PaymentStatus;
use quittance::domain::object::Kind;
use quittance::domain::retry::DeadReason;
use quittance::ops::dead_letters::{self, DeadLetterResult, Refusal};
use quittance::ops::timeline::Happening;
use quittance::queue::Producer;
use quittance::store::dead_letter::{
    Act, Acted, ActedOn, Actor, DeadEvent, DeadLetterId, DeadLetterState, Filter, NewDeadLetter,
};
use serde_json::json;

use super::given::*;
use crate::harness::TestDatabase;

const JANE: Actor<'static> = Actor { name: "jane", reason: Some("Stripe fixed it") };

pub(crate) fn dead_letter(id: &str) -> NewDeadLetter {
    let event = event(id, "payment_intent.succeeded", Kind::PaymentIntent, "pi_1");
    NewDeadLetter {
        event: DeadEvent::from(&event),
        receipt: receipt(),
        lane: "live".into(),
        reason: DeadReason::Permanent.into(),
        attempt: attempt(),
        failure: Failure {
            class: Class::Permanent,
            code: "stripe_resource_missing".into(),
            chain: vec!["no such payment_intent".into(), "404".into()],
            request_id: Some("req_2".into()),
            should_retry: None,
        },
        body: Bytes::from(json!({"id": id, "client_secret": "x"}).to_string()),
    }
}

async fn bury(db: &TestDatabase, id: &str) -> DeadLetterId {
    db.store.dead_letter(&dead_letter(id)).await.unwrap().unwrap()
}

async fn state(db: &TestDatabase, id: DeadLetterId) -> DeadLetterState {
    db.store.find_dead_letter(id).await.unwrap().unwrap().state
}

/// Notes a retry, of the dead letter as it was when it had died so often.
async fn mark(db: &TestDatabase, id: DeadLetterId, deaths: i32) -> Acted {
    let on = ActedOn { id, deaths, wait: Duration::ZERO };
    db.store.act(Act::Retry, &[on], JANE).await.unwrap()[0].1
}

fn words(results: &[DeadLetterResult]) -> Vec<&'static str> {
    results.iter().map(|one| one.result).collect()
}

/// A queue that nobody serves.
fn no_queue() -> Producer {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let redis = Redis {
        url: Secret::new(format!("redis://127.0.0.1:{port}")),
        connect_timeout: Duration::from_millis(200),
        command_timeout: Duration::from_millis(200),
    };
    let queue = Queue {
        name: "none".into(),
        lease: Duration::from_secs(60),
        max_deliveries: 5,
        prefetch: 1,
        sweep_interval: Duration::from_secs(1),
        live_share: 9,
        backfill_at_once: 4,
    };
    Producer::new(&redis, &queue).unwrap()
}

#[tokio::test]
async fn an_event_is_given_up_once_however_often_it_dies() {
    let db = TestDatabase::migrated().await;
    db.store.record_attempt(&dead_letter("evt_1").event, &attempt()).await.unwrap();
    let id = bury(&db, "evt_1").await;
    assert_eq!(bury(&db, "evt_1").await, id);
    let other = bury(&db, "evt_2").await;
    assert_ne!(other, id);

    assert_eq!(db.count("quittance.dead_letters").await, 2);
    assert_eq!(db.count("quittance.events").await, 2);
    assert_eq!(db.json("quittance.events", "id = 'evt_1'").await["status"], "dead");
    let dead_letter = db.store.find_dead_letter(id).await.unwrap().unwrap();
    assert_eq!(
        (dead_letter.deaths, dead_letter.attempts, dead_letter.state),
        (2, 2, DeadLetterState::Open)
    );
    assert_eq!(dead_letter.message, "no such payment_intent: 404");
    assert_eq!(dead_letter.cause, "no such payment_intent: …");
    assert_eq!(dead_letter.group.event_type.as_deref(), Some("payment_intent.succeeded"));
    assert_eq!(dead_letter.payload, Some(json!({"id": "evt_1"})));
    // A dead event is not at its good end: it is tried again when it comes again.
    assert!(!db.store.load(&[&eid("evt_1")], &[]).await.unwrap().settled.contains(&eid("evt_1")));
}

#[tokio::test]
async fn giving_up_at_the_same_time_makes_one_dead_letter() {
    let db = TestDatabase::migrated().await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..12 {
        let store = db.store.clone();
        tasks.spawn(async move { store.dead_letter(&dead_letter("evt_1")).await.unwrap() });
    }
    let mut ids = tasks.join_all().await;
    ids.dedup();
    assert_eq!(ids.len(), 1);
    assert_eq!(db.count("quittance.dead_letters").await, 1);
}

#[tokio::test]
async fn an_event_that_has_settled_is_not_given_up() {
    let db = TestDatabase::migrated().await;
    apply(&db.store, only(vec![succeeded("evt_1")])).await;
    assert_eq!(db.store.dead_letter(&dead_letter("evt_1")).await.unwrap(), None);
    assert_eq!(db.json("quittance.events", "true").await["status"], "settled");
    assert_eq!(db.count("quittance.dead_letters").await, 0);
}

#[tokio::test]
async fn a_dead_event_that_settles_after_all_resolves_its_dead_letter_and_tells_its_occurrence_once()
 {
    let db = TestDatabase::migrated().await;
    let id = bury(&db, "evt_1").await;
    let other = bury(&db, "evt_2").await;
    for _ in 0..2 {
        apply(&db.store, only(vec![attempt_failed("evt_1")])).await;
    }
    let dead_letter = db.store.find_dead_letter(id).await.unwrap().unwrap();
    assert_eq!(dead_letter.state, DeadLetterState::Resolved);
    assert!(dead_letter.resolved_at.is_some());
    assert_eq!(state(&db, other).await, DeadLetterState::Open);
    let ledger = db.json("quittance.events", "id = 'evt_1'").await;
    assert_eq!(
        (ledger["status"].as_str(), ledger["attempts"].as_i64()),
        (Some("settled"), Some(2))
    );
    assert_eq!(db.count("quittance.outbox").await, 1);
}

#[tokio::test]
async fn settling_and_giving_up_at_the_same_time_ends_settled() {
    let db = TestDatabase::migrated().await;
    for n in 0..20 {
        let id = format!("evt_{n}");
        let dead_letter = dead_letter(&id);
        let (given_up, settled) = tokio::join!(db.store.dead_letter(&dead_letter), async {
            apply(&db.store, only(vec![succeeded(&id)])).await
        });
        given_up.unwrap();
        assert_eq!(settled, quittance::store::Applied::Done);
    }
    assert_eq!(
        db.number("SELECT count(*) FROM quittance.events WHERE status <> 'settled'").await,
        0
    );
    assert_eq!(
        db.number("SELECT count(*) FROM quittance.dead_letters WHERE state <> 'resolved'").await,
        0
    );
}

#[tokio::test]
async fn a_retry_is_noted_with_who_and_why_and_the_next_death_opens_the_dead_letter_again() {
    let db = TestDatabase::migrated().await;
    let id = bury(&db, "evt_1").await;
    assert_eq!(mark(&db, id, 1).await, Acted::Done);
    assert_eq!(state(&db, id).await, DeadLetterState::Retrying);
    assert_eq!(bury(&db, "evt_1").await, id);
    assert_eq!(state(&db, id).await, DeadLetterState::Open);

    // The job was quicker than the mark: what it left is the truth, and the audit row is kept.
    assert_eq!(mark(&db, id, 1).await, Acted::Overtaken);
    assert_eq!(state(&db, id).await, DeadLetterState::Open);
    apply(&db.store, only(vec![succeeded("evt_1")])).await;
    assert_eq!(mark(&db, id, 2).await, Acted::Overtaken);
    assert_eq!(state(&db, id).await, DeadLetterState::Resolved);

    let audit = db.store.dead_letter_audit(id).await.unwrap();
    assert_eq!(audit.len(), 3);
    assert_eq!((&*audit[0].actor, audit[0].reason.as_deref()), ("jane", JANE.reason));
    assert_eq!(audit[0].verb, "dead_letter.retry");
}

#[tokio::test]
async fn a_retry_that_the_queue_does_not_take_leaves_the_dead_letter_as_it_was() {
    let db = TestDatabase::migrated().await;
    let open = bury(&db, "evt_1").await;
    let discarded = bury(&db, "evt_2").await;
    dead_letters::discard(&db.store, &[discarded], JANE).await.unwrap();
    let not_json = NewDeadLetter { body: Bytes::from_static(b"\xff"), ..dead_letter("evt_3") };
    let not_json = db.store.dead_letter(&not_json).await.unwrap().unwrap();
    let unknown: DeadLetterId = "999".parse().unwrap();

    let ids = [open, discarded, not_json, unknown];
    let results =
        dead_letters::retry(&db.store, &no_queue(), &ids, Duration::ZERO, JANE).await.unwrap();
    assert_eq!(words(&results), ["not_enqueued", "discarded", "no_payload", "unknown"]);
    assert_eq!(results.iter().map(|one| one.id).collect::<Vec<_>>(), ids);
    assert_eq!(state(&db, open).await, DeadLetterState::Open);
    assert!(db.store.dead_letter_audit(open).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_discard_needs_a_reason_and_is_noted() {
    let db = TestDatabase::migrated().await;
    let id = bury(&db, "evt_1").await;
    let unknown: DeadLetterId = "999".parse().unwrap();
    for reason in [None, Some(" ")] {
        let actor = Actor { name: "jane", reason };
        let error = dead_letters::discard(&db.store, &[id], actor).await.unwrap_err();
        assert!(matches!(error, Refusal::NoReason));
    }
    let results = dead_letters::discard(&db.store, &[id, id, unknown], JANE).await.unwrap();
    assert_eq!(words(&results), ["done", "unknown"], "one that is named twice is told once");
    let results = dead_letters::discard(&db.store, &[id], JANE).await.unwrap();
    assert_eq!(words(&results), ["discarded"]);
    let dead_letter = db.store.find_dead_letter(id).await.unwrap().unwrap();
    assert_eq!(
        (dead_letter.discarded_by.as_deref(), dead_letter.discard_reason.as_deref()),
        (Some("jane"), JANE.reason)
    );
    let audit = db.store.dead_letter_audit(id).await.unwrap();
    assert_eq!(audit.len(), 1);
    assert_eq!(audit[0].verb, "dead_letter.discard");
    // It dies again, because Stripe sent it again: that is a new dead letter.
    assert_ne!(bury(&db, "evt_1").await, id);
}

#[tokio::test]
async fn dead_letters_are_listed_newest_first_by_state_and_page() {
    let db = TestDatabase::migrated().await;
    let mut ids = Vec::new();
    for n in 0..5 {
        ids.push(bury(&db, &format!("evt_{n}")).await);
    }
    dead_letters::discard(&db.store, &ids[3..4], JANE).await.unwrap();
    let list = async |state, before, limit| {
        let filter = Filter { state, ..Filter::default() };
        let dead_letters = dead_letters::list(&db.store, &filter, before, limit).await.unwrap();
        assert!(dead_letters.iter().all(|dead_letter| dead_letter.payload.is_none()));
        dead_letters.into_iter().map(|dead_letter| dead_letter.id).collect::<Vec<_>>()
    };
    assert_eq!(list(None, None, 2).await, [ids[4], ids[3]]);
    assert_eq!(list(Some(DeadLetterState::Open), Some(ids[4]), 2).await, [ids[2], ids[1]]);
    assert_eq!(list(Some(DeadLetterState::Discarded), None, 9).await, [ids[3]]);
}

#[tokio::test]
async fn a_dead_letter_is_shown_with_all_that_is_known_around_it() {
    let db = TestDatabase::migrated().await;
    observe(&db.store, "pi_1", 100, payment(PaymentStatus::Processing)).await;
    observe(&db.store, "pi_1", 101, payment(PaymentStatus::Succeeded)).await;
    let mut failed = attempt();
    failed.failure = Some(dead_letter("evt_1").failure);
    db.store.record_attempt(&dead_letter("evt_1").event, &failed).await.unwrap();
    let id = bury(&db, "evt_1").await;
    mark(&db, id, 1).await;

    let shown = dead_letters::show(&db.store, id, false).await.unwrap().unwrap();
    assert!(shown.dead_letter.payload.is_none() && shown.payload_kept, "not unless asked for");
    let shown = dead_letters::show(&db.store, id, true).await.unwrap().unwrap();
    assert_eq!(shown.dead_letter.payload, Some(json!({"id": "evt_1"})));
    assert_eq!(
        shown.dashboard_url.as_deref(),
        Some("https://dashboard.stripe.com/test/payments/pi_1")
    );
    let outcomes: Vec<_> = shown.attempts.iter().map(|a| &*a.outcome).collect();
    assert_eq!(outcomes, ["failed", "dead"]);
    let chain = shown.attempts[0].chain.clone().unwrap();
    assert_eq!(chain, ["no such payment_intent", "404"]);
    assert_eq!(shown.current.unwrap().version, 2);
    let steps: Vec<_> = shown
        .timeline
        .iter()
        .filter_map(|moment| {
            let Happening::Transition(step) = &moment.what else { return None };
            Some(step.to.as_str())
        })
        .collect();
    assert_eq!(steps, ["processing", "succeeded"]);
    assert_eq!(shown.audit.len(), 1);
    assert_eq!(shown.dead_letter.first_failed_at, shown.attempts[0].started_at);
    assert!(dead_letters::show(&db.store, "999".parse().unwrap(), false).await.unwrap().is_none());
}

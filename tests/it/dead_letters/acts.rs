//! Acts on dead letters that are named one by one.

use std::time::Duration;

use quittance::ops::dead_letters::{self, Refusal};
use quittance::store::dead_letter::{DeadLetterState, Filter};
use time::OffsetDateTime;

use super::{GIVEN, JANE, dead_letter, execute, given, ids, queue, words};
use crate::harness::TestDatabase;
use crate::store::given::{apply, only, succeeded};

fn in_an_hour() -> OffsetDateTime {
    OffsetDateTime::now_utc() + time::Duration::hours(1)
}

#[tokio::test]
async fn a_snoozed_dead_letter_is_not_shown_as_open_until_its_time_and_then_by_itself() {
    let db = TestDatabase::migrated().await;
    let id = given(&db, "evt_1", GIVEN).await;
    let results = dead_letters::snooze(&db.store, &[id], in_an_hour(), JANE).await.unwrap();
    assert_eq!(words(&results), ["done"]);
    assert_eq!(dead_letter(&db, id).await.state, DeadLetterState::Snoozed);
    assert_eq!(ids(&db, &Filter::open()).await, []);

    let past = format!("UPDATE quittance.dead_letters SET snoozed_until = now() WHERE id = {id}");
    execute(&db, past).await;
    assert_eq!(dead_letter(&db, id).await.state, DeadLetterState::Open);
    assert_eq!(ids(&db, &Filter::open()).await, [id]);

    let now = OffsetDateTime::now_utc();
    let refused = dead_letters::snooze(&db.store, &[id], now, JANE).await.unwrap_err();
    assert!(matches!(refused, Refusal::Past));
}

#[tokio::test]
async fn a_snooze_is_undone_and_ends_with_a_retry() {
    let db = TestDatabase::migrated().await;
    let id = given(&db, "evt_1", GIVEN).await;
    dead_letters::snooze(&db.store, &[id], in_an_hour(), JANE).await.unwrap();
    assert_eq!(words(&dead_letters::undo(&db.store, &[id], JANE).await.unwrap()), ["done"]);
    assert_eq!(dead_letter(&db, id).await.state, DeadLetterState::Open);

    dead_letters::snooze(&db.store, &[id], in_an_hour(), JANE).await.unwrap();
    let retried = dead_letters::retry(&db.store, &queue(), &[id], Duration::ZERO, JANE).await;
    assert_eq!(words(&retried.unwrap()), ["done"]);
    let dead_letter = dead_letter(&db, id).await;
    assert_eq!((dead_letter.state, dead_letter.snoozed_until), (DeadLetterState::Retrying, None));
    let verbs: Vec<_> = db.store.dead_letter_audit(id).await.unwrap();
    let verbs: Vec<_> = verbs.iter().map(|entry| &*entry.verb).collect();
    assert_eq!(
        verbs,
        ["dead_letter.snooze", "dead_letter.undo", "dead_letter.snooze", "dead_letter.retry"]
    );
}

#[tokio::test]
async fn a_discard_is_undone_unless_its_event_has_settled_or_died_anew() {
    let db = TestDatabase::migrated().await;
    let mut all = Vec::new();
    for event in ["evt_1", "evt_2", "evt_3", "evt_4"] {
        all.push(given(&db, event, GIVEN).await);
    }
    let [undone, settled, replaced, open] = all[..] else { unreachable!() };
    dead_letters::discard(&db.store, &all[..3], JANE).await.unwrap();
    apply(&db.store, only(vec![succeeded("evt_2")])).await;
    let newer = given(&db, "evt_3", GIVEN).await;

    let results = dead_letters::undo(&db.store, &all, JANE).await.unwrap();
    assert_eq!(words(&results), ["done", "settled", "replaced", "open"]);
    let back = dead_letter(&db, undone).await;
    assert_eq!(
        (back.state, back.resolved_at, back.discard_reason),
        (DeadLetterState::Open, None, None)
    );
    for id in [settled, replaced] {
        assert_eq!(dead_letter(&db, id).await.state, DeadLetterState::Discarded);
    }
    assert_eq!(ids(&db, &Filter::open()).await, [newer, open, undone]);
    // What settles later resolves the dead letter that was reopened.
    apply(&db.store, only(vec![succeeded("evt_1")])).await;
    assert_eq!(dead_letter(&db, undone).await.state, DeadLetterState::Resolved);
}

#[tokio::test]
async fn retries_that_are_spread_wait_in_the_queue_and_those_at_once_do_not() {
    let db = TestDatabase::migrated().await;
    let mut all = Vec::new();
    for n in 1..=4 {
        all.push(given(&db, &format!("evt_{n}"), GIVEN).await);
    }
    let queue = queue();
    let hour = Duration::from_hours(1);
    let results = dead_letters::retry(&db.store, &queue, &all, hour, JANE).await.unwrap();
    assert_eq!(words(&results), ["done"; 4]);
    let depth = queue.depth().await.unwrap();
    assert_eq!((depth.total(), depth.delayed), (4, 3), "the first at once, the others later");

    let refused = dead_letters::retry(&db.store, &queue, &all, hour * 25, JANE).await;
    assert!(matches!(refused.unwrap_err(), Refusal::TooFar));
}

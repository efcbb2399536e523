//! Retention of closed dead letters: they are removed after their time, and not silently.

use std::time::Duration;

use quittance::config::Retention;
use quittance::config::retention::Keep;
use quittance::ops::dead_letters;
use quittance::store::dead_letter::{DeadLetterId, Filter};
use quittance::worker::maintenance::{self, Removed};
use serde_json::json;
use sqlx::Connection as _;
use tokio_util::sync::CancellationToken;

use super::notifications;
use super::{GIVEN, JANE, execute, given, ids, many};
use crate::harness::{TestDatabase, eventually, settings};
use crate::store::given::{apply, only, succeeded};

const DAY: Duration = Duration::from_hours(24);

const A_MONTH: Retention = Retention {
    resolved_letters: Keep::For(DAY.saturating_mul(30)),
    discarded_letters: Keep::For(DAY.saturating_mul(30)),
    attempts: Keep::For(DAY.saturating_mul(30)),
    audit_log: Keep::Forever,
};

async fn round(db: &TestDatabase, retention: Retention) -> Removed {
    maintenance::round(&db.store, &retention, &CancellationToken::new()).await.unwrap()
}

async fn ended(db: &TestDatabase, id: DeadLetterId, days: u32) {
    let at = format!("resolved_at = now() - interval '{days} days'");
    execute(db, format!("UPDATE quittance.dead_letters SET {at} WHERE id = {id}")).await;
}

#[tokio::test]
async fn dead_letters_go_when_they_ended_long_ago_and_open_ones_never() {
    let db = TestDatabase::migrated().await;
    let mut all = Vec::new();
    for n in 1..=5 {
        all.push(given(&db, &format!("evt_{n}"), GIVEN).await);
    }
    let [resolved, discarded, young, other_young, open] = all[..] else { unreachable!() };
    apply(&db.store, only(vec![succeeded("evt_1"), succeeded("evt_3")])).await;
    dead_letters::discard(&db.store, &[discarded, other_young], JANE).await.unwrap();
    for (id, days) in [(resolved, 31), (discarded, 31), (young, 29), (other_young, 29)] {
        ended(&db, id, days).await;
    }
    execute(
        &db,
        "UPDATE quittance.dead_letters SET created_at = '2001-01-01', died_at = '2001-01-01'"
            .to_owned(),
    )
    .await;

    let forever = Retention {
        resolved_letters: Keep::Forever,
        discarded_letters: Keep::Forever,
        attempts: Keep::Forever,
        audit_log: Keep::Forever,
    };
    assert_eq!(round(&db, forever).await, Removed::default());
    let removed = round(&db, Retention { attempts: Keep::Forever, ..A_MONTH }).await;
    assert_eq!((removed.resolved_letters, removed.discarded_letters), (1, 1));
    assert_eq!(ids(&db, &Filter::default()).await, [open, other_young, young]);
    // The ledger is kept: it is what makes an effect happen once.
    assert_eq!(db.count("quittance.events").await, 5);

    let audit =
        db.rows("SELECT actor, verb, target, count FROM quittance.audit_log ORDER BY id").await;
    let entry = |target: &str| json!({"actor": "quittance", "verb": "retention.remove", "target": target, "count": 1});
    assert_eq!(audit[2..], [entry("dead_letters:resolved"), entry("dead_letters:discarded")]);
    let kept = db.store.dead_letter_audit(discarded).await.unwrap();
    assert_eq!(kept[0].reason.as_deref(), JANE.reason, "why it was discarded is still known");
}

#[tokio::test]
async fn more_than_one_batch_goes_in_one_round() {
    let db = TestDatabase::migrated().await;
    many(&db, 4_500).await;
    db.execute("UPDATE quittance.dead_letters SET state = 'resolved', resolved_at = '2001-01-01'")
        .await;
    assert_eq!(round(&db, A_MONTH).await.resolved_letters, 4_500);
    assert_eq!(db.count("quittance.dead_letters").await, 0);
    let noted = "SELECT sum(count)::bigint FROM quittance.audit_log";
    assert_eq!(db.number(noted).await, 4_500);
}

#[tokio::test]
async fn attempts_go_when_they_are_old_unless_their_event_has_a_dead_letter() {
    let db = TestDatabase::migrated().await;
    // Those of the given attempts are of 2023.
    given(&db, "evt_1", GIVEN).await;
    apply(&db.store, only(vec![succeeded("evt_2"), succeeded("evt_3")])).await;
    db.execute("UPDATE quittance.attempts SET started_at = now() WHERE event_id = 'evt_3'").await;
    assert_eq!(round(&db, A_MONTH).await, Removed { attempts: 1, ..Removed::default() });
    let left = db.rows("SELECT event_id FROM quittance.attempts ORDER BY id").await;
    assert_eq!(left, [json!({"event_id": "evt_1"}), json!({"event_id": "evt_3"})]);

    // More than it looks through at once, all of it kept, does not hide what comes after.
    db.execute(
        "INSERT INTO quittance.attempts (event_id, number, started_at, duration_ms, worker, outcome)
         SELECT 'evt_1', n, '2001-01-01', 1, 'w', 'failed' FROM generate_series(1, 5000) AS n;
         INSERT INTO quittance.attempts (event_id, number, started_at, duration_ms, worker, outcome)
         VALUES ('evt_9', 1, '2001-01-01', 1, 'w', 'applied')",
    )
    .await;
    db.execute("DELETE FROM quittance.attempts WHERE event_id = 'evt_3'").await;
    assert_eq!(round(&db, A_MONTH).await.attempts, 1);
}

#[tokio::test]
async fn a_notification_that_was_discarded_goes_with_its_dead_letter() {
    let db = TestDatabase::migrated().await;
    let (_, dead_letter) = notifications::given_up(&db).await;
    dead_letters::discard(&db.store, &[dead_letter.id], JANE).await.unwrap();
    let prune = async || db.store.prune_outbox("", Duration::ZERO, 10).await.unwrap().removed;
    assert_eq!(prune().await, 0, "it is kept for an undo");

    ended(&db, dead_letter.id, 31).await;
    assert_eq!(round(&db, A_MONTH).await.discarded_letters, 1);
    assert_eq!(db.count("quittance.outbox_deliveries").await, 0);
    eventually("it goes", async || prune().await == 1).await;
}

#[tokio::test]
async fn one_process_removes_at_a_time() {
    let db = TestDatabase::migrated().await;
    many(&db, 3).await;
    db.execute("UPDATE quittance.dead_letters SET state = 'resolved', resolved_at = '2001-01-01'")
        .await;
    // In a transaction, like the lock that is held against it. Its end is acknowledged; that of a
    // connection is not.
    let mut other = db.connect().await;
    let mut removing = other.begin().await.unwrap();
    let take = "SELECT pg_advisory_xact_lock(hashtextextended('quittance:retention', 0))";
    sqlx::query(take).execute(&mut *removing).await.unwrap();
    assert_eq!(round(&db, A_MONTH).await, Removed::default());
    removing.rollback().await.unwrap();
    assert_eq!(round(&db, A_MONTH).await.resolved_letters, 3);
}

#[tokio::test]
async fn the_audit_log_goes_only_where_that_is_asked_for() {
    let db = TestDatabase::migrated().await;
    db.execute(
        "INSERT INTO quittance.audit_log (at, actor, verb, target) VALUES
             ('2001-01-01', 'jane', 'a', 'b'), (now(), 'jane', 'a', 'c')",
    )
    .await;
    assert_eq!(round(&db, A_MONTH).await, Removed::default());
    let short = Retention { audit_log: Keep::For(DAY), ..A_MONTH };
    assert_eq!(round(&db, short).await.audit_log, 1);
    let left = db.rows("SELECT target FROM quittance.audit_log ORDER BY id").await;
    assert_eq!(left, [json!({"target": "c"}), json!({"target": "audit_log"})]);
}

#[test]
fn what_is_kept_is_a_setting() {
    let set = settings(&[
        ("QUITTANCE__RETENTION__RESOLVED_LETTERS", "forever"),
        ("QUITTANCE__RETENTION__ATTEMPTS", "2h"),
    ])
    .retention;
    assert_eq!((set.resolved_letters, set.attempts), (Keep::Forever, Keep::For(DAY / 12)));
    assert_eq!((set.discarded_letters, set.audit_log), (Keep::For(DAY * 90), Keep::Forever));
    for wrong in ["never", "1m"] {
        let name = "QUITTANCE__RETENTION__AUDIT_LOG".to_owned();
        let refused = quittance::config::load(None, [(name, wrong.to_owned())].into_iter());
        let text = refused.unwrap_err().to_string();
        assert!(text.contains("retention.audit_log") && text.contains("forever"), "{text}");
    }
}

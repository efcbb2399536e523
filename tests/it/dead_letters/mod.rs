//! Operators' acts on dead letters, one by one and by the thousand.

mod acts;
mod bulk;
mod commands;
mod filters;
mod groups;
mod locks;
pub(crate) mod notifications;
mod processes;
mod retention;

use std::time::Duration;

use quittance::config::Settings;
use quittance::ops::dead_letters::DeadLetterResult;
use quittance::queue::Producer;
use quittance::store::dead_letter::{Actor, DeadLetter, DeadLetterId, Filter};
use sqlx::AssertSqlSafe;

use crate::harness::{TestDatabase, queue_name, redis_url, settings};

pub(crate) const JANE: Actor<'static> = Actor { name: "jane", reason: Some("Stripe was ill") };

/// A dead letter to be, as the columns that a test cares about.
#[derive(Clone, Copy)]
pub(crate) struct Given {
    pub(crate) message: &'static str,
    pub(crate) event_type: Option<&'static str>,
    /// Further columns: `, customer = 'cus_1'`.
    pub(crate) set: &'static str,
}

pub(crate) const GIVEN: Given =
    Given { message: "no such charge", event_type: Some("charge.failed"), set: "" };

/// Gives an event up as a worker does, and changes its dead letter behind the store's back.
pub(crate) async fn given(db: &TestDatabase, event: &str, given: Given) -> DeadLetterId {
    use crate::store::given::{attempt, event as event_of, receipt};
    use quittance::domain::failure::{Class, Failure};
    use quittance::domain::object::Kind;
    use quittance::domain::retry::DeadReason;
    use quittance::store::dead_letter::{DeadEvent, NewDeadLetter};

    let about = event_of(event, given.event_type.unwrap_or("?"), Kind::Charge, "ch_1");
    let mut dead = DeadEvent::from(&about);
    dead.event_type = given.event_type.map(str::to_owned);
    let dead_letter = NewDeadLetter {
        event: dead,
        receipt: receipt(),
        lane: "live".into(),
        reason: DeadReason::Permanent.into(),
        attempt: attempt(),
        failure: Failure {
            class: Class::Permanent,
            code: "stripe_resource_missing".into(),
            chain: vec![given.message.into()],
            request_id: None,
            should_retry: None,
        },
        body: serde_json::json!({"id": event}).to_string().into(),
    };
    let id = db.store.dead_letter(&dead_letter).await.unwrap().unwrap();
    if !given.set.is_empty() {
        let set = given.set;
        execute(db, format!("UPDATE quittance.dead_letters SET {set} WHERE id = {id}")).await;
    }
    id
}

/// Many dead letters of one cause, `evt_1` and on, and the ledger's rows with them.
pub(crate) async fn many(db: &TestDatabase, count: u32) {
    execute(
        db,
        format!(
            "INSERT INTO quittance.events (id, type, endpoint, received_at, status, attempts)
             SELECT 'evt_' || n, 'charge.failed', 'default', now(), 'dead', 1
             FROM generate_series(1, {count}) AS n;
             INSERT INTO quittance.dead_letters (
                 event_id, event_type, object_kind, object_id, account, livemode, endpoint, lane,
                 received_at, reason, class, code, message, cause, fingerprint, payload,
                 body_sha256, body_bytes, first_failed_at, attempts)
             SELECT 'evt_' || n, 'charge.failed', 'charge', 'ch_' || n, '', false, 'default',
                    'live', now(), 'permanent', 'permanent', 'c', 'm', 'm', 'f',
                    jsonb_build_object('id', 'evt_' || n), 'x', 1, now(), 1
             FROM generate_series(1, {count}) AS n"
        ),
    )
    .await;
}

pub(crate) async fn execute(db: &TestDatabase, statement: String) {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&db.pool).await.unwrap();
}

pub(crate) async fn dead_letter(db: &TestDatabase, id: DeadLetterId) -> DeadLetter {
    db.store.find_dead_letter(id).await.unwrap().unwrap()
}

/// The dead letters that a filter names, newest first.
pub(crate) async fn ids(db: &TestDatabase, filter: &Filter) -> Vec<DeadLetterId> {
    let dead_letters = db.store.dead_letters(filter, None, 1000).await.unwrap();
    dead_letters.into_iter().map(|dead_letter| dead_letter.id).collect()
}

pub(crate) fn words(results: &[DeadLetterResult]) -> Vec<&'static str> {
    results.iter().map(|one| one.result).collect()
}

/// A queue of the test's own on the shared Redis, that nobody works.
pub(crate) fn queue() -> Producer {
    let (url, name) = (redis_url(), queue_name());
    let settings = settings(&[("REDIS_URL", &url), ("QUITTANCE__QUEUE__NAME", &name)]);
    Producer::new(&settings.redis, &settings.queue).unwrap()
}

/// A queue that nobody serves.
pub(crate) fn no_queue() -> Producer {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    let mut settings: Settings = settings(&[("REDIS_URL", &url)]);
    settings.redis.connect_timeout = Duration::from_millis(200);
    settings.redis.command_timeout = Duration::from_millis(200);
    Producer::new(&settings.redis, &settings.queue).unwrap()
}

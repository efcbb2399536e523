//! Cost of the outbox's statements in rows and blocks, which must not depend on the size of the backlog or of
//! the history, whatever the planner's statistics say. The statements are prepared, often enough to have a
//! generic plan, while the tables are empty and analyzed as empty; then the tables are filled and not analyzed
//! again.

use std::time::Duration;

use futures_util::future::BoxFuture;
use quittance::config::Start;
use quittance::store::Store;
use quittance::store::dead_letter::{Actor, DeadLetterReason, DeadLetterState};
use quittance::store::outbox::{Claimed, Undelivered};
use sqlx::{AssertSqlSafe, Connection as _};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::harness::{TestDatabase, eventually};

const SHOP: &str = "http:shop";
/// A destination without deliveries: the next rows are fanned out to it.
const NEW: &str = "http:new";

const TABLES: [&str; 5] =
    ["outbox", "outbox_destinations", "outbox_deliveries", "outbox_queues", "dead_letters"];

/// Sessions of stores.
const SESSIONS: &str = "SELECT count(*) FROM pg_stat_activity
     WHERE datname = current_database() AND application_name LIKE 'quittance%'";

/// More executions than Postgres makes with custom plans before it may choose a generic one.
const PREPARING: usize = 7;

/// A call and its name.
type Call = (&'static str, for<'a> fn(&'a Store) -> BoxFuture<'a, ()>);

/// Rows and blocks that were read.
#[derive(Debug, Clone, Copy)]
struct Work {
    rows: i64,
    blocks: i64,
}

/// What `fill` writes for a number.
fn notification(n: u128) -> Claimed {
    Claimed {
        id: Uuid::from_u128(n),
        topic: "payment.succeeded".into(),
        body: String::new(),
        attempts: 0,
        claim: i64::try_from(n).unwrap(),
        due_at: OffsetDateTime::UNIX_EPOCH,
    }
}

fn undelivered(
    store: &Store,
    n: u128,
    again: Result<Duration, DeadLetterReason>,
) -> BoxFuture<'_, ()> {
    Box::pin(async move {
        let claimed = notification(n);
        let undelivered = Undelivered {
            claimed: &[&claimed],
            again,
            counts: true,
            class: "transient",
            code: "status_500",
            message: "the receiver answered 500",
        };
        store.mark_undelivered(SHOP, &undelivered).await.unwrap();
    })
}

/// Statements of the relay.
const RELAYS: [Call; 9] = [
    ("claim", |store| {
        Box::pin(async { drop(store.claim(SHOP, 16, Duration::ZERO).await.unwrap()) })
    }),
    ("claim since", |store| {
        Box::pin(async {
            let since = Some(OffsetDateTime::UNIX_EPOCH);
            drop(store.claim_since(SHOP, since, 16, Duration::ZERO).await.unwrap());
        })
    }),
    ("delivered", |store| {
        Box::pin(async {
            let ids: Vec<_> = (100..116).map(Uuid::from_u128).collect();
            store.mark_delivered(SHOP, &ids).await.unwrap();
        })
    }),
    ("failed", |store| undelivered(store, 200, Ok(Duration::from_secs(60)))),
    ("given up", |store| undelivered(store, 201, Err(DeadLetterReason::Exhausted))),
    ("release claims", |store| {
        Box::pin(async { store.release_claims(SHOP, &[notification(202)]).await.unwrap() })
    }),
    ("fan out", |store| Box::pin(async { assert!(store.fan_out(NEW, &[], 16).await.is_ok()) })),
    ("announce", |store| Box::pin(async { assert!(store.announce("").await.is_ok()) })),
    ("prune", |store| {
        Box::pin(async {
            assert!(store.prune_outbox("", Duration::from_secs(1_000_000_000), 16).await.is_ok())
        })
    }),
];

/// Statements of operators.
const PEOPLE: [Call; 4] = [
    ("dead deliveries", |store| {
        Box::pin(async { drop(store.dead_deliveries(Some(SHOP), 10).await.unwrap()) })
    }),
    ("dead deliveries of all", |store| {
        Box::pin(async { drop(store.dead_deliveries(None, 10).await.unwrap()) })
    }),
    ("revive", |store| {
        Box::pin(async {
            let actor = Actor { name: "ann", reason: None };
            let ids = [Uuid::from_u128(1)];
            store.revive_deliveries(SHOP, &ids, 0, 1_000, actor).await.unwrap();
        })
    }),
    ("destinations", |store| Box::pin(async { drop(store.destinations().await.unwrap()) })),
];

/// Maintenance statements of a worker.
const WORKERS: [Call; 2] = [
    ("pulse", |store| Box::pin(async { drop(store.pulse().await.unwrap()) })),
    ("retention", |store| {
        Box::pin(async {
            let ended = (DeadLetterState::Resolved, Duration::from_secs(1));
            store.remove_dead_letters(ended.0, ended.1, 10).await.unwrap();
        })
    }),
];

/// Fills the outbox: ten dead-lettered rows, then pending ones, delivered ones, and ones that are not fanned
/// out. Each is of an object of its own, claimed as in `notification`.
async fn fill(db: &TestDatabase, delivered: i64, pending: i64, waiting: i64) {
    let mut filler = db.connect().await;
    let all = 10 + delivered + pending + waiting;
    let script = format!(
        "INSERT INTO quittance.outbox (
             id, topic, sort, account, livemode, object_kind, object_id, payload, created_at)
         SELECT lpad(to_hex(n), 32, '0')::uuid, 'payment.succeeded', 'state', '', false,
                'payment_intent', 'pi_' || n, '{{\"v\": 1, \"occurred\": 0}}', '2001-01-01'
         FROM generate_series(1, {all}) AS n;
         INSERT INTO quittance.outbox_deliveries (
             id, destination, seq, queue, state, ended_at, due_at)
         SELECT o.id, '{SHOP}', o.seq, '{SHOP}:' || o.object_id, s.state,
                CASE WHEN s.state <> 'pending' THEN now() END,
                '2001-01-01'::timestamptz + make_interval(secs => o.seq)
         FROM quittance.outbox AS o
         CROSS JOIN LATERAL (
             SELECT CASE WHEN o.seq <= 10 THEN 'dead' WHEN o.seq <= {pending} + 10 THEN 'pending'
                         ELSE 'delivered' END AS state) AS s
         WHERE o.seq <= 10 + {delivered} + {pending}
         ORDER BY o.seq;
         UPDATE quittance.outbox_queues SET claim = head;
         UPDATE quittance.outbox_destinations AS d SET (xid, seq) = (
             SELECT o.xid, o.seq FROM quittance.outbox AS o
             WHERE o.seq = 10 + {delivered} + {pending});"
    );
    sqlx::raw_sql(AssertSqlSafe(script)).execute(&mut filler).await.unwrap();
    filler.close().await.unwrap();
}

async fn counted(db: &TestDatabase) -> Work {
    let names = TABLES.map(|table| format!("'{table}'")).join(",");
    let rows = format!(
        "SELECT sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::bigint
         FROM pg_stat_user_tables WHERE schemaname = 'quittance' AND relname IN ({names})"
    );
    let blocks = format!(
        "SELECT sum(heap_blks_read + heap_blks_hit + coalesce(idx_blks_read, 0)
                    + coalesce(idx_blks_hit, 0))::bigint
         FROM pg_statio_user_tables WHERE schemaname = 'quittance' AND relname IN ({names})"
    );
    Work { rows: db.number(&rows).await, blocks: db.number(&blocks).await }
}

/// Measures the cost of each call with so many rows in the tables.
async fn measure(
    calls: &[Call],
    open: impl Fn(&TestDatabase) -> Store,
    delivered: i64,
    pending: i64,
) -> Vec<Work> {
    let db = TestDatabase::migrated().await;
    for table in TABLES {
        let off = format!("ALTER TABLE quittance.{table} SET (autovacuum_enabled = false)");
        sqlx::raw_sql(AssertSqlSafe(off)).execute(&db.pool).await.unwrap();
    }
    for name in [SHOP, NEW] {
        db.store.open_destination(name, Start::Beginning).await.unwrap();
    }
    db.store.close().await;
    eventually("no session is left", async || db.number(SESSIONS).await == 0).await;
    db.execute("VACUUM ANALYZE").await;
    let stores: Vec<_> = calls.iter().map(|_| open(&db)).collect();
    for (store, (_, call)) in stores.iter().zip(calls) {
        for _ in 0..PREPARING {
            call(store).await;
        }
    }
    fill(&db, delivered, pending, 1_000).await;
    // Other tests' transactions on this server may still hold it back.
    let held = "SELECT count(*) FROM quittance.outbox
                WHERE xid >= pg_snapshot_xmin(pg_current_snapshot())";
    eventually("all of it can be fanned out", async || db.number(held).await == 0).await;
    let mut works = Vec::new();
    for (store, (_, call)) in stores.iter().zip(calls) {
        let before = counted(&db).await;
        call(store).await;
        // A session counts what it did when it ends.
        let ends = db.number(SESSIONS).await
            - i64::from(store.pool_use().used)
            - i64::from(store.pool_use().idle);
        store.close().await;
        eventually("its sessions are gone", async || db.number(SESSIONS).await <= ends).await;
        let after = counted(&db).await;
        works.push(Work { rows: after.rows - before.rows, blocks: after.blocks - before.blocks });
    }
    works
}

async fn compare(
    calls: &[Call],
    open: impl Fn(&TestDatabase) -> Store,
    few: (i64, i64),
    many: (i64, i64),
) {
    let small = measure(calls, &open, few.0, few.1).await;
    let large = measure(calls, &open, many.0, many.1).await;
    let mut grown = Vec::new();
    for ((name, _), (small, large)) in calls.iter().zip(small.iter().zip(&large)) {
        // A tree of more rows may be a level or two deeper.
        if large.rows > small.rows + 50 || large.blocks > small.blocks * 2 + 50 {
            grown.push(format!("{name}: {small:?} became {large:?}"));
        }
    }
    assert!(grown.is_empty(), "{}", grown.join("\n"));
}

#[tokio::test]
async fn relay_statements_cost_the_same_with_100_000_pending_as_with_1_000() {
    let open = |db: &TestDatabase| db.store.for_relay(&db.settings()).unwrap();
    compare(&RELAYS, open, (1_000, 1_000), (10_000, 100_000)).await;
}

#[tokio::test]
async fn operators_statements_cost_the_same_with_100_000_delivered_as_with_1_000() {
    let open = |db: &TestDatabase| Store::connect(&db.settings(), "outbox").unwrap();
    compare(&PEOPLE, open, (1_000, 500), (100_000, 500)).await;
}

#[tokio::test]
async fn worker_statements_cost_the_same_with_100_000_delivered_as_with_1_000() {
    let open = |db: &TestDatabase| Store::connect(&db.settings(), "worker").unwrap();
    compare(&WORKERS, open, (1_000, 500), (100_000, 500)).await;
}

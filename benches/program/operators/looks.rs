//! Latency of the operators' views, beside the least that any query to Postgres takes.

use std::time::Instant;

use quittance::ops::{dead_letters, events, operations};
use quittance::store::Store;
use quittance::store::dead_letter::{ActWord, DeadLetterId, Filter, GroupKey};
use quittance::store::ledger::EventFilter;
use sqlx::PgPool;

use super::scene::Scene;
use crate::stage::Timings;

/// Rows of a page.
const PAGE: u32 = 50;

/// Runs of each look before those that count.
const WARM: usize = 3;

/// One look, and how long it took.
pub(crate) struct Look {
    pub(crate) name: &'static str,
    pub(crate) timings: Timings,
}

/// Ids to ask for, each run another one.
struct Wanted {
    dead_letters: Vec<i64>,
    customers: Vec<String>,
    /// Nine tenths down the list.
    deep: DeadLetterId,
    deep_event: String,
}

/// The least: an empty question, and one row by its key.
pub(crate) async fn floors(scene: &Scene, runs: usize) -> [Look; 2] {
    let wanted = Wanted::find(&scene.pool).await;
    let empty = look("floor: SELECT 1", runs, async |_| {
        sqlx::query("SELECT 1").execute(&scene.pool).await.unwrap();
    });
    let empty = empty.await;
    let row = look("floor: one row by its key", runs, async |n| {
        sqlx::query("SELECT id, state, message FROM quittance.dead_letters WHERE id = $1")
            .bind(pick(&wanted.dead_letters, n))
            .fetch_one(&scene.pool)
            .await
            .unwrap();
    });
    [empty, row.await]
}

/// Everything that is promised to be quick.
pub(crate) async fn all(scene: &Scene, retried: &GroupKey, runs: usize) -> Vec<Look> {
    let (store, wanted) = (&scene.store, Wanted::find(&scene.pool).await);
    let groups = dead_letters::groups(store, &Filter::default()).await.unwrap();
    let groups: Vec<_> = groups.groups.into_iter().map(|group| group.group).collect();
    println!("{} groups of dead letters", groups.len());
    let text = |text: &str| Filter { text: Some(text.to_owned()), ..Filter::default() };
    let of_retried = Filter { group: Some(retried.clone()), ..Filter::default() };
    let mut looks = self::groups(store, runs).await;
    looks.push(list("list of the open", store, runs, None, |_| Filter::open()).await);
    let deep = Some(wanted.deep);
    looks.push(list("  a deep page of it", store, runs, deep, |_| Filter::open()).await);
    looks.push(list("list of all", store, runs, None, |_| Filter::default()).await);
    let of_group = |n| Filter { group: Some(pick(&groups, n)), ..Filter::open() };
    looks.push(list("list of a group", store, runs, None, of_group).await);
    let largest = |_| of_retried.clone();
    looks.push(list("  a deep page of the largest", store, runs, deep, largest).await);
    let of_customer =
        |n| Filter { customer: Some(pick(&wanted.customers, n)), ..Filter::default() };
    looks.push(list("list of a customer", store, runs, None, of_customer).await);
    let common = |_| text("lacks the permission");
    looks.push(list("list by a text that many have", store, runs, None, common).await);
    let no_one = |n| text(&format!("nobody says this {n}"));
    looks.push(list("list by a text that none has", store, runs, None, no_one).await);
    let one = look("one letter, whole", runs, async |n| {
        let id = dead_letter(pick(&wanted.dead_letters, n));
        let shown = dead_letters::show(store, id, true).await.unwrap().unwrap();
        assert!(shown.current.is_some() && !shown.attempts.is_empty());
    });
    looks.push(one.await);
    let preview = look("preview of the bulk retry", runs, async |_| {
        operations::preview(store, ActWord::Retry, &of_retried).await.unwrap();
    });
    looks.push(preview.await);
    let ledger = EventFilter::default();
    let first = look("list of events", runs, async |_| {
        events::list(store, &ledger, None, PAGE).await.unwrap();
    });
    looks.push(first.await);
    let deep = look("  a deep page of it", runs, async |_| {
        events::list(store, &ledger, Some(&wanted.deep_event), PAGE).await.unwrap();
    });
    looks.push(deep.await);
    looks
}

/// The groups of the open dead letters, and of all.
pub(crate) async fn groups(store: &Store, runs: usize) -> Vec<Look> {
    let open = look("groups of the open", runs, async |_| {
        dead_letters::groups(store, &Filter::open()).await.unwrap();
    });
    let open = open.await;
    let all = look("groups of all", runs, async |_| {
        dead_letters::groups(store, &Filter::default()).await.unwrap();
    });
    vec![open, all.await]
}

async fn list(
    name: &'static str,
    store: &Store,
    runs: usize,
    before: Option<DeadLetterId>,
    filter: impl Fn(usize) -> Filter,
) -> Look {
    let listing = look(name, runs, async |n| {
        dead_letters::list(store, &filter(n), before, PAGE).await.unwrap();
    });
    listing.await
}

async fn look(name: &'static str, runs: usize, asking: impl AsyncFn(usize)) -> Look {
    let mut milliseconds = Vec::with_capacity(runs);
    for n in 0..WARM + runs {
        let begin = Instant::now();
        asking(n).await;
        milliseconds.push(begin.elapsed().as_secs_f64() * 1e3);
    }
    Look { name, timings: Timings::new(milliseconds.split_off(WARM)) }
}

impl Wanted {
    async fn find(pool: &PgPool) -> Self {
        let ids = "SELECT id FROM quittance.dead_letters ORDER BY md5(id::text) LIMIT 200";
        let customers = "SELECT customer FROM quittance.dead_letters
                         GROUP BY 1 ORDER BY md5(customer) LIMIT 200";
        let deep = "SELECT min(id) + (max(id) - min(id)) / 10 FROM quittance.dead_letters";
        let event = "SELECT id FROM quittance.events ORDER BY received_at
                     OFFSET (SELECT count(*) / 10 FROM quittance.events) LIMIT 1";
        let deep: i64 = sqlx::query_scalar(deep).fetch_one(pool).await.unwrap();
        Self {
            dead_letters: sqlx::query_scalar(ids).fetch_all(pool).await.unwrap(),
            customers: sqlx::query_scalar(customers).fetch_all(pool).await.unwrap(),
            deep: dead_letter(deep),
            deep_event: sqlx::query_scalar(event).fetch_one(pool).await.unwrap(),
        }
    }
}

fn dead_letter(id: i64) -> DeadLetterId {
    id.to_string().parse().unwrap()
}

fn pick<T: Clone>(from: &[T], n: usize) -> T {
    from[n % from.len()].clone()
}

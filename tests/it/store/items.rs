//! A subscription's items go by the decision about the subscription: none survives it, none is lost.

use proptest::prelude::*;
use quittance::domain::kinds::subscription::SubscriptionStatus;
use quittance::store::Applied;

use super::billing::{item, subscription};
use super::given::*;
use crate::harness::TestDatabase;

/// What the table says that a subscription has: item, price.
async fn items_of(db: &TestDatabase, subscription: &str) -> Vec<(String, String)> {
    let found: Vec<(String, String)> = sqlx::query_as(
        "SELECT stripe_subscription_item_id, price FROM app.subscription_items
         WHERE subscription = $1 ORDER BY 1",
    )
    .bind(subscription)
    .fetch_all(&db.pool)
    .await
    .unwrap();
    found
}

fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
    of.iter().map(|(id, price)| ((*id).to_owned(), (*price).to_owned())).collect()
}

async fn see(db: &TestDatabase, id: &str, at: i64, items: &[(&str, &str)]) {
    let items = items.iter().map(|(id, price)| item(id, price)).collect();
    observe(&db.store, id, at, subscription(SubscriptionStatus::Active, items)).await;
}

#[tokio::test]
async fn an_item_that_was_replaced_is_gone_and_its_successor_is_there() {
    let db = TestDatabase::migrated().await;
    see(&db, "sub_1", 100, &[("si_1", "price_1"), ("si_2", "price_2")]).await;
    see(&db, "sub_2", 100, &[("si_9", "price_1")]).await;
    see(&db, "sub_1", 101, &[("si_2", "price_3"), ("si_3", "price_1")]).await;
    assert_eq!(items_of(&db, "sub_1").await, pairs(&[("si_2", "price_3"), ("si_3", "price_1")]));
    assert_eq!(items_of(&db, "sub_2").await, pairs(&[("si_9", "price_1")]), "not its own");
    see(&db, "sub_1", 102, &[]).await;
    assert_eq!(items_of(&db, "sub_1").await, []);
}

#[tokio::test]
async fn an_older_observation_brings_no_item_back() {
    let db = TestDatabase::migrated().await;
    see(&db, "sub_1", 100, &[("si_1", "price_1")]).await;
    see(&db, "sub_1", 102, &[("si_2", "price_1")]).await;
    // Two that decided on what was true before: one by the version, one by the clock.
    for (version, at) in [(1, 103), (2, 101)] {
        let old = subscription(SubscriptionStatus::Active, vec![item("si_1", "price_1")]);
        let late = change("sub_1", version, at, None, old);
        assert_eq!(apply(&db.store, settlement(late, vec![])).await, Applied::Conflict);
    }
    assert_eq!(items_of(&db, "sub_1").await, pairs(&[("si_2", "price_1")]));
}

#[tokio::test]
async fn two_subscriptions_of_one_slice_keep_their_own_items() {
    let db = TestDatabase::migrated().await;
    let one = |id: &str, item_id: &str| {
        let observed = subscription(SubscriptionStatus::Active, vec![item(item_id, "price_1")]);
        settlement(first(id, 100, observed), vec![])
    };
    let applied = apply_all(&db.store, [one("sub_1", "si_1"), one("sub_2", "si_2")]).await.unwrap();
    assert_eq!(applied, [Applied::Done, Applied::Done]);
    assert_eq!(items_of(&db, "sub_1").await, pairs(&[("si_1", "price_1")]));
    assert_eq!(items_of(&db, "sub_2").await, pairs(&[("si_2", "price_1")]));
}

#[tokio::test]
async fn an_item_of_another_subscription_is_never_taken_over() {
    let db = TestDatabase::migrated().await;
    see(&db, "sub_1", 100, &[("si_1", "price_1")]).await;
    let thief = subscription(SubscriptionStatus::Active, vec![item("si_1", "price_2")]);
    let change = first("sub_2", 100, thief);
    apply_all(&db.store, [settlement(change, vec![])]).await.unwrap_err();
    assert_eq!(items_of(&db, "sub_1").await, pairs(&[("si_1", "price_1")]));
    assert_eq!(db.count("app.subscriptions").await, 1, "nothing of the slice is written");
}

#[test]
fn any_order_of_any_duplicates_ends_with_the_newest_items() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let db = runtime.block_on(TestDatabase::migrated());
    let count = std::cell::Cell::new(0);
    let config = ProptestConfig { cases: 24, failure_persistence: None, ..Default::default() };
    // Each observation is a second and a set of items; what is seen twice is the same twice.
    let states = proptest::collection::vec(proptest::collection::btree_set(0..5_u32, 0..4), 1..5);
    let looks = proptest::collection::vec(any::<prop::sample::Index>(), 1..12);
    proptest!(config, |(states in states, looks in looks)| {
        let run = count.get();
        count.set(run + 1);
        let id = format!("sub_{run}");
        let name = |n: &u32| format!("si_{run}_{n}");
        let mut newest = 0;
        for look in &looks {
            let at = look.index(states.len());
            newest = newest.max(at);
            let items = states[at].iter().map(|n| item(&name(n), "price_1")).collect();
            let observed = subscription(SubscriptionStatus::Active, items);
            runtime.block_on(observe(&db.store, &id, i64::try_from(at).unwrap(), observed));
        }
        let mut expected: Vec<String> = states[newest].iter().map(name).collect();
        expected.sort();
        let found = runtime.block_on(items_of(&db, &id));
        let found: Vec<String> = found.into_iter().map(|(id, _)| id).collect();
        prop_assert_eq!(found, expected);
    });
    let _inside = runtime.enter();
    drop(db);
}

//! A Postgres that goes without a word ends no call; each call ends by itself.

use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, join_all};
use quittance::config::{Database, Secret};
use quittance::domain::failure::{Class, Dependency};
use quittance::store::{Store, StoreError};
use uuid::Uuid;

use crate::harness::{Proxy, TestDatabase, within};

#[tokio::test]
async fn a_call_ends_by_itself_when_postgres_goes_without_a_word() {
    let db = TestDatabase::migrated().await;
    let proxy = Proxy::to(&db.url()).await;
    let settings = Database {
        url: Secret::new(proxy.url()),
        max_connections: 9,
        acquire_timeout: Duration::from_secs(5),
        statement_timeout: Duration::from_millis(100),
    };
    let store = Store::connect(&settings, "worker").unwrap();
    // As many connections as there are calls, so that each is on one that was good.
    join_all((0..8).map(|_| store.ready())).await.into_iter().for_each(|ready| ready.unwrap());
    proxy.fall_silent();
    let (day, ids) = (Duration::from_hours(24), [Uuid::nil()]);
    let calls: [(&str, BoxFuture<'_, Option<StoreError>>); 8] = [
        ("readiness", store.ready().map(Result::err).boxed()),
        ("relay", store.mark_delivered("http:default", &ids).map(Result::err).boxed()),
        ("retention", store.remove_audit(day, 10).map(Result::err).boxed()),
        ("retry", store.retry_is_taken_back(1, 1).map(Result::err).boxed()),
        ("status", store.pulse().map(Result::err).boxed()),
        ("schema", store.schema_version().map(Result::err).boxed()),
        ("schema check", store.check_schema().map(Result::err).boxed()),
        ("latency", store.latency().map(Result::err).boxed()),
    ];
    let (names, calls): (Vec<_>, Vec<_>) = calls.into_iter().unzip();
    let ended = within("each ends", join_all(calls)).await;
    for (name, error) in names.into_iter().zip(ended) {
        let class = error.expect(name).class();
        assert_eq!(class, Class::Unavailable(Dependency::Postgres), "{name}");
    }
    proxy.speak();
    within("it is used again", store.ready()).await.unwrap();
}

//! Calls that are dropped on the way, as by a client that has gone away.

use std::time::Duration;

use quittance::config::{Database, Secret};
use quittance::store::Store;
use quittance::store::audit::{Actor, NewAudit};
use quittance::store::command::CommandFilter;
use serde_json::json;

use crate::harness::{Proxy, TestDatabase, within};

#[tokio::test]
async fn a_call_that_is_dropped_anywhere_leaves_no_transaction_to_the_next() {
    let db = TestDatabase::migrated().await;
    let proxy = Proxy::to(&db.url()).await;
    let settings = Database {
        url: Secret::new(proxy.url()),
        // The next call is on the same connection, if that was given back.
        max_connections: 1,
        acquire_timeout: Duration::from_secs(10),
        statement_timeout: Duration::from_secs(10),
    };
    let store = Store::connect(&settings, "worker").unwrap();
    let filter = CommandFilter::default();
    let noted = NewAudit {
        actor: Actor { name: "ana", reason: None },
        verb: "object.reconcile",
        target: "pi_1",
        count: 1,
        details: json!({}),
    };
    let statements = ["BEGIN", "plan_cache_mode", "FROM quittance.commands", "COMMIT"];
    for (nth, statement) in (1..).zip(statements) {
        proxy.fall_silent_at(statement);
        tokio::select! {
            ended = store.list_commands(&filter, 1) => panic!("{statement} is not sent: {ended:?}"),
            () = within(statement, proxy.has_fallen_silent()) => {}
        }
        proxy.speak();
        within("the next call", store.record_audit(&noted)).await.unwrap();
        assert_eq!(db.count("quittance.audit_log").await, nth, "dropped at {statement}");
    }
}

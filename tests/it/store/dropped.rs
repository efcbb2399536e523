//! Calls that are dropped on the way, as by a client that has gone away.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use quittance::config::{Database, Secret};
use quittance::store::Store;
use quittance::store::command::CommandFilter;

use crate::harness::{TestDatabase, within};

/// Drops a call after it was polled so many times; whether it had ended by then.
async fn dropped_after(polls: u32, call: impl Future) -> bool {
    let (mut call, mut left) = (pin!(call), polls);
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(false);
        }
        left -= 1;
        call.as_mut().poll(context).map(|_| true)
    })
    .await
}

#[tokio::test]
async fn a_call_that_is_dropped_anywhere_leaves_no_transaction_to_the_next() {
    let db = TestDatabase::migrated().await;
    let settings = Database {
        url: Secret::new(db.url()),
        // The next call is on the same connection, if that was given back.
        max_connections: 1,
        acquire_timeout: Duration::from_secs(10),
        statement_timeout: Duration::from_secs(10),
    };
    let store = Store::connect(&settings, "worker").unwrap();
    store.ready().await.unwrap();
    let filter = CommandFilter::default();
    for polls in 1.. {
        let ended = within("the call", dropped_after(polls, store.list_commands(&filter, 1))).await;
        within("the next call", store.ready()).await.unwrap();
        let open = "pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'";
        assert_eq!(db.count(open).await, 0, "dropped after poll {polls}");
        if ended {
            assert!(polls > 1, "it has answers to wait for");
            return;
        }
    }
}

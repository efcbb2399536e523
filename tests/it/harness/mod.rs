//! Harness of the integration tests.
//!
//! Tests run in parallel and share a server of each kind, and nothing in it: each one takes a database
//! and a queue name of its own. A test that breaks a server starts a private one.
#![allow(dead_code, reason = "each flow uses its own part of it")]

pub(crate) mod app;
mod database;
mod logs;
mod pgbouncer;
mod private;
mod program;
mod proxy;
mod request;
mod settings;
pub(crate) mod webhook;

use std::time::Duration;

pub(crate) use app::{App, Options};
pub(crate) use database::{TestDatabase, database_settings};
pub(crate) use logs::Logs;
pub(crate) use pgbouncer::PgBouncer;
pub(crate) use private::{Private, private_postgres, private_redis, private_redis_with, temp_dir};
pub(crate) use program::{Ended, Program};
pub(crate) use proxy::Proxy;
pub(crate) use request::request;
pub(crate) use settings::settings;

/// The shared Redis. Keep to keys under [`queue_name`].
pub(crate) fn redis_url() -> String {
    env("QUITTANCE_TEST_REDIS_URL")
}

/// The shared Postgres, as superuser. Keep to a [`TestDatabase`].
pub(crate) fn database_url() -> String {
    env("QUITTANCE_TEST_DATABASE_URL")
}

/// One object of each kind, as Stripe publishes them: under `resources`, by their `object`.
pub(crate) fn stripes_examples() -> serde_json::Value {
    serde_json::from_str(include_str!("../../fixtures/stripe-objects.json")).unwrap()
}

/// A queue that no other test has, which is also the hash tag of its keys.
pub(crate) fn queue_name() -> String {
    format!("test-{}", uuid::Uuid::new_v4().simple())
}

/// Waits for what others do. The limit only ends a test that has failed.
pub(crate) async fn within<T>(what: &str, doing: impl Future<Output = T>) -> T {
    let Ok(done) = tokio::time::timeout(Duration::from_secs(60), doing).await else {
        panic!("never: {what}")
    };
    done
}

/// Polls a state that others bring about.
pub(crate) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    within(what, waiting).await;
}

fn env(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!(
            "{name} is not set. Run `make test`, or `quittance dev exec -- cargo test`: \
             they start a private Redis and Postgres."
        )
    })
}

//! What all integration tests stand on.
//!
//! Tests run in parallel and share a server of each kind, and nothing in it: each one takes a database
//! and a queue name of its own. A test that breaks a server starts a private one.
#![allow(dead_code, reason = "each flow uses its own part of it")]

mod database;
mod private;

pub(crate) use database::TestDatabase;
pub(crate) use private::{private_postgres, private_redis, temp_dir};

/// The shared Redis. Keep to keys under [`queue_name`].
pub(crate) fn redis_url() -> String {
    env("QUITTANCE_TEST_REDIS_URL")
}

/// The shared Postgres, as superuser. Keep to a [`TestDatabase`].
pub(crate) fn database_url() -> String {
    env("QUITTANCE_TEST_DATABASE_URL")
}

/// A queue that no other test has, which is also the hash tag of its keys.
pub(crate) fn queue_name() -> String {
    format!("test-{}", uuid::Uuid::new_v4().simple())
}

fn env(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!(
            "{name} is not set. Run `make test`, or `quittance dev exec -- cargo test`: \
             they start a private Redis and Postgres."
        )
    })
}

//! Status of the whole, and pausing and resuming the work.

mod document;
mod loss;
mod program;
mod verbs;

use std::time::Duration;

use quittance::config;
use quittance::ops::status::{Sources, Status, look};
use quittance::queue::{Inspector, Lane};
use quittance::store::Store;
use quittance::store::dead_letter::Actor;

use crate::harness::App;

const JANE: Actor<'_> = Actor { name: "jane", reason: Some("a look") };

fn inspector(app: &App) -> Inspector {
    Inspector::new(&app.settings.redis, &app.settings.queue).unwrap()
}

fn sources(app: &App) -> Sources {
    Sources {
        inspector: inspector(app),
        store: app.db.store.clone(),
        limits: app.settings.status.clone(),
    }
}

async fn status(app: &App) -> Status {
    look(&sources(app)).await
}

/// A Postgres that nobody listens for.
fn no_store(app: &App) -> Store {
    let url = config::Secret::new("postgres://nobody:hush@127.0.0.1:1/none");
    let acquire_timeout = Duration::from_millis(300);
    let settings = config::Database { url, acquire_timeout, ..app.settings.database.clone() };
    Store::connect(&settings, "test").unwrap()
}

/// A Redis that nobody listens for.
fn no_redis(app: &App) -> Inspector {
    let url = config::Secret::new("redis://:hush@127.0.0.1:1/");
    let redis = config::Redis { url, ..app.settings.redis.clone() };
    Inspector::new(&redis, &app.settings.queue).unwrap()
}

/// How many jobs of the live lane wait, and how many are in hand.
async fn live(app: &App) -> (u64, u64) {
    let depth = app.producer.depth().await.unwrap().lane(Lane::Live);
    (depth.waiting, depth.in_hand)
}

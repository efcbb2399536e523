//! Constructors of the parts that several roles share: settings, store, queue, reconciler, listener.

use std::error::Error;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use tokio::net::TcpListener;

use super::budget::SharedBudget;
use super::descriptors;
use super::exit::{Exit, Failed};
use crate::backfill::Backfill;
use crate::config::{self, Role, Settings};
use crate::domain::failure;
use crate::queue::{Inspector, Limiter, Producer};
use crate::reconcile::Reconciler;
use crate::store::Store;
use crate::stripe_api::Client;
use crate::telemetry;

/// Reads the settings and checks that the role has all that it needs.
pub(crate) fn settings(path: Option<&Path>, role: Role) -> Result<Settings, Failed> {
    let refused = |error: config::ConfigError| Failed::new(Exit::Settings, error.to_string());
    let settings = config::load(path, config::environment()).map_err(refused)?;
    settings.require(role).map_err(refused)?;
    usable(&settings)?;
    Ok(settings)
}

/// Checks that the drivers accept the URLs that are set. Opens no connection.
pub(crate) fn usable(settings: &Settings) -> Result<(), Failed> {
    let refused = |key: &str, looks_like: &str, error: &(dyn Error + 'static)| {
        let cause = failure::chain(error).pop().unwrap_or_default();
        let (value, origin) = settings.shown(key).unwrap_or_default();
        let origin = origin.unwrap_or("the default");
        let text = format!(
            "the settings are refused:\n{key} = {value} (from {origin}) cannot be used: {cause}.\n  \
             It looks like {looks_like}"
        );
        Failed::new(Exit::Settings, text)
    };
    if !settings.redis.url.is_empty() {
        Inspector::new(&settings.redis, &settings.queue)
            .map_err(|error| refused("redis.url", "redis://user:password@host:6379/0", &error))?;
    }
    if !settings.database.url.is_empty() {
        let form = "postgres://user:password@host:5432/database?sslmode=require";
        Store::connect(&settings.database, "check")
            .map_err(|error| refused("database.url", form, &error))?;
    }
    Ok(())
}

/// Reads and checks the settings, and starts the log.
pub(crate) fn settings_and_log(path: Option<&Path>, role: Role) -> Result<Settings, Failed> {
    let settings = settings(path, role)?;
    telemetry::init(&settings.log, &settings.telemetry, role.as_str())
        .map_err(|error| Failed::because(Exit::Settings, "cannot log", &error))?;
    descriptors::raise();
    Ok(settings)
}

/// Postgres, opened when it is first needed.
pub(crate) fn store(settings: &Settings, role: &str) -> Result<Store, Failed> {
    Store::connect(&settings.database, role)
        .map(|store| store.redacting(&settings.redaction))
        .map_err(|error| Failed::because(Exit::Settings, "database.url cannot be used", &error))
}

/// The queue's writing end, connected when it is first needed.
pub(crate) fn producer(settings: &Settings) -> Result<Producer, Failed> {
    Producer::new(&settings.redis, &settings.queue)
        .map_err(|error| Failed::because(Exit::Settings, "redis.url cannot be used", &error))
}

/// What backfills need: a reconciler with a share of its own of the rate limits, and the lane that pauses it.
pub(crate) fn backfill(settings: &Settings, store: &Store) -> Result<Backfill, Failed> {
    let stripe = stripe(settings)?.within("backfill", settings.backfill.share);
    let reconciler = Reconciler::new(store.clone(), stripe, &settings.reconcile);
    Ok(Backfill::new(store.clone(), reconciler, inspector(settings)?, &settings.backfill))
}

/// The reconciler; its requests count against the rate limits that the workers share.
pub(crate) fn reconciler(settings: &Settings, store: &Store) -> Result<Reconciler, Failed> {
    Ok(Reconciler::new(store.clone(), stripe(settings)?, &settings.reconcile))
}

/// The client that reads from Stripe, within the rate limits that all processes share.
fn stripe(settings: &Settings) -> Result<Client, Failed> {
    let limiter = Limiter::new(&settings.redis, &settings.queue)
        .map_err(|error| Failed::because(Exit::Settings, "redis.url cannot be used", &error))?;
    Client::new(&settings.stripe, Arc::new(SharedBudget::new(limiter)))
        .map_err(|error| Failed::because(Exit::Settings, "stripe cannot be used", &error))
}

/// Inspects the queue; connected when it is first needed.
pub(crate) fn inspector(settings: &Settings) -> Result<Inspector, Failed> {
    Inspector::new(&settings.redis, &settings.queue)
        .map_err(|error| Failed::because(Exit::Settings, "redis.url cannot be used", &error))
}

/// Binds a listener; `setting` is named in the error.
pub(crate) async fn listen(setting: &str, address: SocketAddr) -> Result<TcpListener, Failed> {
    TcpListener::bind(address).await.map_err(|error| {
        let text = format!("cannot listen on {address} ({setting}): {error}");
        Failed::new(Exit::Failure, text)
    })
}

/// The bound address of a listener: with port 0 the system chooses the port.
pub(crate) fn address_of(listener: &TcpListener, asked_for: SocketAddr) -> SocketAddr {
    listener.local_addr().unwrap_or(asked_for)
}

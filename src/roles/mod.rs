//! The roles of the program: assembles ingress, worker and migrate from the settings, and runs each until
//! its shutdown token is cancelled. The command line calls them.

pub(crate) mod budget;
mod descriptors;
pub(crate) mod duties;
pub(crate) mod exit;
pub(crate) mod numbers;
pub(crate) mod online;
pub(crate) mod parts;
mod relay;
pub(crate) mod server;
pub(crate) mod signals;

use std::path::Path;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use budget::SharedBudget;
use exit::{Exit, Failed, exit_of_store};
use numbers::Numbers;

use crate::completeness;
use crate::config::Role;
use crate::duties::Scheduler;
use crate::http::{self, Limits, Server};
use crate::ingress::{self, Metrics, State};
use crate::outbox;
use crate::queue::{Consumer, Limiter};
use crate::reconcile::{self, Reconciler};
use crate::store::schema;
use crate::stripe_api::{self, Client};
use crate::worker::{self, Parts, WorkerError};

/// Runs the ingress: receives webhooks until shutdown.
pub(crate) async fn ingress(config: Option<&Path>) -> Result<Exit, Failed> {
    let settings = parts::settings_and_log(config, Role::Ingress)?;
    let shutdown = signals::shutdown()?;
    let mut numbers = Numbers::new("ingress");
    let metrics = Metrics::new(numbers.registry());
    let connections = http::Metrics::new(numbers.registry());
    // A command that outlived the answer would hide from the link that its connection is dead.
    let mut settings = settings;
    let patience = settings.ingress.enqueue_timeout.mul_f64(0.9);
    settings.redis.command_timeout = settings.redis.command_timeout.min(patience);
    let producer = parts::producer(&settings)?;
    // The ingress reports the queue too: without any worker, its growth must still be visible.
    numbers.queue(&settings)?;
    let state = State::new(&settings.ingress, &settings.endpoints, producer, &metrics)
        .map_err(|error| Failed::because(Exit::Settings, "the ingress cannot start", &error))?;

    let supervisor = numbers.supervisor();
    let listener = parts::listen("ingress.listen", settings.ingress.listen).await?;
    let numbers = numbers.serve(settings.metrics.listen, &shutdown).await?;
    let names: Vec<_> = settings.endpoints.keys().map(String::as_str).collect();
    let address = parts::address_of(&listener, settings.ingress.listen);
    tracing::info!(listen = %address, endpoints = names.join(","), "taking webhooks");
    let limits = descriptors::within(Limits::from(&settings.ingress));
    let state = Arc::new(state);
    // It ends with the token.
    let watched = (Arc::clone(&state), supervisor.clone(), shutdown.clone());
    tokio::spawn(async move {
        let (state, supervisor, shutdown) = watched;
        let run = || ingress::watch(Arc::clone(&state), shutdown.clone());
        supervisor.keep("readiness of Redis", &shutdown, run).await;
    });
    let router = ingress::router(state);
    let server = Server { name: "webhook listener", router, limits, metrics: connections };
    let ended = server.serve(listener, shutdown, &supervisor).await;
    numbers.ended().await;
    tracing::info!(cut_off = ended.cut_off, "stopped");
    Ok(Exit::Success)
}

/// Runs a worker; `name` defaults to host name and process id.
pub(crate) async fn worker(config: Option<&Path>, name: Option<String>) -> Result<Exit, Failed> {
    let settings = parts::settings_and_log(config, Role::Worker)?;
    let shutdown = signals::shutdown()?;
    let cannot = |what: &str, error: &(dyn std::error::Error + 'static)| {
        Failed::because(Exit::Settings, what, error)
    };
    let name = name.unwrap_or_else(default_name);
    let mut numbers = Numbers::new("worker");
    let store = parts::store(&settings, "worker")?;
    store.rules().count(numbers.registry());
    numbers.queue(&settings)?;
    let limiter = Limiter::new(&settings.redis, &settings.queue)
        .map_err(|error| cannot("redis.url cannot be used", &error))?;
    let stripe_metrics = stripe_api::Metrics::new(numbers.registry());
    let stripe = Client::new(&settings.stripe, Arc::new(SharedBudget::new(limiter)))
        .map_err(|error| cannot("stripe cannot be used", &error))?
        .counting(&stripe_metrics);
    let concurrency = settings.worker.concurrency;
    let consumer = Consumer::new(&settings.redis, &settings.queue, &*name, concurrency)
        .map_err(|error| cannot("redis.url cannot be used", &error))?;
    consumer.heartbeat().on_host(host());
    let supervisor = numbers.supervisor();
    let outbox = outbox::Metrics::new(numbers.registry());
    let relay = relay::relay(&settings, &store)?.counting(&outbox).supervised_by(&supervisor);
    numbers.tables(&store, &outbox);
    let sweeping = completeness::Metrics::new(numbers.registry());
    let sweeper = duties::sweeper(&settings, &store, &stripe_metrics, sweeping)?;
    let scheduler = Scheduler::new(store.clone(), name.clone());
    let duties = duties::all(&settings, &store, sweeper);
    let listener = match settings.worker.listen {
        Some(address) => Some(parts::listen("worker.listen", address).await?),
        None => None,
    };
    let counting = reconcile::Metrics::new(numbers.registry());
    let parts = Parts {
        name,
        consumer,
        reconciler: Reconciler::counting(store.clone(), stripe, &settings.reconcile, counting),
        store,
        listener,
        random: rand::random::<f64>,
        metrics: worker::Metrics::new(numbers.registry()),
        supervisor: supervisor.clone(),
    };
    let numbers = numbers.serve(settings.metrics.listen, &shutdown).await?;
    let stop_relay = CancellationToken::new();
    let relaying = tokio::spawn(relay.run(stop_relay.clone()));
    // Beside the work, which does not wait for it: a worker also starts while Stripe is down.
    let looking = tokio::spawn(online::warn(settings.clone()));
    let stop_duties = shutdown.child_token();
    let on_duty = stop_duties.clone();
    let on_duty = tokio::spawn(async move { scheduler.run(duties, &supervisor, on_duty).await });
    let worked =
        worker::run(parts, &settings.worker, &settings.retry, &settings.queue, shutdown.clone())
            .await;
    looking.abort();
    stop_duties.cancel();
    // It ends with the token; a panic in it has been reported by the runtime.
    let _ = on_duty.await;
    // After the work has ended, so that the last notifications are delivered at once too.
    stop_relay.cancel();
    // It ends with the token; a panic in it has been reported by the runtime.
    let _ = relaying.await;
    shutdown.cancel();
    numbers.ended().await;
    worked.map_err(|error| Failed::because(exit_of(&error), "the worker stopped", &error))?;
    Ok(Exit::Success)
}

fn exit_of(error: &WorkerError) -> Exit {
    match error {
        WorkerError::Store(error) => exit_of_store(error),
        WorkerError::Queue(_) => Exit::Failure,
    }
}

/// Migrates the schema.
pub(crate) async fn migrate(config: Option<&Path>) -> Result<Exit, Failed> {
    let settings = parts::settings_and_log(config, Role::Migrate)?;
    schema::migrate(&settings.database).await.map_err(|error| {
        Failed::because(exit_of_store(&error), "the database could not be migrated", &error)
    })?;
    Ok(Exit::Success)
}

/// The host's name and the process id.
fn default_name() -> String {
    let host = host();
    let host = if host.is_empty() { "worker" } else { &host };
    format!("{host}-{}", std::process::id())
}

/// The host's name, which is the pod's in Kubernetes; empty where it is unknown.
fn host() -> String {
    std::env::var("HOSTNAME")
        .ok()
        .or_else(|| std::fs::read_to_string("/etc/hostname").ok())
        .map(|host| host.trim().to_owned())
        .unwrap_or_default()
}

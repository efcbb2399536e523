//! The background duties of a worker, assembled from the settings.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::budget::SharedBudget;
use super::exit::{Exit, Failed};
use super::parts;
use crate::completeness::{Metrics, Sweeper};
use crate::config::Settings;
use crate::domain::failure;
use crate::duties::{Duty, DutyDone};
use crate::queue::Limiter;
use crate::store::Store;
use crate::stripe_api::{self, Client};
use crate::worker::maintenance;

/// The sweep's parts; none where the settings switch it off.
pub(super) fn sweeper(
    settings: &Settings,
    store: &Store,
    stripe_metrics: &stripe_api::Metrics,
    metrics: Metrics,
) -> Result<Option<Sweeper>, Failed> {
    if !settings.sweep.enabled {
        return Ok(None);
    }
    let stripe = client(settings)?.counting(stripe_metrics);
    let queue = (parts::producer(settings)?, parts::inspector(settings)?);
    Ok(Some(Sweeper::new(settings, stripe, store.clone(), queue, metrics)))
}

/// A client whose requests count against the rate limits that all processes share.
pub(crate) fn client(settings: &Settings) -> Result<Client, Failed> {
    let limiter = Limiter::new(&settings.redis, &settings.queue)
        .map_err(|error| Failed::because(Exit::Settings, "redis.url cannot be used", &error))?;
    Client::new(&settings.stripe, Arc::new(SharedBudget::new(limiter)))
        .map_err(|error| Failed::because(Exit::Settings, "stripe cannot be used", &error))
}

/// All duties.
pub(super) fn all(settings: &Settings, store: &Store, sweeper: Option<Sweeper>) -> Vec<Duty> {
    let (store, retention) = (store.clone(), settings.retention);
    let retention = Duty::new("retention", maintenance::EVERY, move || {
        let store = store.clone();
        async move {
            // A batch of it is one statement: cut off, it has either happened or not.
            let removed = maintenance::round(&store, &retention, &CancellationToken::new()).await;
            let removed = removed.map_err(|error| failure::chain(&error).join(": "))?;
            Ok(DutyDone { detail: removed.told(), again: false })
        }
    });
    let sweep = sweeper.map(|sweeper| {
        Duty::new("sweep", settings.sweep.interval, move || {
            let sweeper = sweeper.clone();
            async move { sweeper.run().await }
        })
    });
    std::iter::once(retention).chain(sweep).collect()
}

//! The endpoints of Stripe's that lead here, read now and then.
//!
//! Asked by the sweep when an event was missed. It never decides why.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::senders::{Route, Sender, routes};
use crate::config::Settings;
use crate::domain::failure;
use crate::stripe_api::inspect::inspect;

/// For how long what was read is good enough. They change when a person changes them.
const GOOD_FOR: Duration = Duration::from_mins(5);

/// The endpoints that lead here.
pub(super) struct Endpoints {
    settings: Settings,
    read: Mutex<Option<(Instant, Option<Vec<Route>>)>>,
}

impl Endpoints {
    pub(super) fn new(settings: &Settings) -> Self {
        Self { settings: settings.clone(), read: Mutex::default() }
    }

    /// Those that lead here; `None` where the key may not see them, or Stripe does not answer.
    pub(super) async fn here(&self) -> Option<Vec<Route>> {
        let mut read = self.read.lock().await;
        if let Some((at, routes)) = read.as_ref()
            && at.elapsed() < GOOD_FOR
        {
            return routes.clone();
        }
        let routes = self.look().await;
        *read = Some((Instant::now(), routes.clone()));
        routes
    }

    async fn look(&self) -> Option<Vec<Route>> {
        let unseen = |error: &dyn std::error::Error| {
            tracing::debug!(
                error = failure::chain(error).join(": "),
                "cannot see the webhook endpoints"
            );
        };
        let inspection =
            inspect(&self.settings.stripe).await.inspect_err(|error| unseen(error)).ok()?;
        let endpoints = inspection.endpoints.inspect_err(|error| unseen(error)).ok()?;
        // They came with API v2, which a key may not be made for: without them the endpoints have to do.
        let destinations = inspection.destinations.unwrap_or_default();
        let senders: Vec<_> = endpoints
            .iter()
            .map(Sender::from)
            .chain(destinations.iter().map(Sender::from))
            .collect();
        Some(routes(&self.settings, &senders))
    }
}

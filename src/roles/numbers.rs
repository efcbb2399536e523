//! The metrics of a role: gathered here, because a look at the queue or the tables needs both of
//! them and neither may know the other.

use std::net::SocketAddr;

use prometheus_client::registry::Registry;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::exit::{Exit, Failed};
use super::parts;
use crate::config::Settings;
use crate::http::{self, Limits, Server};
use crate::outbox;
use crate::queue::{self, Inspector};
use crate::store::{self, Store};
use crate::supervise::Supervisor;
use crate::telemetry;

/// The numbers of one role.
pub(crate) struct Numbers {
    page: telemetry::Numbers,
    supervisor: Supervisor,
}

impl Numbers {
    pub(crate) fn new(role: &'static str) -> Self {
        let mut page = telemetry::Numbers::new(role);
        let supervisor = Supervisor::new(page.registry());
        Self { page, supervisor }
    }

    /// Where a part makes its counters known.
    pub(crate) fn registry(&mut self) -> &mut Registry {
        self.page.registry()
    }

    /// The supervisor of this process, whose restarts are counted here.
    pub(crate) fn supervisor(&self) -> Supervisor {
        self.supervisor.clone()
    }

    /// How full the queue is.
    pub(crate) fn queue(&mut self, settings: &Settings) -> Result<(), Failed> {
        let inspector = Inspector::new(&settings.redis, &settings.queue)
            .map_err(|error| Failed::because(Exit::Settings, "redis.url cannot be used", &error))?;
        let metrics = queue::Metrics::new(self.page.registry());
        let look = move || {
            let inspector = inspector.clone();
            async move {
                let seen = tokio::try_join!(inspector.depth(), inspector.pauses());
                seen.inspect_err(|e| tracing::debug!(error = e.chain(), "cannot see the queue"))
                    .ok()
            }
        };
        self.page.on_request("redis", look, move |seen| metrics.show(seen.as_ref()));
        Ok(())
    }

    /// What the tables say, and how far the outbox is.
    pub(crate) fn tables(&mut self, store: &Store, outbox: &outbox::Metrics) {
        let metrics = store::Metrics::new(self.page.registry(), store);
        let (store, outbox) = (store.clone(), outbox.clone());
        let look = move || {
            let store = store.clone();
            async move {
                let pulse = store.pulse().await;
                pulse.inspect_err(|error| tracing::debug!(%error, "cannot see the tables")).ok()
            }
        };
        self.page.on_request("postgres", look, move |pulse| {
            metrics.show(pulse.as_ref());
            outbox.show(pulse.as_ref());
        });
    }

    /// Serves the page on a listener of its own until `shutdown`, if there is an address for it.
    pub(crate) async fn serve(
        self,
        address: Option<SocketAddr>,
        shutdown: &CancellationToken,
    ) -> Result<Serving, Failed> {
        let Some(address) = address else { return Ok(Serving(None)) };
        let listener = parts::listen("metrics.listen", address).await?;
        tracing::info!(listen = %parts::address_of(&listener, address), "serving metrics");
        let Self { page, supervisor } = self;
        let server = Server {
            name: "metrics listener",
            router: page.router(),
            limits: Limits::default(),
            metrics: http::Metrics::default(),
        };
        let shutdown = shutdown.clone();
        let serving = async move { server.serve(listener, shutdown, &supervisor).await };
        Ok(Serving(Some(tokio::spawn(serving))))
    }
}

/// The page, while it is served.
pub(crate) struct Serving(Option<JoinHandle<http::Ended>>);

impl Serving {
    /// Waits until it is no longer served, which it is as long as the role is not told to stop.
    pub(crate) async fn ended(self) {
        if let Some(serving) = self.0 {
            // A panic in it has been reported by the runtime.
            let _ = serving.await;
        }
    }
}

//! The outbox and its delivery.

mod address;
mod catalogue;
mod cursor;
mod http_delivery;
mod order;
mod pruning;
mod queues;
mod receiver;
mod schema;
mod schema_check;
mod statement_cost;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use quittance::config::{self, Outbox, Settings};
use quittance::domain::notification::{Notification, Topic};
use quittance::domain::object::Kind;
use quittance::outbox::{Destination, HttpChannel, Relay};
use quittance::store::Store;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::harness::{TestDatabase, eventually, within};
use crate::store::given;

pub(crate) use receiver::Receiver;

pub(crate) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=";

/// Settings with one HTTP destination and short delays.
pub(crate) fn settings(url: &str) -> Settings {
    let set = |name: &str, value: &str| (format!("QUITTANCE__OUTBOX__{name}"), value.to_owned());
    let of = |name: &str, value: &str| set(&format!("DESTINATIONS__DEFAULT__{name}"), value);
    let mut settings = config::load(
        None,
        [
            set("START", "beginning"),
            set("POLL_INTERVAL", "20ms"),
            of("URL", url),
            of("SECRETS", SECRET),
            of("ALLOW_HTTP", "true"),
            of("ALLOW_PRIVATE", "true"),
            ("QUITTANCE__RETRY__FIRST".to_owned(), "10ms".to_owned()),
            ("QUITTANCE__RETRY__CAP".to_owned(), "20ms".to_owned()),
        ]
        .into_iter(),
    )
    .unwrap();
    // On a slow machine, a live relay must not lose its claims.
    settings.outbox.lease = Duration::from_secs(60);
    settings
}

fn destination(settings: &Settings) -> Destination {
    let http = &settings.outbox.destinations["default"];
    Destination {
        name: "http:default".into(),
        topics: http.topics.clone(),
        at_once: http.concurrency,
        batch: 1,
        channel: Arc::new(HttpChannel::new(http).unwrap()),
    }
}

/// A relay that runs until [`Running::stop`].
pub(crate) struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    pub(crate) fn start(store: &Store, settings: &Settings) -> Self {
        Self::with(store, settings, vec![destination(settings)])
    }

    fn with(store: &Store, settings: &Settings, destinations: Vec<Destination>) -> Self {
        let stop = CancellationToken::new();
        let outbox: &Outbox = &settings.outbox;
        let relay = Relay::new(store.clone(), destinations, outbox, &settings.retry, || 0.5);
        Self { task: tokio::spawn(relay.run(stop.clone())), stop }
    }

    /// Stops the relay, and waits for what is in flight and for what it records.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        within("the relay ends", self.task).await.unwrap();
    }
}

/// Writes an occurrence about an object to the outbox: one row.
pub(crate) async fn write_occurrence(db: &TestDatabase, event: &str, object: &str) {
    let mut settled = given::attempt_failed(event);
    settled.event =
        given::event(event, "payment_intent.payment_failed", Kind::PaymentIntent, object);
    settled.occurrences = vec![Notification::occurrence(Topic::PaymentAttemptFailed)];
    given::apply(&db.store, given::only(vec![settled])).await;
}

/// Waits until a query returns the expected number.
async fn until(db: &TestDatabase, query: &'static str, expected: i64) {
    eventually(query, async || db.number(query).await == expected).await;
}

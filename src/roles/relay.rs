//! Builds a worker's relay from the settings: one channel for each destination.

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::exit::{Exit, Failed};
use crate::config::Settings;
use crate::domain::failure::Failure;
use crate::outbox::{Channel, Destination, HttpChannel, Relay, check_topics};
use crate::queue::{QueueError, StreamEntry, StreamOut};
use crate::store::Store;
use crate::store::outbox::Claimed;

/// Notifications written to the Redis Stream in one round trip.
const STREAM_BATCH: usize = 200;

/// Builds the relay; it has a connection pool of its own beside that of `store`.
pub(crate) fn relay(settings: &Settings, store: &Store) -> Result<Relay, Failed> {
    let mut destinations = Vec::new();
    let outbox = &settings.outbox;
    if outbox.stream.enabled {
        let stream = StreamOut::new(&settings.redis, &settings.queue, outbox.stream.max_length)
            .map_err(|e| Failed::because(Exit::Settings, "redis.url cannot be used", &e))?;
        destinations.push(Destination {
            name: "stream".to_owned(),
            topics: Vec::new(),
            // One after the other keeps the stream in about the order of the outbox.
            at_once: 1,
            batch: STREAM_BATCH,
            channel: Arc::new(StreamChannel(stream)),
        });
    }
    for (name, http) in outbox.destinations.iter().filter(|(_, http)| !http.url.is_empty()) {
        let cannot = |error: &(dyn std::error::Error + 'static)| {
            let what = format!("outbox.destinations.{name} cannot be used");
            Failed::because(Exit::Settings, &what, error)
        };
        check_topics(&http.topics).map_err(|error| cannot(&error))?;
        destinations.push(Destination {
            name: format!("http:{name}"),
            topics: http.topics.clone(),
            at_once: http.concurrency,
            batch: 1,
            channel: Arc::new(HttpChannel::new(http).map_err(|error| cannot(&error))?),
        });
    }
    let store = store
        .for_relay(&settings.database)
        .map_err(|error| Failed::because(Exit::Settings, "database.url cannot be used", &error))?;
    Ok(Relay::new(store, destinations, outbox, &settings.retry, rand::random::<f64>))
}

/// Delivers notifications to the Redis Stream. Here, because the outbox must not know Redis.
struct StreamChannel(StreamOut);

impl Channel for StreamChannel {
    fn deliver<'a>(&'a self, batch: &'a [Claimed]) -> BoxFuture<'a, Vec<Result<(), Failure>>> {
        async move {
            let ids: Vec<_> = batch.iter().map(|one| one.id.to_string()).collect();
            let entries: Vec<_> = batch
                .iter()
                .zip(&ids)
                .map(|(one, id)| StreamEntry { id, topic: &one.topic, body: &one.body })
                .collect();
            let outcome = self.0.add(&entries).await.map_err(|error| failure(&error));
            vec![outcome; batch.len()]
        }
        .boxed()
    }
}

fn failure(error: &QueueError) -> Failure {
    let chain = vec![error.chain()];
    let code = "redis".to_owned();
    Failure { class: error.class(), code, chain, request_id: None, should_retry: None }
}

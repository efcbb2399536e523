//! Delivers events to one endpoint, until they are acknowledged.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::chaos::Random;
use crate::clock::machine_seconds;
use crate::engine::Engine;
use crate::objects::Event;

use super::signature::{forge, sign};
use super::tracker::is_success;
use super::{Delivered, EndpointId, WebhookEndpoint};

/// The version of `Chaos::old_snapshots`.
const OLD_VERSION: &str = "2020-08-27";

type HttpClient = Client<HttpConnector, Full<Bytes>>;

/// Adds an endpoint and starts the task that delivers to it.
pub(crate) fn add_endpoint(engine: &Arc<Engine>, endpoint: WebhookEndpoint) -> EndpointId {
    let (id, endpoint, events) = engine.webhooks.add(endpoint);
    let delivery = Delivery {
        engine: Arc::clone(engine),
        id,
        endpoint,
        slots: Arc::new(Semaphore::new(engine.config.delivery_concurrency.max(1))),
        client: client(),
    };
    engine.tasks.spawn(delivery.run(events));
    id
}

/// One attempt for each endpoint that receives an event, now. Of the chaos profile only
/// `old_snapshots` applies.
pub(crate) async fn deliver_once(engine: &Engine, event: &Event) -> Vec<Delivered> {
    let client = client();
    let mut random = Random::of(engine.config.seed, &event.id);
    let version = random.happens(engine.chaos().old_snapshots).then_some(OLD_VERSION);
    let mut all = Vec::new();
    for (id, endpoint) in engine.webhooks.receivers(event) {
        let status = post(engine, &client, &endpoint, event, version, Forgery::None).await;
        engine.webhooks.tracker.posted(&event.id, id, status);
        all.push(Delivered { endpoint: id, status });
    }
    all
}

#[derive(Clone)]
struct Delivery {
    engine: Arc<Engine>,
    id: EndpointId,
    endpoint: Arc<Mutex<WebhookEndpoint>>,
    slots: Arc<Semaphore>,
    client: HttpClient,
}

impl Delivery {
    /// Takes events in order. A free slot is waited for here and not in the tasks, so that without
    /// chaos and with one slot they also arrive in order.
    async fn run(self, mut events: UnboundedReceiver<Arc<Event>>) {
        let mut number = 0_u64;
        loop {
            let event = tokio::select! {
                () = self.engine.stop.cancelled() => return,
                event = events.recv() => event,
            };
            let Some(event) = event else { return };
            number += 1;
            let plan = self.plan(&event, number);
            for after in &plan.copies {
                self.engine.webhooks.tracker.started(true);
                self.spawn(Arc::clone(&event), *after, plan.old, Forgery::None, None);
            }
            if let Some(forgery) = plan.forgery {
                self.engine.webhooks.tracker.started(false);
                self.spawn(Arc::clone(&event), Duration::ZERO, false, forgery, None);
            }
            let slot = if plan.delay.is_zero() {
                let slot = tokio::select! {
                    () = self.engine.stop.cancelled() => return,
                    slot = Arc::clone(&self.slots).acquire_owned() => slot,
                };
                slot.ok()
            } else {
                None
            };
            self.spawn(event, plan.delay, plan.old, Forgery::None, slot);
        }
    }

    fn plan(&self, event: &Event, number: u64) -> Plan {
        let chaos = self.engine.chaos();
        // The number makes a redelivery's choices differ from those of the first delivery.
        let what = format!("{} {:?} {number}", event.id, self.id);
        let mut random = Random::of(self.engine.config.seed, &what);
        let delay = chaos.delay + random.up_to(chaos.reorder_within);
        let duplicated = random.happens(chaos.duplicates);
        let copies = if duplicated { 1 + random.below(2) } else { 0 };
        let copies = (0..copies).map(|_| delay + random.up_to(chaos.duplicates_within)).collect();
        let forged = random.happens(chaos.forged);
        let kind = if random.coin() { Forgery::OnlyV0 } else { Forgery::WrongSecret };
        Plan {
            delay,
            copies,
            forgery: forged.then_some(kind),
            old: random.happens(chaos.old_snapshots),
        }
    }

    fn spawn(
        &self,
        event: Arc<Event>,
        delay: Duration,
        old: bool,
        forgery: Forgery,
        slot: Option<tokio::sync::OwnedSemaphorePermit>,
    ) {
        let (delivery, engine) = (self.clone(), Arc::clone(&self.engine));
        engine.tasks.spawn(async move {
            let stop = delivery.engine.stop.clone();
            tokio::select! {
                () = stop.cancelled() => {}
                () = delivery.deliver(&event, delay, old, forgery, slot) => {}
            }
            delivery.engine.webhooks.tracker.finished();
        });
    }

    /// Posts one copy until it is acknowledged or given up. A forgery is posted once.
    async fn deliver(
        &self,
        event: &Event,
        delay: Duration,
        old: bool,
        forgery: Forgery,
        mut slot: Option<tokio::sync::OwnedSemaphorePermit>,
    ) {
        let engine = &self.engine;
        let retries = engine.config.retries;
        let mut gap = retries.first_gap;
        let mut attempts = 0;
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        loop {
            if slot.is_none() {
                slot = Arc::clone(&self.slots).acquire_owned().await.ok();
            }
            let endpoint = self.endpoint.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let version = old.then_some(OLD_VERSION);
            let status = post(engine, &self.client, &endpoint, event, version, forgery).await;
            drop(slot.take());
            if forgery != Forgery::None {
                return engine.webhooks.tracker.forged(status);
            }
            engine.webhooks.tracker.posted(&event.id, self.id, status);
            attempts += 1;
            if is_success(status) {
                return;
            }
            if retries.max_attempts.is_some_and(|most| attempts >= most) {
                return engine.webhooks.tracker.abandoned();
            }
            tokio::time::sleep(gap).await;
            gap = (gap * 2).min(retries.max_gap);
        }
    }
}

struct Plan {
    delay: Duration,
    copies: Vec<Duration>,
    forgery: Option<Forgery>,
    old: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Forgery {
    None,
    OnlyV0,
    WrongSecret,
}

/// One POST; the status, or none if no answer came in time.
///
/// The body is rendered anew each time, since `pending_webhooks` changes, and `t` is the machine's
/// time and not the simulator's: the verifier on the other side has no other clock.
async fn post(
    engine: &Engine,
    client: &HttpClient,
    endpoint: &WebhookEndpoint,
    event: &Event,
    version: Option<&str>,
    forgery: Forgery,
) -> Option<u16> {
    let version = version.or(endpoint.api_version.as_deref());
    let version = version.unwrap_or(&engine.config.api_version);
    let value = event.render(version, engine.webhooks.pending(&event.id));
    let body = serde_json::to_vec_pretty(&value).unwrap_or_default();
    let t = machine_seconds() - engine.chaos().signature_age;
    let signature = match forgery {
        Forgery::None => sign(&endpoint.secrets, t, &body),
        Forgery::OnlyV0 => forge(&endpoint.secrets, t, &body, true),
        Forgery::WrongSecret => forge(&endpoint.secrets, t, &body, false),
    };
    let request = Request::post(&endpoint.url)
        .header("content-type", "application/json; charset=utf-8")
        .header("user-agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
        .header("stripe-signature", signature)
        .body(Full::new(Bytes::from(body)));
    let request = match request {
        Ok(request) => request,
        Err(error) => {
            tracing::warn!(%error, url = endpoint.url, "a webhook's address is not one");
            return None;
        }
    };
    let exchange = async {
        let response = client.request(request).await?;
        let status = response.status().as_u16();
        // Read to its end, so that the connection can be used again.
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(
            response.into_body().collect().await.map(|_| status)?,
        )
    };
    match tokio::time::timeout(engine.config.delivery_timeout, exchange).await {
        Ok(Ok(status)) => Some(status),
        Ok(Err(error)) => {
            tracing::debug!(error = &*error, event = event.id, "a delivery got no answer");
            None
        }
        Err(_) => {
            tracing::debug!(event = event.id, "a delivery got no answer in time");
            None
        }
    }
}

fn client() -> HttpClient {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    Client::builder(TokioExecutor::new()).build(connector)
}

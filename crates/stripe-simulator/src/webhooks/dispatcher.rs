//! Which event goes to which endpoint, and the queue in which it waits there.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::watch;

use crate::objects::Event;
use crate::stats::WebhookCounts;

use super::tracker::Tracker;
use super::{EndpointId, WebhookEndpoint};

/// The endpoints, each with a queue of its own, so that one that does not answer delays no other.
#[derive(Default)]
pub(crate) struct Dispatcher {
    queues: Mutex<Vec<EndpointQueue>>,
    next: AtomicUsize,
    pub(super) tracker: Arc<Tracker>,
}

struct EndpointQueue {
    id: EndpointId,
    endpoint: Arc<Mutex<WebhookEndpoint>>,
    sender: UnboundedSender<Arc<Event>>,
}

impl Dispatcher {
    /// Adds an endpoint; the caller delivers what comes out of its queue.
    pub(super) fn add(
        &self,
        endpoint: WebhookEndpoint,
    ) -> (EndpointId, Arc<Mutex<WebhookEndpoint>>, UnboundedReceiver<Arc<Event>>) {
        let id = EndpointId(self.next.fetch_add(1, Ordering::Relaxed));
        let (sender, events) = mpsc::unbounded_channel();
        let endpoint = Arc::new(Mutex::new(endpoint));
        self.queues().push(EndpointQueue { id, endpoint: Arc::clone(&endpoint), sender });
        (id, endpoint, events)
    }

    /// Changes an endpoint; false if there is none of this id.
    pub(crate) fn change(&self, id: EndpointId, change: impl FnOnce(&mut WebhookEndpoint)) -> bool {
        let queues = self.queues();
        let found = queues.iter().find(|queue| queue.id == id);
        if let Some(queue) = found {
            change(&mut queue.endpoint.lock().unwrap_or_else(PoisonError::into_inner));
        }
        found.is_some()
    }

    /// Queues a new event for each endpoint that receives it, now or when it is asked for.
    pub(crate) fn publish(&self, event: &Arc<Event>, send: bool) {
        for queue in self.queues().iter().filter(|queue| queue.receives(event)) {
            self.tracker.publish(&event.id, queue.id, !send);
            if send {
                self.send(queue, event, false);
            }
        }
    }

    /// Queues an event again, for each endpoint that receives it.
    pub(crate) fn redeliver(&self, event: &Arc<Event>) {
        for queue in self.queues().iter().filter(|queue| queue.receives(event)) {
            self.send(queue, event, true);
        }
    }

    /// Queues what was held back; `find` gives the event of an id.
    pub(crate) fn release(&self, find: impl Fn(&str) -> Option<Arc<Event>>) {
        // Looked up first: `find` takes the lock of the objects, which is taken before ours elsewhere.
        let held = self.tracker.take_held().into_iter();
        let held: Vec<_> = held.filter_map(|(id, to)| find(&id).map(|event| (event, to))).collect();
        let queues = self.queues();
        for (event, endpoint) in held {
            if let Some(queue) = queues.iter().find(|queue| queue.id == endpoint) {
                self.send(queue, &event, false);
            }
        }
    }

    /// The endpoints that receive an event.
    pub(super) fn receivers(&self, event: &Event) -> Vec<(EndpointId, WebhookEndpoint)> {
        let queues = self.queues();
        let receiving = queues.iter().filter(|queue| queue.receives(event));
        receiving.map(|queue| (queue.id, queue.snapshot())).collect()
    }

    /// The webhook endpoints of a mode, newest first, as API v1 lists them.
    pub(crate) fn endpoints(&self, livemode: bool) -> Vec<Value> {
        self.all(livemode, false, WebhookEndpoint::render)
    }

    /// The event destinations of a mode, newest first, as API v2 lists them.
    pub(crate) fn destinations(&self, livemode: bool, with_url: bool) -> Vec<Value> {
        self.all(livemode, true, |endpoint, id| endpoint.render_destination(id, with_url))
    }

    fn all(
        &self,
        livemode: bool,
        destinations: bool,
        render: impl Fn(&WebhookEndpoint, EndpointId) -> Value,
    ) -> Vec<Value> {
        let queues = self.queues();
        let all = queues.iter().rev().map(|queue| (queue.id, queue.snapshot()));
        let wanted = all.filter(|(_, endpoint)| {
            (endpoint.livemode, endpoint.is_destination) == (livemode, destinations)
        });
        wanted.map(|(id, endpoint)| render(&endpoint, id)).collect()
    }

    /// Stripe's `pending_webhooks`.
    pub(crate) fn pending(&self, event: &str) -> usize {
        self.tracker.pending(event)
    }

    pub(crate) fn unacknowledged(&self) -> Vec<String> {
        self.tracker.unacknowledged()
    }

    pub(crate) fn counts(&self) -> WebhookCounts {
        self.tracker.counts()
    }

    /// Deliveries that are neither acknowledged nor given up.
    pub(crate) fn in_flight(&self) -> usize {
        *self.watch().borrow()
    }

    pub(crate) fn watch(&self) -> watch::Receiver<usize> {
        self.tracker.watch()
    }

    fn send(&self, queue: &EndpointQueue, event: &Arc<Event>, duplicate: bool) {
        self.tracker.started(duplicate);
        if queue.sender.send(Arc::clone(event)).is_err() {
            // Only a simulator that has stopped takes nothing out of its queues.
            self.tracker.finished();
        }
    }

    fn queues(&self) -> MutexGuard<'_, Vec<EndpointQueue>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EndpointQueue {
    fn receives(&self, event: &Event) -> bool {
        self.endpoint.lock().unwrap_or_else(PoisonError::into_inner).receives(event)
    }

    fn snapshot(&self) -> WebhookEndpoint {
        self.endpoint.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

//! Which event goes to whom, and in which line it waits.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::watch;

use crate::objects::Event;
use crate::stats::WebhookCounts;

use super::delivery::Parcel;
use super::tracker::Tracker;
use super::{EndpointId, WebhookEndpoint};

/// The endpoints, each with a line of its own, so that a dead one holds up nobody else.
#[derive(Default)]
pub(crate) struct Dispatcher {
    lines: Mutex<Vec<Line>>,
    next: AtomicUsize,
    pub(super) tracker: Arc<Tracker>,
}

struct Line {
    id: EndpointId,
    endpoint: Arc<Mutex<WebhookEndpoint>>,
    queue: UnboundedSender<Parcel>,
}

impl Dispatcher {
    /// Opens a line; the caller runs a courier on its other end.
    pub(super) fn open(
        &self,
        endpoint: WebhookEndpoint,
    ) -> (EndpointId, Arc<Mutex<WebhookEndpoint>>, UnboundedReceiver<Parcel>) {
        let id = EndpointId(self.next.fetch_add(1, Ordering::Relaxed));
        let (queue, parcels) = mpsc::unbounded_channel();
        let endpoint = Arc::new(Mutex::new(endpoint));
        self.lines().push(Line { id, endpoint: Arc::clone(&endpoint), queue });
        (id, endpoint, parcels)
    }

    /// Changes an endpoint; false if there is none of this id.
    pub(crate) fn change(&self, id: EndpointId, change: impl FnOnce(&mut WebhookEndpoint)) -> bool {
        let lines = self.lines();
        let found = lines.iter().find(|line| line.id == id);
        if let Some(line) = found {
            change(&mut line.endpoint.lock().unwrap_or_else(PoisonError::into_inner));
        }
        found.is_some()
    }

    /// An event happened: it goes to all who listen, now or when asked for.
    pub(crate) fn announce(&self, event: &Arc<Event>, send: bool) {
        for line in self.lines().iter().filter(|line| line.hears(event)) {
            self.tracker.announce(&event.id, line.id, !send);
            if send {
                self.send(line, event, false);
            }
        }
    }

    /// Sends an event again, to all who listen.
    pub(crate) fn redeliver(&self, event: &Arc<Event>) {
        for line in self.lines().iter().filter(|line| line.hears(event)) {
            self.send(line, event, true);
        }
    }

    /// Sends what was held back; `find` gives the event of an id.
    pub(crate) fn release(&self, find: impl Fn(&str) -> Option<Arc<Event>>) {
        // Looked up first: `find` takes the lock of the books, which is taken before ours elsewhere.
        let held = self.tracker.take_held().into_iter();
        let held: Vec<_> = held.filter_map(|(id, to)| find(&id).map(|event| (event, to))).collect();
        let lines = self.lines();
        for (event, endpoint) in held {
            if let Some(line) = lines.iter().find(|line| line.id == endpoint) {
                self.send(line, &event, false);
            }
        }
    }

    /// The endpoints that listen to an event.
    pub(super) fn listeners(&self, event: &Event) -> Vec<(EndpointId, WebhookEndpoint)> {
        let lines = self.lines();
        let hearing = lines.iter().filter(|line| line.hears(event));
        hearing.map(|line| (line.id, line.snapshot())).collect()
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
        let lines = self.lines();
        let all = lines.iter().rev().map(|line| (line.id, line.snapshot()));
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
    pub(crate) fn under_way(&self) -> usize {
        *self.watch().borrow()
    }

    pub(crate) fn watch(&self) -> watch::Receiver<usize> {
        self.tracker.watch()
    }

    fn send(&self, line: &Line, event: &Arc<Event>, duplicate: bool) {
        self.tracker.set_out(duplicate);
        if line.queue.send(Parcel { event: Arc::clone(event) }).is_err() {
            // Only a simulator that has stopped has no courier.
            self.tracker.arrived();
        }
    }

    fn lines(&self) -> MutexGuard<'_, Vec<Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    fn hears(&self, event: &Event) -> bool {
        self.endpoint.lock().unwrap_or_else(PoisonError::into_inner).hears(event)
    }

    fn snapshot(&self) -> WebhookEndpoint {
        self.endpoint.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

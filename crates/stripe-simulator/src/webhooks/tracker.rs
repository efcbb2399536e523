//! State of each delivery.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::stats::WebhookCounts;

use super::EndpointId;

/// Counts deliveries, and says when none is in flight.
pub(crate) struct Tracker {
    inner: Mutex<Deliveries>,
    /// Copies that are being delivered, first ones and others.
    in_flight: watch::Sender<usize>,
}

#[derive(Default)]
struct Deliveries {
    counts: WebhookCounts,
    by_event: HashMap<String, Vec<EndpointDelivery>>,
    /// Ids of events in the order in which they happened.
    order: Vec<String>,
}

struct EndpointDelivery {
    endpoint: EndpointId,
    acknowledged: bool,
    /// Kept back until the test asks for it.
    held: bool,
}

impl Default for Tracker {
    fn default() -> Self {
        Self { inner: Mutex::default(), in_flight: watch::Sender::new(0) }
    }
}

impl Tracker {
    /// A delivery is due.
    pub(super) fn publish(&self, event: &str, endpoint: EndpointId, held: bool) {
        let mut inner = self.lock();
        inner.counts.deliveries += 1;
        if !inner.by_event.contains_key(event) {
            inner.order.push(event.to_owned());
        }
        let delivery = EndpointDelivery { endpoint, acknowledged: false, held };
        inner.by_event.entry(event.to_owned()).or_default().push(delivery);
    }

    /// The delivery of a copy begins; `duplicate` if it is not the first.
    pub(super) fn started(&self, duplicate: bool) {
        self.lock().counts.duplicates += u64::from(duplicate);
        self.in_flight.send_modify(|count| *count += 1);
    }

    /// The delivery of a copy is over, acknowledged or given up.
    pub(super) fn finished(&self) {
        self.in_flight.send_modify(|count| *count = count.saturating_sub(1));
    }

    /// One POST was answered, or was not.
    pub(super) fn posted(&self, event: &str, endpoint: EndpointId, status: Option<u16>) {
        let mut inner = self.lock();
        let inner = &mut *inner;
        inner.counts.sent += 1;
        let good = is_success(status);
        inner.counts.failed += u64::from(!good);
        let by_event = inner.by_event.entry(event.to_owned()).or_default();
        if let Some(delivery) = by_event.iter_mut().find(|delivery| delivery.endpoint == endpoint) {
            delivery.held = false;
            if good && !delivery.acknowledged {
                delivery.acknowledged = true;
                inner.counts.acknowledged += 1;
            }
        }
    }

    pub(super) fn forged(&self, status: Option<u16>) {
        let mut inner = self.lock();
        inner.counts.forged += 1;
        inner.counts.forged_accepted += u64::from(is_success(status));
    }

    pub(super) fn abandoned(&self) {
        self.lock().counts.abandoned += 1;
    }

    /// Deliveries that were held back; they count as due from here on.
    pub(super) fn take_held(&self) -> Vec<(String, EndpointId)> {
        let mut inner = self.lock();
        let Deliveries { order, by_event, .. } = &mut *inner;
        let mut taken = Vec::new();
        for event in order.iter() {
            for delivery in
                by_event.get_mut(event).into_iter().flatten().filter(|delivery| delivery.held)
            {
                delivery.held = false;
                taken.push((event.clone(), delivery.endpoint));
            }
        }
        taken
    }

    /// Endpoints that have yet to acknowledge an event: Stripe's `pending_webhooks`.
    pub(super) fn pending(&self, event: &str) -> usize {
        let inner = self.lock();
        inner
            .by_event
            .get(event)
            .map_or(0, |by_event| by_event.iter().filter(|delivery| !delivery.acknowledged).count())
    }

    /// Events that are due and that some endpoint has not acknowledged.
    pub(super) fn unacknowledged(&self) -> Vec<String> {
        let inner = self.lock();
        let open = |event: &&String| {
            let by_event = inner.by_event.get(*event);
            by_event.is_some_and(|by_event| {
                by_event.iter().any(|delivery| !delivery.acknowledged && !delivery.held)
            })
        };
        inner.order.iter().filter(open).cloned().collect()
    }

    pub(super) fn counts(&self) -> WebhookCounts {
        self.lock().counts
    }

    pub(super) fn watch(&self) -> watch::Receiver<usize> {
        self.in_flight.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, Deliveries> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn is_success(status: Option<u16>) -> bool {
    status.is_some_and(|status| (200..300).contains(&status))
}

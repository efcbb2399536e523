//! What has become of each delivery.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::stats::WebhookCounts;

use super::EndpointId;

/// Counts deliveries, and tells when none is under way.
pub(crate) struct Tracker {
    inner: Mutex<Inner>,
    /// Copies that are on their way, first ones and others.
    under_way: watch::Sender<usize>,
}

#[derive(Default)]
struct Inner {
    counts: WebhookCounts,
    legs: HashMap<String, Vec<Leg>>,
    /// Ids of events in the order in which they were announced.
    order: Vec<String>,
}

struct Leg {
    endpoint: EndpointId,
    acknowledged: bool,
    /// Announced, and kept back until someone asks for it.
    held: bool,
}

impl Default for Tracker {
    fn default() -> Self {
        Self { inner: Mutex::default(), under_way: watch::Sender::new(0) }
    }
}

impl Tracker {
    /// A delivery is due.
    pub(super) fn announce(&self, event: &str, endpoint: EndpointId, held: bool) {
        let mut inner = self.lock();
        inner.counts.deliveries += 1;
        if !inner.legs.contains_key(event) {
            inner.order.push(event.to_owned());
        }
        let leg = Leg { endpoint, acknowledged: false, held };
        inner.legs.entry(event.to_owned()).or_default().push(leg);
    }

    /// A copy sets out; `duplicate` if it is not the first.
    pub(super) fn set_out(&self, duplicate: bool) {
        self.lock().counts.duplicates += u64::from(duplicate);
        self.under_way.send_modify(|count| *count += 1);
    }

    /// A copy's journey is over.
    pub(super) fn arrived(&self) {
        self.under_way.send_modify(|count| *count = count.saturating_sub(1));
    }

    /// One POST was answered, or was not.
    pub(super) fn posted(&self, event: &str, endpoint: EndpointId, status: Option<u16>) {
        let mut inner = self.lock();
        let inner = &mut *inner;
        inner.counts.sent += 1;
        let good = is_success(status);
        inner.counts.failed += u64::from(!good);
        let legs = inner.legs.entry(event.to_owned()).or_default();
        if let Some(leg) = legs.iter_mut().find(|leg| leg.endpoint == endpoint) {
            leg.held = false;
            if good && !leg.acknowledged {
                leg.acknowledged = true;
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
        let Inner { order, legs, .. } = &mut *inner;
        let mut taken = Vec::new();
        for event in order.iter() {
            for leg in legs.get_mut(event).into_iter().flatten().filter(|leg| leg.held) {
                leg.held = false;
                taken.push((event.clone(), leg.endpoint));
            }
        }
        taken
    }

    /// Endpoints that have yet to acknowledge an event: Stripe's `pending_webhooks`.
    pub(super) fn pending(&self, event: &str) -> usize {
        let inner = self.lock();
        inner.legs.get(event).map_or(0, |legs| legs.iter().filter(|leg| !leg.acknowledged).count())
    }

    /// Events that are due and that some endpoint has not acknowledged.
    pub(super) fn unacknowledged(&self) -> Vec<String> {
        let inner = self.lock();
        let open = |event: &&String| {
            let legs = inner.legs.get(*event);
            legs.is_some_and(|legs| legs.iter().any(|leg| !leg.acknowledged && !leg.held))
        };
        inner.order.iter().filter(open).cloned().collect()
    }

    pub(super) fn counts(&self) -> WebhookCounts {
        self.lock().counts
    }

    pub(super) fn watch(&self) -> watch::Receiver<usize> {
        self.under_way.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn is_success(status: Option<u16>) -> bool {
    status.is_some_and(|status| (200..300).contains(&status))
}

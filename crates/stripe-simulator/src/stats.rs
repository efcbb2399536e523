//! Counts of requests and deliveries.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// A snapshot of all counters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// Answers of the API, by endpoint and status.
    pub requests: Vec<RequestCount>,
    /// Deliveries.
    pub webhooks: WebhookCounts,
}

/// Answers of one endpoint with one status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestCount {
    /// `GET /v1/payment_intents/{id}`
    pub endpoint: String,
    /// The HTTP status; none where the connection ended without an answer.
    pub status: Option<u16>,
    /// How many.
    pub count: u64,
}

/// Deliveries, counted. A delivery is one event to one endpoint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WebhookCounts {
    /// Deliveries that are due or were made.
    pub deliveries: u64,
    /// POSTs of events, copies and repetitions included, forgeries not.
    pub sent: u64,
    /// Copies beyond the first, because of chaos or of a redelivery.
    pub duplicates: u64,
    /// Deliveries that were answered 2xx at least once.
    pub acknowledged: u64,
    /// POSTs that were not answered 2xx.
    pub failed: u64,
    /// Deliveries given up after the most attempts that are allowed.
    pub abandoned: u64,
    /// Forged copies sent.
    pub forged: u64,
    /// Forged copies that were answered 2xx: each one is a hole in a verifier.
    pub forged_accepted: u64,
}

impl Stats {
    /// All requests of an endpoint, or of all of them.
    #[must_use]
    pub fn requests_to(&self, endpoint: Option<&str>) -> u64 {
        let wanted = |row: &&RequestCount| endpoint.is_none_or(|name| row.endpoint == name);
        self.requests.iter().filter(wanted).map(|row| row.count).sum()
    }
}

#[derive(Default)]
pub(crate) struct RequestCounters(Mutex<BTreeMap<(String, Option<u16>), u64>>);

impl RequestCounters {
    pub(crate) fn count(&self, endpoint: String, status: Option<u16>) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry((endpoint, status)).or_default() += 1;
    }

    pub(crate) fn snapshot(&self) -> Vec<RequestCount> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let row = |((endpoint, status), count): (&(String, Option<u16>), &u64)| RequestCount {
            endpoint: endpoint.clone(),
            status: *status,
            count: *count,
        };
        counts.iter().map(row).collect()
    }
}

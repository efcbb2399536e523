//! Metrics of the client.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::answer::Answer;
use super::error::StripeError;

/// Upper bounds in seconds of a request: Stripe takes a tenth of one, `stripe.timeout` ends it.
const REQUESTS: [f64; 11] = [0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// Upper bounds in seconds of the wait for a token; a longer one than the last gives the job back.
const WAITS: [f64; 8] = [0.001, 0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0];

/// The statuses that Stripe documents (docs.stripe.com, "Errors"). Others come from what stands in
/// between, and are counted together by their first digit.
const STATUSES: [(u16, &str); 14] = [
    (200, "200"),
    (400, "400"),
    (401, "401"),
    (402, "402"),
    (403, "403"),
    (404, "404"),
    (409, "409"),
    (424, "424"),
    (429, "429"),
    (500, "500"),
    (501, "501"),
    (502, "502"),
    (503, "503"),
    (504, "504"),
];

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RequestLabels {
    /// The first part of the path: a name out of our own code.
    endpoint: &'static str,
    status: &'static str,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct LimiterLabels {
    result: &'static str,
}

/// The counters of the client. Clones count together.
#[derive(Debug, Clone)]
pub struct Metrics {
    requests: Family<RequestLabels, Counter>,
    duration: Histogram,
    limiter: Family<LimiterLabels, Histogram, fn() -> Histogram>,
}

/// Counted, and shown to nobody.
impl Default for Metrics {
    fn default() -> Self {
        Self::new(&mut Registry::default())
    }
}

impl Metrics {
    /// Makes them known to a registry.
    #[must_use]
    pub fn new(registry: &mut Registry) -> Self {
        let metrics = Self {
            requests: Family::default(),
            duration: Histogram::new(REQUESTS),
            limiter: Family::new_with_constructor(|| Histogram::new(WAITS)),
        };
        for result in ["granted", "refused"] {
            drop(metrics.limiter.get_or_create(&LimiterLabels { result }));
        }
        registry.register(
            "quittance_stripe_requests",
            "Requests to Stripe, by endpoint and by the status of the answer, or why there was none",
            metrics.requests.clone(),
        );
        registry.register(
            "quittance_stripe_request_duration_seconds",
            "Time from sending a request to Stripe to the end of its answer, or until it was abandoned",
            metrics.duration.clone(),
        );
        registry.register(
            "quittance_stripe_limiter_wait_seconds",
            "Time that a request waited for our own limiter, before it was granted, or its job returned to the queue",
            metrics.limiter.clone(),
        );
        metrics
    }

    pub(super) fn asked(
        &self,
        endpoint: &'static str,
        answer: &Result<Answer, StripeError>,
        took: Duration,
    ) {
        let status = match answer {
            Ok(answer) => status(answer.meta.status.as_u16()),
            Err(StripeError::Unreachable(_)) => "unreachable",
            Err(StripeError::TimedOut { .. }) => "timed_out",
            Err(_) => "broken",
        };
        self.requests.get_or_create(&RequestLabels { endpoint, status }).inc();
        self.duration.observe(took.as_secs_f64());
    }

    pub(super) fn limited(&self, granted: bool, waited: Duration) {
        let result = if granted { "granted" } else { "refused" };
        self.limiter.get_or_create(&LimiterLabels { result }).observe(waited.as_secs_f64());
    }
}

fn status(code: u16) -> &'static str {
    let known = STATUSES.iter().find(|(known, _)| *known == code);
    known.map_or(
        match code / 100 {
            2 => "2xx",
            3 => "3xx",
            4 => "4xx",
            _ => "5xx",
        },
        |(_, text)| text,
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn whatever_stands_in_between_answers_the_labels_stay_few() {
        let all: BTreeSet<_> = (100..=999).map(status).collect();
        assert_eq!(all.len(), STATUSES.len() + 4);
        assert_eq!((status(429), status(418), status(204)), ("429", "4xx", "2xx"));
    }
}

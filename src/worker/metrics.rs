//! Metrics of a worker.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use tokio::sync::watch;

use super::outages::Pause;
use super::slots::Slots;
use crate::domain::event::Event;
use crate::domain::failure::{Class, Dependency};
use crate::domain::object::Kind;
use crate::queue::{Lane, RedisHealth};
use crate::store::dead_letter::DeadLetterReason;

/// Upper bounds in seconds of an attempt: from a covered event to `worker.job_timeout`.
const ATTEMPTS: [f64; 12] = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 45.0];

/// Upper bounds in seconds of a wait: from an empty queue to the day after an outage.
const WAITS: [f64; 14] =
    [0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 1800.0, 7200.0, 86400.0];

/// Label of the kind of an object that is none of ours, and of an event without one.
const OTHER: &str = "other";

type Waits = Family<LaneLabels, Histogram, fn() -> Histogram>;

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct SettledLabels {
    kind: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct FailedLabels {
    class: &'static str,
    next: &'static str,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct DeadLetterLabels {
    class: &'static str,
    reason: &'static str,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ResultLabels {
    result: &'static str,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct LaneLabels {
    lane: &'static str,
}

/// The counters of a worker. Clones count together.
#[derive(Debug, Clone)]
pub struct Metrics {
    settled: Family<SettledLabels, Counter>,
    failed: Family<FailedLabels, Counter>,
    dead_letters: Family<DeadLetterLabels, Counter>,
    attempts: Family<ResultLabels, Histogram, fn() -> Histogram>,
    waited: Waits,
    took: Waits,
    running: Gauge,
    slots: Gauge,
    watched: Arc<OnceLock<Watched>>,
}

/// Metrics that no page shows.
impl Default for Metrics {
    fn default() -> Self {
        Self::new(&mut Registry::default())
    }
}

impl Metrics {
    /// Makes them known to a registry.
    #[must_use]
    pub fn new(registry: &mut Registry) -> Self {
        let waits = || Family::new_with_constructor((|| Histogram::new(WAITS)) as fn() -> _);
        let metrics = Self {
            settled: Family::default(),
            failed: Family::default(),
            dead_letters: Family::default(),
            attempts: Family::new_with_constructor(|| Histogram::new(ATTEMPTS)),
            waited: waits(),
            took: waits(),
            running: Gauge::default(),
            slots: Gauge::default(),
            watched: Arc::default(),
        };
        metrics.show_from_the_start();
        let Self { settled, failed, dead_letters, attempts, waited, took, running, slots, watched } =
            metrics.clone();
        registry.register(
            "quittance_jobs_settled",
            "Events that were processed, by object type and outcome",
            settled,
        );
        registry.register(
            "quittance_attempts_failed",
            "Attempts that failed, by class of the failure and by what happens next",
            failed,
        );
        registry.register(
            "quittance_dead_letters_written",
            "Jobs that were dead-lettered, by class of the last failure and by reason",
            dead_letters,
        );
        registry.register(
            "quittance_attempt_duration_seconds",
            "Duration of one attempt",
            attempts,
        );
        registry.register(
            "quittance_job_wait_seconds",
            "Time from the receipt of an event to its first attempt",
            waited,
        );
        registry.register(
            "quittance_event_settle_seconds",
            "Time from the receipt of an event until it was processed, waits and retries included",
            took,
        );
        registry.register(
            "quittance_jobs_running",
            "Jobs that this worker has claimed and is running now",
            running,
        );
        registry.register(
            "quittance_job_slots",
            "Maximum number of jobs that this worker runs at once",
            slots,
        );
        registry.register_collector(Box::new(Watching(watched)));
        metrics
    }
    /// A counter that appears with its first count has no increase that an alert could see.
    fn show_from_the_start(&self) {
        for result in ["settled", "failed"] {
            drop(self.attempts.get_or_create(&ResultLabels { result }));
        }
        for lane in Lane::ALL.map(Lane::as_str) {
            drop(self.waited.get_or_create(&LaneLabels { lane }));
            drop(self.took.get_or_create(&LaneLabels { lane }));
        }
        for (class, next) in FAILURES {
            drop(self.failed.get_or_create(&FailedLabels { class, next }));
        }
        for (class, reason) in LETTERS {
            let (class, reason) = (class.as_str(), reason.as_str());
            drop(self.dead_letters.get_or_create(&DeadLetterLabels { class, reason }));
        }
    }

    /// An event was settled: `took` since its receipt, `attempt` of it this time.
    pub(super) fn settled(&self, settled: &Settlement<'_>) {
        let Settlement { event, outcome, lane, attempt, took } = settled;
        let object = event.about.as_ref().map(|about| &*about.object);
        let kind = object.and_then(Kind::parse).map_or(OTHER, Kind::as_str);
        self.settled.get_or_create(&SettledLabels { kind, outcome }).inc();
        self.took.get_or_create(&LaneLabels { lane: lane.as_str() }).observe(took.as_secs_f64());
        self.attempted("settled", *attempt);
    }

    /// An attempt failed, and what follows from it.
    pub(super) fn failed(&self, class: Class, next: &'static str, attempt: Duration) {
        self.failed.get_or_create(&FailedLabels { class: class.as_str(), next }).inc();
        self.attempted("failed", attempt);
    }

    fn attempted(&self, result: &'static str, took: Duration) {
        self.attempts.get_or_create(&ResultLabels { result }).observe(took.as_secs_f64());
    }

    /// A dead letter was written.
    pub(super) fn gave_up(&self, class: Class, reason: DeadLetterReason) {
        let labels = DeadLetterLabels { class: class.as_str(), reason: reason.as_str() };
        self.dead_letters.get_or_create(&labels).inc();
    }

    /// A job's first attempt begins, so long after its receipt.
    pub(super) fn waited(&self, lane: Lane, wait: Duration) {
        self.waited.get_or_create(&LaneLabels { lane: lane.as_str() }).observe(wait.as_secs_f64());
    }

    /// Counts a job as running until this is dropped.
    pub(super) fn running(&self) -> Running {
        self.running.inc();
        Running(self.running.clone())
    }

    /// A worker begins.
    pub(super) fn begin(
        &self,
        concurrency: usize,
        slots: &Slots,
        outages: watch::Receiver<Option<Pause>>,
        redis: watch::Receiver<RedisHealth>,
    ) {
        self.slots.set(i64::try_from(concurrency).unwrap_or(i64::MAX));
        // A second worker in one process, which only a test has, is not watched.
        let _ = self.watched.set(Watched { slots: slots.clone(), outages, redis });
    }
}

/// Labels and times of a settled event.
pub(super) struct Settlement<'a> {
    pub(super) event: &'a Event,
    pub(super) outcome: &'static str,
    pub(super) lane: Lane,
    pub(super) attempt: Duration,
    pub(super) took: Duration,
}

/// A running job.
#[derive(Debug)]
pub(super) struct Running(Gauge);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Usual next steps of each class of failure; outages follow from none, for they cost no attempt.
const FAILURES: [(&str, &str); 5] = [
    ("permanent", "dead_letter"),
    ("transient", "retry"),
    ("transient", "dead_letter"),
    ("rate_limited", "snooze"),
    ("too_early", "snooze"),
];

/// The ends that a job can have as a dead letter.
const LETTERS: [(Class, DeadLetterReason); 4] = [
    (Class::Permanent, DeadLetterReason::Permanent),
    (Class::Permanent, DeadLetterReason::Undecodable),
    (Class::Permanent, DeadLetterReason::Poison),
    (Class::Transient, DeadLetterReason::Exhausted),
];

#[derive(Debug)]
struct Watched {
    slots: Slots,
    outages: watch::Receiver<Option<Pause>>,
    redis: watch::Receiver<RedisHealth>,
}

/// What the worker waits for, and how much it may run, read where it stands: a copy could be left
/// behind.
#[derive(Debug)]
struct Watching(Arc<OnceLock<Watched>>);

impl Collector for Watching {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let Some(watched) = self.0.get() else { return Ok(()) };
        let allowed = encoder.encode_descriptor(
            "quittance_attempt_slots",
            "Attempts that this worker allows at once now: quittance_job_slots, or fewer after attempts that timed out",
            None,
            MetricType::Gauge,
        )?;
        let limit = i64::try_from(watched.slots.limit()).unwrap_or(i64::MAX);
        ConstGauge::new(limit).encode(allowed)?;
        let mut family = encoder.encode_descriptor(
            "quittance_worker_paused",
            "Whether the worker waits for a dependency, because it is down or because our settings for it are wrong",
            None,
            MetricType::Gauge,
        )?;
        let outages = watched.outages.borrow().clone();
        let redis_down = matches!(*watched.redis.borrow(), RedisHealth::Down { .. });
        for dependency in [Dependency::Redis, Dependency::Postgres, Dependency::Stripe] {
            let pause_of = outages.as_ref().filter(|pause| pause.cause.dependency == dependency);
            let down = pause_of.is_some_and(|pause| !pause.cause.misconfigured)
                || (dependency == Dependency::Redis && redis_down);
            let wrong = pause_of.is_some_and(|pause| pause.cause.misconfigured);
            for (cause, holds) in [("down", down), ("settings", wrong)] {
                let labels = [("dependency", dependency.as_str()), ("cause", cause)];
                let metric = family.encode_family(&labels)?;
                ConstGauge::new(i64::from(holds)).encode(metric)?;
            }
        }
        Ok(())
    }
}

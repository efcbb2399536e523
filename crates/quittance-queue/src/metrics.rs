//! Metrics of the queue: its depth and its pauses, looked up when they are scraped.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::depth::Depth;
use super::job::Lane;
use super::pause::Pause;

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct StateLabels {
    lane: &'static str,
    state: &'static str,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct LaneLabels {
    lane: &'static str,
}

/// Gauges of the queue's depth.
#[derive(Debug, Clone)]
pub struct Metrics {
    jobs: Family<StateLabels, Gauge>,
    oldest: Family<LaneLabels, Gauge<f64, AtomicU64>>,
    paused: Family<LaneLabels, Gauge>,
}

impl Metrics {
    /// Makes them known to a registry.
    #[must_use]
    pub fn new(registry: &mut Registry) -> Self {
        let metrics =
            Self { jobs: Family::default(), oldest: Family::default(), paused: Family::default() };
        registry.register(
            "quittance_queue_jobs",
            "Jobs that wait for a worker (waiting), are claimed by one (in_hand) or wait for a retry (delayed): the same from every process, so take the max",
            metrics.jobs.clone(),
        );
        registry.register(
            "quittance_queue_oldest_job_seconds",
            "Age of the oldest unfinished job of a lane, by the clock of Redis; 0 when there is none. Jobs that wait for a retry do not count",
            metrics.oldest.clone(),
        );
        registry.register(
            "quittance_queue_paused",
            "Whether an operator has paused the lane; `quittance status` shows who and why",
            metrics.paused.clone(),
        );
        metrics
    }

    /// Shows what was seen; nothing at all when nothing could be seen.
    pub fn show(&self, seen: Option<&(Depth, Vec<Pause>)>) {
        let Some((depth, pauses)) = seen else {
            self.jobs.clear();
            self.oldest.clear();
            self.paused.clear();
            return;
        };
        for (lane, of_lane) in [(Lane::Live, depth.live), (Lane::Backfill, depth.backfill)] {
            let paused = pauses.iter().any(|pause| pause.lane == lane);
            let lane = lane.as_str();
            self.paused.get_or_create(&LaneLabels { lane }).set(i64::from(paused));
            for (state, jobs) in [("waiting", of_lane.waiting), ("in_hand", of_lane.in_hand)] {
                self.jobs.get_or_create(&StateLabels { lane, state }).set(whole(jobs));
            }
            let oldest = of_lane.oldest.unwrap_or_default().as_secs_f64();
            self.oldest.get_or_create(&LaneLabels { lane }).set(oldest);
        }
        let delayed = StateLabels { lane: "both", state: "delayed" };
        self.jobs.get_or_create(&delayed).set(whole(depth.delayed));
    }
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

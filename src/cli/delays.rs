//! Hints that events may still be in the queue, for commands that found nothing.

use std::time::Duration;

use super::format;
use crate::config::Settings;
use crate::ops::queue::{self, QueueStatus};
use crate::roles::parts;

/// Deadline of the look at the queue.
const PATIENCE: Duration = Duration::from_secs(2);

/// A sentence for each lane in which events may wait. Nothing where Redis is not set up or does not
/// answer: a command that only reads tables must work without it.
pub(super) async fn look(settings: &Settings) -> Vec<String> {
    if settings.redis.url.is_empty() {
        return Vec::new();
    }
    let Ok(inspector) = parts::inspector(settings) else { return Vec::new() };
    match tokio::time::timeout(PATIENCE, queue::show(&inspector)).await {
        Ok(Ok(queue)) => sentences(&queue, settings.status.max_lag),
        Ok(Err(_)) | Err(_) => Vec::new(),
    }
}

fn sentences(queue: &QueueStatus, max_lag: Duration) -> Vec<String> {
    let lanes = queue.lanes.iter().filter_map(|lane| {
        let name = &lane.lane;
        if let Some(pause) = &lane.paused {
            let (since, by) = (format::at(pause.since), format::plain(&pause.by));
            return Some(format!(
                "the {name} lane is paused since {since}, by {by}: events may wait there"
            ));
        }
        let oldest = lane.oldest_ms.filter(|oldest| Duration::from_millis(*oldest) > max_lag)?;
        let oldest = format::span_ms(oldest);
        Some(format!(
            "the oldest job of the {name} lane has waited for {oldest}: events may wait there"
        ))
    });
    lanes.collect()
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;
    use crate::ops::queue::{LaneStatus, PauseStatus};

    fn lane(oldest_ms: Option<u64>, paused: Option<PauseStatus>) -> QueueStatus {
        let lane = LaneStatus {
            lane: "live".into(),
            waiting: 1,
            claimed: 0,
            running: 0,
            oldest_ms,
            paused,
        };
        QueueStatus {
            name: "quittance".into(),
            total: 1,
            delayed: 0,
            oldest_ms: oldest_ms.unwrap_or_default(),
            lanes: vec![lane],
        }
    }

    #[test]
    fn a_lane_that_is_paused_or_late_is_named_and_one_that_flows_is_not() {
        let limit = Duration::from_secs(60);
        assert_eq!(sentences(&lane(Some(60_000), None), limit), [""; 0]);
        assert_eq!(sentences(&lane(None, None), limit), [""; 0]);
        assert_eq!(
            sentences(&lane(Some(185_000), None), limit),
            ["the oldest job of the live lane has waited for 3m 5s: events may wait there"]
        );
        let pause = PauseStatus {
            lane: "live".into(),
            since: OffsetDateTime::UNIX_EPOCH,
            by: "jane".into(),
            reason: None,
        };
        assert_eq!(
            sentences(&lane(Some(185_000), Some(pause)), limit),
            ["the live lane is paused since 1970-01-01T00:00:00Z, by jane: events may wait there"]
        );
    }
}

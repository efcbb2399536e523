//! Rates and bars from the counts per minute.

use time::OffsetDateTime;

use super::document::{Rate, Rates, Slice};
use crate::queue::{FlowCounts, MinuteCount};

/// Reckons the rates.
pub(super) fn rates(counts: &FlowCounts) -> Rates {
    let minute = counts.now / 60;
    let hour = minute / 60;
    let minutes = (minute.saturating_sub(59)..=minute).map(|m| slice(m * 60, of(counts, m, m)));
    let hours =
        (hour.saturating_sub(23)..=hour).map(|h| slice(h * 3600, of(counts, h * 60, h * 60 + 59)));
    Rates {
        last_minute: rate(counts, 1),
        last_5_minutes: rate(counts, 5),
        last_hour: rate(counts, 60),
        minutes: minutes.collect(),
        hours: hours.collect(),
    }
}

/// Sum of the counts from one minute to another, both included.
fn of(counts: &FlowCounts, from: u64, to: u64) -> MinuteCount {
    counts.minutes.range(from..=to).fold(MinuteCount::default(), |sum, (_, one)| MinuteCount {
        arrived: sum.arrived + one.arrived,
        finished: sum.finished + one.finished,
    })
}

/// The average over the last so many times 60 seconds: the whole minutes of them, the running one,
/// and of the one in which they begin the share that is in them.
#[expect(clippy::cast_precision_loss, reason = "counts of an hour")]
fn rate(counts: &FlowCounts, minutes: u64) -> Rate {
    let now = counts.now / 60;
    let first = now.saturating_sub(minutes);
    let share = 1.0 - (counts.now % 60) as f64 / 60.0;
    let (begun, since) = (of(counts, first, first), of(counts, first + 1, now));
    let seconds = minutes as f64 * 60.0;
    let per_second = |begun: u64, since: u64| {
        let rate = (begun as f64 * share + since as f64) / seconds;
        (rate * 100.0).round() / 100.0
    };
    Rate {
        arrived_per_second: per_second(begun.arrived, since.arrived),
        finished_per_second: per_second(begun.finished, since.finished),
    }
}

fn slice(at: u64, count: MinuteCount) -> Slice {
    let at = i64::try_from(at).ok().and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok());
    Slice {
        at: at.unwrap_or(OffsetDateTime::UNIX_EPOCH),
        arrived: count.arrived,
        finished: count.finished,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_763_769_630;

    fn counts(minutes: &[(u64, u64)]) -> FlowCounts {
        let count = |n| MinuteCount { arrived: n, finished: n / 2 };
        let minutes = minutes.iter().map(|(ago, n)| (NOW / 60 - ago, count(*n))).collect();
        FlowCounts { now: NOW, minutes }
    }

    #[test]
    fn of_the_minute_that_has_half_gone_by_only_half_counts() {
        assert_eq!(NOW % 60, 30);
        let rates = rates(&counts(&[(0, 60), (1, 120)]));
        assert!((rates.last_minute.arrived_per_second - 2.0).abs() < 1e-9, "{rates:?}");
        assert!((rates.last_minute.finished_per_second - 1.0).abs() < 1e-9, "{rates:?}");
    }

    #[test]
    fn the_pictures_are_whole_and_in_order_also_where_nothing_happened() {
        let rates = rates(&counts(&[(0, 7), (59, 5), (60, 3), (24 * 60 + 59, 1)]));
        assert_eq!((rates.minutes.len(), rates.hours.len()), (60, 24));
        assert_eq!((rates.minutes[0].arrived, rates.minutes[59].arrived), (5, 7));
        assert!(rates.hours.windows(2).all(|two| two[0].at < two[1].at));
        let all: u64 = rates.hours.iter().map(|hour| hour.arrived).sum();
        assert_eq!(all, 15, "what is older than a day is not in it");
    }
}

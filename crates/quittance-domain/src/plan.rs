//! The plan for an event before any request: covered by its row, or to be fetched.

use super::kind::Row;
use super::timestamp::Timestamp;

/// A plan for an event, before any request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The row was fetched after the event was made: settle without a request.
    Covered,
    /// The object is deleted for good: settle without a request.
    Gone,
    /// Ask Stripe.
    Fetch,
    /// The event itself says that our access to its account was taken: record that.
    Close,
    /// Our access to its account was taken: settle without a request.
    Closed,
}

/// Decides from the row and the time at which the event was made.
///
/// `margin` is the allowed skew between Stripe's own clocks, in seconds: the one that stamps
/// events and the one behind the `Date` header. An event is covered only if it was made *before*
/// the second in which the row's fetch began, by more than that margin; an event of the same
/// second is always fetched, because `created` cannot say on which side of the fetch it lies.
#[must_use]
pub fn next(row: Option<&Row>, created: Timestamp, margin: i64) -> Next {
    match row {
        Some(row) if row.deleted => Next::Gone,
        Some(row) if created.saturating_add(margin) < row.observed_at => Next::Covered,
        Some(_) | None => Next::Fetch,
    }
}

/// The use of the snapshot that an event carries of its object, before Stripe is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Snapshot {
    /// The row may be older than the event, or newer. If both say the same, there is nothing to ask.
    Compare,
    /// It is newer than the row.
    Newer,
    /// Nothing.
    Useless,
}

/// Decides what a snapshot is good for, of an event that the row does not cover.
///
/// A snapshot is rendered when its event is made. It is newer than the row if the event was made after
/// the look behind the row had *ended*; that the look *began* before would
/// prove nothing, since a look can take long. Here, too, `margin` is the skew between Stripe's clocks.
#[must_use]
pub fn snapshot(row: Option<&Row>, created: Timestamp, margin: i64) -> Snapshot {
    match row {
        None => Snapshot::Newer,
        Some(row) if row.deleted => Snapshot::Useless,
        Some(row) if row.seen_by.saturating_add(margin) <= created => Snapshot::Newer,
        Some(_) => Snapshot::Compare,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(observed_at: Timestamp, deleted: bool) -> Row {
        Row { version: 1, observed_at, seen_by: observed_at + 3, deleted, recorded: None }
    }

    #[test]
    fn an_event_is_covered_only_outside_the_margin() {
        let next = |created| next(Some(&row(100, false)), created, 2);
        assert_eq!(next(97), Next::Covered);
        assert_eq!(next(98), Next::Fetch);
        assert_eq!(next(100), Next::Fetch);
        assert_eq!(next(101), Next::Fetch);
    }

    #[test]
    fn an_event_of_the_same_second_is_fetched_even_without_a_margin() {
        assert_eq!(next(Some(&row(100, false)), 100, 0), Next::Fetch);
        assert_eq!(next(Some(&row(100, false)), 99, 0), Next::Covered);
    }

    #[test]
    fn a_deleted_object_stays_deleted_whatever_comes() {
        assert_eq!(next(Some(&row(100, true)), 1_000, 2), Next::Gone);
    }

    #[test]
    fn an_object_that_was_never_seen_is_fetched() {
        assert_eq!(next(None, 0, 2), Next::Fetch);
    }

    #[test]
    fn a_snapshot_is_newer_only_than_a_look_that_had_ended() {
        // Begun at 100, ended before 103.
        let good_for = |created| snapshot(Some(&row(100, false)), created, 2);
        assert_eq!(good_for(99), Snapshot::Compare);
        assert_eq!(good_for(104), Snapshot::Compare, "made while the look was under way, perhaps");
        assert_eq!(good_for(105), Snapshot::Newer);
        assert_eq!(snapshot(None, 0, 2), Snapshot::Newer);
        assert_eq!(snapshot(Some(&row(100, true)), 1_000, 2), Snapshot::Useless);
    }
}

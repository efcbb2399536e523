//! One range of Stripe's list of events, read to its end and held against the ledger.
//!
//! Called by the sweep and by `verify`. It never enqueues anything and never writes.

use sha2::{Digest as _, Sha256};

use crate::domain::completeness::{Shown, Span};
use crate::domain::event::Timestamp;
use crate::domain::id::Scope;
use crate::store::{Store, StoreError};
use crate::stripe_api::{Client, EventBound, EventListing, ListedEvent, StripeError};

/// Why a range could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error(transparent)]
    Stripe(#[from] StripeError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is to be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) from: Timestamp,
    pub(super) bound: EventBound,
    /// Ends the range early: with the second in which so many events of this time and later have come.
    pub(super) most: Option<(Timestamp, usize)>,
}

/// An event that was listed.
#[derive(Debug, Clone)]
struct Seen {
    id: String,
    created: Timestamp,
    /// Whether it had no row in the ledger.
    open: bool,
}

/// What was read: the ids of all its events, and nothing else of them.
#[derive(Debug, Clone)]
pub(super) struct Listing {
    pub(super) span: Span,
    /// Stripe's clock, at the latest, when it began.
    pub(super) began_at: Timestamp,
    /// Whether it was read up to its bound.
    pub(super) to_the_end: bool,
    seen: Vec<Seen>,
}

impl Listing {
    pub(super) fn len(&self) -> usize {
        self.seen.len()
    }

    /// Whether an event of this second or later was listed.
    pub(super) fn has_since(&self, second: Timestamp) -> bool {
        self.seen.iter().any(|event| event.created >= second)
    }

    /// What it showed of a part of it.
    pub(super) fn shown(&self, span: Span) -> Shown {
        let within = self.seen.iter().filter(|event| span.holds(event.created));
        let mut ids: Vec<&str> = within.clone().map(|event| event.id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        let mut hash = Sha256::new();
        for id in &ids {
            hash.update(id.as_bytes());
            hash.update(b"\n");
        }
        let fingerprint = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Shown {
            began_at: self.began_at,
            fingerprint,
            events: count(ids.len()),
            open: count(within.filter(|event| event.open).count()),
        }
    }
}

/// A range that is being read page by page, in chronological order.
pub(super) struct Reading<'a> {
    pages: EventListing<'a>,
    store: &'a Store,
    wanted: Wanted,
    seen: Vec<Seen>,
    cut: Option<Timestamp>,
}

/// A step of a reading.
pub(super) enum Step {
    /// The events of a page that have no row in the ledger.
    Page(Vec<ListedEvent>),
    /// The range was read to its end.
    End(Listing),
}

impl<'a> Reading<'a> {
    pub(super) fn begin(
        (client, store): (&'a Client, &'a Store),
        scope: &Scope,
        wanted: Wanted,
    ) -> Self {
        let pages = client.list_events(scope.clone(), wanted.from, wanted.bound);
        Self { pages, store, wanted, seen: Vec::new(), cut: None }
    }

    /// The next page, or the end.
    ///
    /// # Errors
    /// Stripe or Postgres. The range was not read to its end then, so nothing follows from what was seen of it.
    pub(super) async fn next(&mut self) -> Result<Step, ReadError> {
        if self.cut.is_some() {
            return Ok(Step::End(self.end()));
        }
        let Some(page) = self.pages.next().await? else { return Ok(Step::End(self.end())) };
        let ids: Vec<String> = page.events.iter().map(|event| event.id.to_string()).collect();
        let open = self.store.not_in_ledger(&ids).await?;
        let is_open = |event: &ListedEvent| open.iter().any(|id| id == event.id.as_str());
        self.seen.extend(page.events.iter().map(|event| Seen {
            id: event.id.to_string(),
            created: event.created,
            open: is_open(event),
        }));
        if let Some((after, most)) = self.wanted.most
            && !page.last
        {
            self.cut = cut_at(&self.seen, after, most);
        }
        Ok(Step::Page(page.events.into_iter().filter(is_open).collect()))
    }

    fn end(&mut self) -> Listing {
        let from = self.wanted.from;
        let bound = self.pages.until().unwrap_or(from);
        let until = self.cut.unwrap_or(bound).max(from);
        let mut seen = std::mem::take(&mut self.seen);
        seen.retain(|event| event.created < until);
        Listing {
            span: Span { from, until },
            began_at: self.pages.began_at().unwrap_or_default(),
            to_the_end: self.cut.is_none(),
            seen,
        }
    }
}

/// The second at which a range may end early: the last one that was seen may go on, those before it do not.
fn cut_at(seen: &[Seen], after: Timestamp, most: usize) -> Option<Timestamp> {
    let newer = seen.iter().filter(|event| event.created >= after).count();
    let last = seen.last().filter(|_| newer >= most)?.created;
    (last > after).then_some(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(created: &[Timestamp]) -> Vec<Seen> {
        let events = created.iter().enumerate();
        events.map(|(n, at)| Seen { id: format!("evt_{n}"), created: *at, open: false }).collect()
    }

    fn listing(seen: Vec<Seen>) -> Listing {
        Listing { span: Span { from: 0, until: 100 }, began_at: 100, to_the_end: true, seen }
    }

    #[test]
    fn a_range_ends_early_only_with_a_whole_second() {
        assert_eq!(cut_at(&seen(&[1, 2, 3]), 0, 4), None);
        assert_eq!(cut_at(&seen(&[1, 2, 3]), 0, 3), Some(3));
        assert_eq!(cut_at(&seen(&[5, 5, 5]), 5, 3), None, "the second may go on");
        assert_eq!(cut_at(&seen(&[1, 2, 3]), 2, 3), None, "older ones were read before");
    }

    #[test]
    fn the_fingerprint_is_that_of_the_set() {
        let print = |seen| listing(seen).shown(Span { from: 0, until: 100 }).fingerprint;
        let mut other = seen(&[1, 2, 3]);
        assert_eq!(print(seen(&[1, 2, 3])), print(other.clone()));
        other.reverse();
        assert_eq!(print(seen(&[1, 2, 3])), print(other.clone()));
        other.pop();
        assert_ne!(print(seen(&[1, 2, 3])), print(other));
    }

    #[test]
    fn a_part_shows_its_own_events_alone() {
        let mut events = seen(&[1, 2, 3]);
        events[1].open = true;
        let listing = listing(events);
        let part = |from, until| {
            let shown = listing.shown(Span { from, until });
            (shown.events, shown.open)
        };
        assert_eq!((part(1, 3), part(3, 9)), ((2, 1), (1, 0)));
    }
}

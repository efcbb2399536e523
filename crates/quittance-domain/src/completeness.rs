//! The watermark "complete until": up to which second every event that Stripe lists has reached an end here.
//!
//! Called by the sweep, which lists events and looks them up in the ledger. Nothing here lists, looks up or reads
//! a clock: all times are Stripe's, in seconds, and are handed in.
//!
//! Stripe's lists are eventually consistent: an event becomes listable seconds to minutes after it was made. So a
//! range of time is *closed* only when a listing that began long enough after its end (`settle`) shows the same
//! events as the listing before it, and each of them has reached an end (settled, ignored or dead-lettered). The
//! watermark is the end of the closed ranges that follow each other without a gap.

use crate::event::Timestamp;

/// For how long Stripe lists an event (docs.stripe.com, "List all events"), in seconds.
pub const LISTED_FOR: i64 = 30 * 86_400;

/// A range is given up so long before its events begin to vanish from the list, in seconds: a listing of it that
/// takes long must not see it shrink.
const MARGIN: i64 = 3_600;

/// The first second of which Stripe's list can still be found complete.
#[must_use]
pub fn earliest(now: Timestamp) -> Timestamp {
    now.saturating_sub(LISTED_FOR).saturating_add(MARGIN)
}

/// Seconds of `created`, from the first one and up to, without, the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// The first second.
    pub from: Timestamp,
    /// The second after the last one.
    pub until: Timestamp,
}

impl Span {
    /// Whether a second is in it.
    #[must_use]
    pub fn holds(self, second: Timestamp) -> bool {
        (self.from..self.until).contains(&second)
    }
}

/// A range of time that was listed at least once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedRange {
    /// Which.
    pub span: Span,
    /// Fingerprint of the set of events that the last listing showed.
    pub fingerprint: String,
    /// How many those were.
    pub events: u32,
    /// How many of them had not reached an end.
    pub open: u32,
    /// When it is to be listed again.
    pub due_at: Timestamp,
    /// Whether it is complete.
    pub closed: bool,
}

/// How far an account is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Where the claim begins: nothing is said of what was made before.
    pub since: Timestamp,
    /// The watermark.
    pub complete_until: Timestamp,
    /// Up to where the list was read at least once.
    pub listed_until: Timestamp,
    /// The ranges after the watermark, in order and without gaps.
    pub ranges: Vec<ListedRange>,
}

/// The settings of the sweep that decide what is listed when, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// How far back each look reads what was read before.
    pub overlap: i64,
    /// How long after the end of a range the listing that closes it begins, at the earliest.
    pub settle: i64,
    /// Events that one range holds at most where it is made of several.
    pub most: u32,
}

/// What the last listing of a range showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Stripe's clock, at the latest, when the listing began.
    pub began_at: Timestamp,
    /// Fingerprint of the set of its events.
    pub fingerprint: String,
    /// How many those were.
    pub events: u32,
    /// How many of them had not reached an end.
    pub open: u32,
}

impl Progress {
    /// An account of which nothing was listed yet.
    #[must_use]
    pub fn beginning_at(since: Timestamp) -> Self {
        Self { since, complete_until: since, listed_until: since, ranges: Vec::new() }
    }

    /// Gives up what Stripe is about to list no longer, and answers what that is: it can never be found complete,
    /// and an empty list of it proves nothing. The claim begins anew after it.
    pub fn give_up(&mut self, now: Timestamp) -> Option<Span> {
        let oldest = earliest(now);
        if self.complete_until >= oldest {
            return None;
        }
        let from = self.complete_until;
        self.ranges.retain(|range| range.span.from >= oldest);
        let until = match self.ranges.first() {
            Some(first) => first.span.from,
            None => self.listed_until.max(oldest),
        };
        (self.since, self.complete_until) = (until, until);
        self.listed_until = self.listed_until.max(until);
        self.advance();
        Some(Span { from, until })
    }

    /// The second from which the next look reads on: the end of what was listed, less the overlap. What lies
    /// before the watermark is not read again.
    #[must_use]
    pub fn reads_from(&self, rules: &Rules) -> Timestamp {
        self.listed_until.saturating_sub(rules.overlap).max(self.complete_until)
    }

    /// The ranges that are to be listed again. Those that follow each other are one span, as long as they hold
    /// no more than `rules.most` events together.
    #[must_use]
    pub fn due(&self, now: Timestamp, rules: &Rules) -> Vec<Span> {
        let mut spans: Vec<(Span, u32)> = Vec::new();
        for range in self.ranges.iter().filter(|range| !range.closed && range.due_at <= now) {
            match spans.last_mut() {
                Some((span, events))
                    if span.until == range.span.from
                        && events.saturating_add(range.events) <= rules.most =>
                {
                    span.until = range.span.until;
                    *events = events.saturating_add(range.events);
                }
                _ => spans.push((range.span, range.events)),
            }
        }
        spans.into_iter().map(|(span, _)| span).collect()
    }

    /// Notes a listing, which was read to its end. `shown` says what it showed of a range.
    ///
    /// Of a range that lies only partly in it, nothing follows: that part was read for what may be missing.
    pub fn note(&mut self, listed: Span, rules: &Rules, shown: impl Fn(Span) -> Shown) {
        let is_within = |span: Span| span.from >= listed.from && span.until <= listed.until;
        for range in self.ranges.iter_mut().filter(|range| !range.closed && is_within(range.span)) {
            let seen = shown(range.span);
            let same = range.fingerprint == seen.fingerprint;
            let settled = range.span.until.saturating_add(rules.settle);
            let listable = seen.began_at.saturating_sub(LISTED_FOR) < range.span.from;
            range.closed = same && seen.open == 0 && seen.began_at >= settled && listable;
            range.due_at = if seen.began_at < settled {
                settled
            } else {
                seen.began_at.saturating_add(rules.settle)
            };
            range.fingerprint = seen.fingerprint;
            (range.events, range.open) = (seen.events, seen.open);
        }
        self.join_open(rules, is_within, &shown);
        if listed.from <= self.listed_until && listed.until > self.listed_until {
            let span = Span { from: self.listed_until, until: listed.until };
            let seen = shown(span);
            self.ranges.push(ListedRange {
                span,
                fingerprint: seen.fingerprint,
                events: seen.events,
                open: seen.open,
                due_at: span.until.saturating_add(rules.settle),
                closed: false,
            });
            self.listed_until = span.until;
        }
        self.advance();
    }

    /// Makes one range of those that stayed open and follow each other, so that a long backlog has few. What the
    /// listing showed of them is known, so it can be told of them together.
    fn join_open(
        &mut self,
        rules: &Rules,
        is_within: impl Fn(Span) -> bool,
        shown: &impl Fn(Span) -> Shown,
    ) {
        self.ranges.dedup_by(|next, range| {
            let open = |range: &ListedRange| !range.closed && is_within(range.span);
            let fits = range.events.saturating_add(next.events) <= rules.most;
            let joined = open(next) && open(range) && fits;
            if joined {
                range.span.until = next.span.until;
                let seen = shown(range.span);
                range.fingerprint = seen.fingerprint;
                (range.events, range.open) = (seen.events, seen.open);
                range.due_at = range.due_at.max(next.due_at);
            }
            joined
        });
    }

    /// Moves the watermark over the closed ranges, and forgets them. Closed ones that follow each other behind an
    /// open one become one.
    fn advance(&mut self) {
        let closed = self.ranges.iter().take_while(|range| range.closed).count();
        if let Some(last) = self.ranges.drain(..closed).next_back() {
            self.complete_until = last.span.until;
        }
        self.ranges.dedup_by(|next, range| {
            let joined = next.closed && range.closed;
            if joined {
                range.span.until = next.span.until;
                range.events = range.events.saturating_add(next.events);
            }
            joined
        });
    }
}

/// How long until an account is looked at again: soon where something happens, later and later where nothing does.
///
/// `before` is the wait before this look; all times are in milliseconds.
#[must_use]
pub fn next_wait(before: i64, interval: i64, longest: i64, anything_new: bool) -> i64 {
    if anything_new {
        interval
    } else {
        before.saturating_mul(2).clamp(interval, longest.max(interval))
    }
}

#[cfg(test)]
#[path = "completeness_tests.rs"]
mod tests;

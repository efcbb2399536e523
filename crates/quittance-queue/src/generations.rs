//! Failures of a shared connection, counted once for each attempt and not for each caller.
//!
//! Pure: the time is an argument. Many commands share a connection, and what breaks it breaks all of
//! them. Each command carries a [`Ticket`] that says on which connection and after how many failures
//! it was sent; a failure counts only if nothing has failed since then.

use std::time::Duration;

use tokio::time::Instant;

use quittance_domain::retry::{Jitter, Policy};

/// When a command was sent, in generations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket {
    connection: u64,
    round: u64,
}

/// The connections and failures of one link so far.
#[derive(Debug, Default)]
pub(super) struct Generations {
    /// Counts connections.
    connection: u64,
    /// Counts failures, and never goes back.
    round: u64,
    /// Failures in a row.
    failures: u32,
    not_before: Option<Instant>,
}

impl Generations {
    /// For a command, or an attempt to connect, that begins now.
    pub(super) fn ticket(&self) -> Ticket {
        Ticket { connection: self.connection, round: self.round }
    }

    /// A connection was opened: the ticket of its first command.
    pub(super) fn connected(&mut self) -> Ticket {
        self.connection += 1;
        self.ticket()
    }

    /// Whether a command was sent on the newest connection.
    pub(super) fn is_of_this_connection(&self, ticket: Ticket) -> bool {
        ticket.connection == self.connection
    }

    /// A command failed. Answers whether that counts; if so, the next attempt has to wait longer.
    pub(super) fn failed(
        &mut self,
        ticket: Ticket,
        now: Instant,
        policy: &Policy,
        jitter: Jitter,
    ) -> bool {
        if ticket.round != self.round {
            return false;
        }
        self.round += 1;
        self.failures = self.failures.saturating_add(1);
        self.not_before = Some(now + policy.delay(self.failures, jitter));
        true
    }

    /// A command was answered. Answers whether that ends the row of failures: an answer to a command
    /// that was sent before the last failure says nothing of what came after it.
    pub(super) fn succeeded(&mut self, ticket: Ticket) -> bool {
        if ticket.round != self.round {
            return false;
        }
        self.failures = 0;
        self.not_before = None;
        true
    }

    /// When the next attempt may begin; none: at once.
    pub(super) fn not_before(&self) -> Option<Instant> {
        self.not_before
    }

    /// How long after `now` the next attempt has to wait.
    #[cfg(test)]
    fn delay(&self, now: Instant) -> Duration {
        self.not_before.map(|at| at.saturating_duration_since(now)).unwrap_or_default()
    }
}

/// Delays between attempts: long enough not to hammer a Redis that starts, short enough to be back at
/// once when it is.
pub(super) const BACKOFF: Policy = Policy {
    max_attempts: u32::MAX,
    first: Duration::from_millis(50),
    factor: 2.0,
    cap: Duration::from_secs(2),
};

#[cfg(test)]
mod tests {
    use super::*;

    fn fails(link: &mut Generations, ticket: Ticket, now: Instant) -> bool {
        link.failed(ticket, now, &BACKOFF, Jitter::new(1.0))
    }

    #[test]
    fn commands_that_fail_together_are_one_failed_attempt() {
        let (mut link, now) = (Generations::default(), Instant::now());
        let sent = link.connected();
        let counted = (0..6).filter(|_| fails(&mut link, sent, now)).count();
        assert_eq!((counted, link.delay(now)), (1, BACKOFF.first));
        let again = link.ticket();
        assert!(fails(&mut link, again, now), "the next attempt is another one");
        assert_eq!(link.delay(now), 2 * BACKOFF.first);
    }

    #[test]
    fn what_was_sent_on_an_old_connection_says_nothing_of_the_new_one() {
        let (mut link, now) = (Generations::default(), Instant::now());
        let (slow, first) = (link.connected(), link.ticket());
        assert!(fails(&mut link, first, now));
        let new = link.connected();
        assert!(!link.is_of_this_connection(slow), "a late time-out must not drop the new one");
        assert!(!fails(&mut link, slow, now));
        assert!(!link.succeeded(slow), "nor does a late answer show that the new one works");
        assert!(link.is_of_this_connection(new) && link.succeeded(new));
        assert_eq!(link.not_before(), None);
    }

    #[test]
    fn attempts_in_a_row_wait_longer_up_to_the_cap_and_an_answer_ends_the_row() {
        let (mut link, now) = (Generations::default(), Instant::now());
        for _ in 0..20 {
            let ticket = link.ticket();
            assert!(fails(&mut link, ticket, now));
        }
        assert_eq!(link.delay(now), BACKOFF.cap);
        let ticket = link.connected();
        assert!(link.succeeded(ticket));
        assert!(fails(&mut link, ticket, now));
        assert_eq!(link.delay(now), BACKOFF.first);
    }
}

//! Dispatches notifications to one destination: fan out, claim, send, record.
//!
//! Claiming ahead, sending and recording outcomes run concurrently, each on what there is when it begins. So
//! a sender is idle only when there is nothing to send, and the higher the rate, the more notifications share
//! a claim and a commit.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::channel::Destination;
use super::metrics::DispatcherMetrics;
use super::outcomes::{Batch, Outcomes};
use super::prefetch::Prefetch;
use crate::config::Start;
use crate::domain::failure::Failure;
use crate::domain::retry::{Decision, Jitter, Policy, decide};
use crate::store::outbox::Claimed;
use crate::store::{Store, StoreError};

/// Rows of the outbox that are fanned out in one transaction.
const PAGE: i32 = 500;

/// Delay after a wakeup, so that rows written at the same time are claimed together.
const SETTLE: Duration = Duration::from_millis(10);

/// Delay before outcomes that could not be recorded are recorded again.
const RECORD_AGAIN: Duration = Duration::from_millis(200);

/// Longest time between a claim and its sending. A lease is at least five seconds longer than sending takes.
const MAX_WAIT: Duration = Duration::from_secs(3);

/// A claim skips what became due longer than this before the last claimed delivery. A transaction that makes
/// something due is seldom open for longer.
const OVERLAP: Duration = Duration::from_secs(2);

/// Interval at which a claim skips nothing.
const LOOK_BACK: Duration = Duration::from_secs(10);

/// Settings that all dispatchers share.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    pub(super) policy: Policy,
    pub(super) lease: Duration,
    pub(super) poll_interval: Duration,
    pub(super) start: Start,
    pub(super) random: fn() -> f64,
}

/// Dispatches notifications to one destination.
pub(super) struct Dispatcher {
    store: Store,
    destination: Destination,
    rules: Rules,
    metrics: DispatcherMetrics,
    /// Claimed and not sent yet, with the time of the claim.
    waiting: VecDeque<(Instant, Claimed)>,
    outcomes: Outcomes,
    prefetch: Prefetch,
    measured_at: Instant,
    /// At most one claim at a time.
    claiming: JoinSet<Result<Found, StoreError>>,
    sending: JoinSet<Sent>,
    /// At most one at a time.
    recording: JoinSet<Result<(), (Outcomes, StoreError)>>,
    claim_at: Instant,
    record_at: Instant,
    /// Nothing is sent before: the destination asked for a pause, or cannot be reached.
    paused_until: Instant,
    /// Claims skip what became due before.
    since: Option<OffsetDateTime>,
    look_back_at: Instant,
    is_open: bool,
    is_failing: bool,
}

/// A batch, and the outcome of each of its notifications in the same order.
type Sent = (Vec<Claimed>, Vec<Result<(), Failure>>);

/// Result of a claim.
struct Found {
    claimed: Vec<Claimed>,
    /// Whether more can be claimed at once.
    more: bool,
}

impl Dispatcher {
    pub(super) fn new(
        store: Store,
        destination: Destination,
        rules: Rules,
        metrics: DispatcherMetrics,
    ) -> Self {
        let now = Instant::now();
        Self {
            store,
            prefetch: Prefetch::new(destination.at_once.saturating_mul(destination.batch)),
            destination,
            rules,
            metrics,
            waiting: VecDeque::new(),
            outcomes: Outcomes::default(),
            measured_at: now,
            claiming: JoinSet::new(),
            sending: JoinSet::new(),
            recording: JoinSet::new(),
            claim_at: now,
            record_at: now,
            paused_until: now,
            since: None,
            look_back_at: now,
            is_open: false,
            is_failing: false,
        }
    }

    /// Dispatches until `shutdown`, then waits for what is in flight, and releases the claims that are not
    /// sent yet.
    pub(super) async fn run(mut self, shutdown: CancellationToken) {
        let mut written = self.store.outbox_writes();
        loop {
            let stopping = shutdown.is_cancelled();
            let now = Instant::now();
            self.release(now, stopping);
            self.send(now);
            self.record(now);
            if !stopping {
                self.claim(now);
            } else if self.claiming.is_empty()
                && self.sending.is_empty()
                && self.recording.is_empty()
                && self.outcomes.is_empty()
            {
                return;
            }
            let wakes_at = self.wakes_at(now, stopping);
            tokio::select! {
                () = shutdown.cancelled(), if !stopping => {}
                Some(found) = self.claiming.join_next() => self.claimed(found),
                Some(sent) = self.sending.join_next() => {
                    self.sent(sent);
                    while let Some(sent) = self.sending.try_join_next() {
                        self.sent(sent);
                    }
                }
                Some(recorded) = self.recording.join_next() => self.recorded(recorded, stopping),
                // `self.store` has the sender of this channel, so it stays open and this cannot spin.
                Ok(()) = written.changed(), if !stopping => self.claim_within(SETTLE),
                () = sleep_until(wakes_at) => {}
            }
        }
    }

    /// The time of the next action that no message triggers.
    fn wakes_at(&self, now: Instant, stopping: bool) -> Instant {
        let mut wakes_at = now + LOOK_BACK;
        if !stopping && self.claiming.is_empty() && self.has_room() {
            wakes_at = wakes_at.min(self.claim_at.max(self.paused_until));
        }
        if self.recording.is_empty() && !self.outcomes.is_empty() {
            wakes_at = wakes_at.min(self.record_at);
        }
        if let Some((since, _)) = self.waiting.front() {
            wakes_at = wakes_at.min(*since + self.max_wait());
        }
        wakes_at
    }

    fn max_wait(&self) -> Duration {
        MAX_WAIT.min(self.rules.lease / 4)
    }

    fn has_room(&self) -> bool {
        self.waiting.len() <= self.prefetch.target() / 2
    }

    /// Releases claims that have waited for too long, or all of them during a pause or a shutdown, so that
    /// another relay can claim them.
    fn release(&mut self, now: Instant, stopping: bool) {
        let all = stopping || now < self.paused_until;
        let longest = self.max_wait();
        while let Some((since, _)) = self.waiting.front()
            && (all || now.duration_since(*since) >= longest)
        {
            self.outcomes.unsent(self.waiting.pop_front().map(|(_, claimed)| claimed));
        }
    }

    fn send(&mut self, now: Instant) {
        let Destination { at_once, batch, .. } = self.destination;
        while self.sending.len() < at_once && !self.waiting.is_empty() && now >= self.paused_until {
            let count = self.waiting.len().min(batch);
            let batch: Vec<_> = self.waiting.drain(..count).map(|(_, claimed)| claimed).collect();
            let channel = Arc::clone(&self.destination.channel);
            self.sending.spawn(async move {
                let outcomes = channel.deliver(&batch).await;
                (batch, outcomes)
            });
        }
    }

    fn record(&mut self, now: Instant) {
        if self.outcomes.is_empty() || !self.recording.is_empty() || now < self.record_at {
            return;
        }
        let outcomes = std::mem::take(&mut self.outcomes);
        let (store, name) = (self.store.clone(), self.destination.name.clone());
        self.recording.spawn(async move { outcomes.record(&store, &name).await });
    }

    fn claim(&mut self, now: Instant) {
        let is_time = now >= self.claim_at && now >= self.paused_until;
        if !is_time || !self.claiming.is_empty() || !self.has_room() {
            return;
        }
        self.prefetch.passed(now - self.measured_at);
        self.measured_at = now;
        if now >= self.look_back_at {
            self.since = None;
            self.look_back_at = now + LOOK_BACK;
        }
        let claim = Claim {
            store: self.store.clone(),
            name: self.destination.name.clone(),
            topics: self.destination.topics.clone(),
            most: self.prefetch.target().saturating_sub(self.waiting.len()).max(1),
            since: self.since,
            lease: self.rules.lease,
            open: (!self.is_open).then_some(self.rules.start),
        };
        self.claiming.spawn(claim.make());
    }

    /// Makes the next claim within `time`.
    fn claim_within(&mut self, time: Duration) {
        self.claim_at = self.claim_at.min(Instant::now() + time);
    }

    fn claimed(&mut self, found: Result<Result<Found, StoreError>, JoinError>) {
        let now = Instant::now();
        self.claim_at = now + self.rules.poll_interval;
        let name = &self.destination.name;
        match found {
            Ok(Ok(Found { claimed, more })) => {
                self.is_open = true;
                if std::mem::replace(&mut self.is_failing, false) {
                    tracing::info!(destination = name, "the outbox can be read again");
                }
                if more {
                    self.claim_at = now;
                }
                if let Some(last) = claimed.iter().map(|one| one.due_at).max() {
                    self.since = Some(last - OVERLAP);
                }
                self.waiting.extend(claimed.into_iter().map(|one| (now, one)));
            }
            Ok(Err(error)) => {
                if !std::mem::replace(&mut self.is_failing, true) {
                    tracing::warn!(destination = name, %error, "cannot read the outbox; waiting");
                }
            }
            Err(error) => {
                tracing::error!(destination = name, %error, "claiming died; it is made again")
            }
        }
    }

    fn recorded(
        &mut self,
        recorded: Result<Result<(), (Outcomes, StoreError)>, JoinError>,
        stopping: bool,
    ) {
        let name = &self.destination.name;
        match recorded {
            // The next delivery of each object whose delivery was recorded can be claimed.
            Ok(Ok(())) => {
                let idle = self.sending.is_empty() && self.waiting.is_empty();
                self.claim_within(if idle { Duration::ZERO } else { SETTLE });
            }
            Ok(Err((_, error))) if stopping => {
                tracing::warn!(
                    destination = name, %error,
                    "what became of notifications cannot be recorded; they are sent again"
                );
            }
            Ok(Err((left, error))) => {
                tracing::debug!(destination = name, %error, "cannot record yet");
                self.outcomes.precede(left);
                self.record_at = Instant::now() + RECORD_AGAIN;
            }
            Err(error) => tracing::error!(
                destination = name, %error,
                "recording died; what it was about is sent again"
            ),
        }
    }

    fn sent(&mut self, sent: Result<Sent, JoinError>) {
        let (batch, outcomes) = match sent {
            Ok(sent) => sent,
            Err(error) => {
                let name = &self.destination.name;
                return tracing::error!(destination = name, %error, "sending died; it is sent again");
            }
        };
        self.prefetch.sent(batch.len());
        let mut arrived = Vec::new();
        let mut failed: Vec<(Failure, Vec<Claimed>)> = Vec::new();
        for (one, outcome) in batch.into_iter().zip(outcomes) {
            match outcome {
                Ok(()) => arrived.push(one.id),
                // A batch that fails as one is recorded as one.
                Err(failure) => match failed.last_mut() {
                    Some((same, all)) if *same == failure && all[0].attempts == one.attempts => {
                        all.push(one);
                    }
                    _ => failed.push((failure, vec![one])),
                },
            }
        }
        self.metrics.delivered(arrived.len());
        self.outcomes.delivered(arrived);
        for (failure, all) in failed {
            self.failed(&failure, all);
        }
    }

    fn failed(&mut self, failure: &Failure, all: Vec<Claimed>) {
        let name = &self.destination.name;
        let attempt = all.first().map_or(1, |one| one.attempts.saturating_add(1));
        let jitter = Jitter::new((self.rules.random)());
        let message = failure.message();
        let (again, counts) = match decide(failure, attempt, &self.rules.policy, jitter) {
            Decision::Retry { after } => {
                self.metrics.failed(all.len());
                (Ok(after), true)
            }
            Decision::Snooze { after } => {
                self.metrics.failed(all.len());
                // The failure is not specific to the notification: the next one would fail, too.
                self.paused_until = self.paused_until.max(Instant::now() + after);
                (Ok(after), false)
            }
            Decision::DeadLetter { reason } => {
                self.metrics.dead_lettered(all.len());
                for one in &all {
                    tracing::error!(
                        destination = name, notification = %one.id, topic = one.topic,
                        attempts = attempt, reason = reason.as_str(), error = message,
                        "a notification is given up; `quittance outbox retry` sends it again"
                    );
                }
                (Err(reason.into()), true)
            }
        };
        tracing::debug!(
            destination = name,
            count = all.len(),
            attempt,
            ?again,
            error = message,
            "not delivered"
        );
        self.outcomes.undelivered(Batch {
            claimed: all,
            again,
            counts,
            class: failure.class,
            code: failure.code.clone(),
            message,
            tries: 0,
        });
    }
}

/// One claim.
struct Claim {
    store: Store,
    name: String,
    topics: Vec<String>,
    most: usize,
    since: Option<OffsetDateTime>,
    lease: Duration,
    /// Where the destination starts, unless this dispatcher has opened it before.
    open: Option<Start>,
}

impl Claim {
    /// Claims what is due. If that is fewer than `most`, fans out the next page and claims again.
    async fn make(self) -> Result<Found, StoreError> {
        let Self { store, name, topics, most, since, lease, open } = self;
        if let Some(start) = open {
            store.open_destination(&name, start).await?;
        }
        let most_now = |have: usize| i64::try_from(most - have).unwrap_or(i64::MAX);
        let mut claimed = store.claim_since(&name, since, most_now(0), lease).await?;
        if claimed.len() >= most {
            return Ok(Found { claimed, more: true });
        }
        let further = async {
            let passed = store.fan_out(&name, &topics, PAGE).await?;
            if passed == 0 {
                return Ok((false, Vec::new()));
            }
            let more = store.claim_since(&name, since, most_now(claimed.len()), lease).await?;
            Ok((true, more))
        };
        match further.await {
            Ok((passed, further)) => {
                claimed.extend(further);
                Ok(Found { claimed, more: passed })
            }
            // The error shows again with the next claim; what was claimed is sent meanwhile.
            Err(_) if !claimed.is_empty() => Ok(Found { claimed, more: false }),
            Err(error) => Err(error),
        }
    }
}

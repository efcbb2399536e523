//! The line to one destination: hands out, claims, sends, notes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::channel::Destination;
use super::metrics::LineMetrics;
use crate::config::Start;
use crate::domain::failure::Failure;
use crate::domain::retry::{Decision, Jitter, Policy, decide};
use crate::store::outbox::{Claimed, Undelivered};
use crate::store::{Store, StoreError};

/// Rows of the outbox handed out in one transaction.
const PAGE: i32 = 500;

/// After something was written: time for what is written beside it to be written too.
const SETTLE: Duration = Duration::from_millis(10);

/// What all lines have in common.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    pub(super) policy: Policy,
    pub(super) lease: Duration,
    pub(super) poll_interval: Duration,
    pub(super) start: Start,
    pub(super) random: fn() -> f64,
}

pub(super) struct Line {
    pub(super) store: Store,
    pub(super) destination: Destination,
    pub(super) rules: Rules,
    metrics: LineMetrics,
    /// Nothing is claimed before: the way is closed for all alike.
    paused_until: Mutex<Option<Instant>>,
}

impl Line {
    pub(super) fn new(
        store: Store,
        destination: Destination,
        rules: Rules,
        metrics: LineMetrics,
    ) -> Self {
        Self { store, destination, rules, metrics, paused_until: Mutex::default() }
    }

    /// Tells until `shutdown`, then waits for what is being sent.
    pub(super) async fn run(self: Arc<Self>, shutdown: CancellationToken) {
        let mut told = self.store.told();
        let mut sending = JoinSet::new();
        let mut opened = false;
        let mut failing = false;
        while !shutdown.is_cancelled() {
            match self.round(&mut opened, &mut sending).await {
                Ok(more) => {
                    if std::mem::replace(&mut failing, false) {
                        tracing::info!(destination = self.destination.name, "telling again");
                    }
                    if more {
                        continue;
                    }
                }
                Err(error) => {
                    if !std::mem::replace(&mut failing, true) {
                        let name = &self.destination.name;
                        tracing::warn!(destination = name, %error, "cannot read the outbox; waiting");
                    }
                }
            }
            tokio::select! {
                () = shutdown.cancelled() => {}
                Some(ended) = sending.join_next() => self.ended(ended),
                () = self.wait(&mut told) => {}
            }
        }
        while let Some(ended) = sending.join_next().await {
            self.ended(ended);
        }
    }

    fn ended(&self, ended: Result<(), tokio::task::JoinError>) {
        if let Err(error) = ended {
            let name = &self.destination.name;
            tracing::error!(destination = name, %error, "sending died; it is sent again");
        }
    }

    async fn wait(&self, told: &mut watch::Receiver<u64>) {
        let paused = self.pause();
        tokio::select! {
            () = tokio::time::sleep(self.rules.poll_interval.max(paused)) => {}
            // The store that we hold keeps its other end open, so this cannot spin.
            _ = told.changed(), if paused.is_zero() => tokio::time::sleep(SETTLE).await,
        }
    }

    fn pause(&self) -> Duration {
        let until = *self.paused_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()))
    }

    /// Says whether there may be more to do at once.
    async fn round(
        self: &Arc<Self>,
        opened: &mut bool,
        sending: &mut JoinSet<()>,
    ) -> Result<bool, StoreError> {
        let Destination { name, topics, at_once, batch, .. } = &self.destination;
        if !*opened {
            self.store.open_destination(name, self.rules.start).await?;
            *opened = true;
        }
        let passed = self.store.hand_out(name, topics, PAGE).await?;
        let room = at_once.saturating_sub(sending.len()).saturating_mul(*batch);
        if room == 0 || !self.pause().is_zero() {
            return Ok(false);
        }
        let most = i64::try_from(room).unwrap_or(i64::MAX);
        let claimed = self.store.claim(name, most, self.rules.lease).await?;
        let full = claimed.len() == room;
        for batch in claimed.chunks(*batch) {
            let (line, batch) = (Arc::clone(self), batch.to_vec());
            sending.spawn(async move { line.deliver(&batch).await });
        }
        Ok(passed > 0 && !full)
    }

    async fn deliver(&self, batch: &[Claimed]) {
        let Destination { name, channel, .. } = &self.destination;
        let outcomes = channel.deliver(batch).await;
        let mut arrived = Vec::new();
        let mut failed: Vec<(Failure, Vec<&Claimed>)> = Vec::new();
        for (one, outcome) in batch.iter().zip(outcomes) {
            match outcome {
                Ok(()) => arrived.push(one.id),
                // A batch that fails as one is noted as one.
                Err(failure) => match failed.last_mut() {
                    Some((same, all)) if *same == failure && all[0].attempts == one.attempts => {
                        all.push(one);
                    }
                    _ => failed.push((failure, vec![one])),
                },
            }
        }
        let mut noted = Ok(());
        self.metrics.delivered(arrived.len());
        if !arrived.is_empty() {
            noted = self.store.mark_delivered(name, &arrived).await;
        }
        for (failure, all) in failed {
            noted = noted.and(self.failed(&failure, &all).await);
        }
        if let Err(error) = noted {
            tracing::warn!(destination = name, %error, "what came of sending cannot be noted; it is sent again");
        }
    }

    async fn failed(&self, failure: &Failure, all: &[&Claimed]) -> Result<(), StoreError> {
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
                // It is not the notification's fault, so the next one would fare no better.
                let until = Some(Instant::now() + after);
                let mut paused = self.paused_until.lock().unwrap_or_else(PoisonError::into_inner);
                if *paused < until {
                    *paused = until;
                }
                (Ok(after), false)
            }
            Decision::DeadLetter { reason } => {
                self.metrics.gave_up(all.len());
                for one in all {
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
        let undelivered = Undelivered {
            claimed: all,
            again,
            counts,
            class: failure.class.as_str(),
            code: &failure.code,
            message: &message,
        };
        self.store.mark_undelivered(name, &undelivered).await
    }
}

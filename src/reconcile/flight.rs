//! One object, once: rounds of load, fetch, decide, apply until nobody writes in between.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::oneshot;
use tracing::{Instrument as _, Span};

use super::decision::{self, Case, settled_event};
use super::error::{Fault, ReconcileError};
use super::metrics::Metrics;
use super::reconciler;
use super::rides::Rides;
use super::single_flight::{Lead, SingleFlight};
use super::snapshots::{self, Told};
use super::task::{Settled, Task};
use crate::domain::access;
use crate::domain::object::{Row, Subject};
use crate::domain::plan::{self, Next};
use crate::envelope::Carried;
use crate::store::{Applied, BatchedStore, Known, Outcome, Settlement, Store};
use crate::stripe_api::{Client, Fetched};

/// What a payment brings of its charge.
pub(super) type Brought = Result<Box<Fetched>, Box<Fault>>;

/// What all flights share.
pub(super) struct Inner {
    pub(super) store: Store,
    /// The store, for one object at a time.
    pub(super) batched: BatchedStore,
    pub(super) stripe: Client,
    /// Allowed skew between Stripe's clocks, in whole seconds.
    pub(super) margin: i64,
    /// The kinds whose snapshots are believed.
    pub(super) snapshots: Vec<String>,
    /// How long Stripe's API may lag behind an event.
    pub(super) read_lag: Duration,
    pub(super) max_rounds: u32,
    pub(super) single_flight: Arc<SingleFlight<Subject, Member>>,
    pub(super) rides: Arc<Rides<Brought>>,
    pub(super) metrics: Metrics,
}

/// One who waits for an object to be brought up to date.
pub(super) struct Member {
    pub(super) task: Task,
    pub(super) answer: oneshot::Sender<Result<Settled, Fault>>,
    /// What it is part of.
    pub(super) span: Span,
}

/// Flies for an object as long as somebody waits for it.
pub(super) async fn lead(inner: Arc<Inner>, subject: Subject, mut lead: Lead<Subject, Member>) {
    while let Some(members) = lead.board() {
        let span = span_of(&subject, &members);
        let (tasks, answers): (Vec<_>, Vec<_>) =
            members.into_iter().map(|m| (m.task, m.answer)).unzip();
        let flight = inner.flight(&subject, tasks).instrument(span);
        let results = match caught(flight).await {
            Ok(all) => all,
            Err(error) => vec![Err(Fault::from(error)); answers.len()],
        };
        for (answer, result) in answers.into_iter().zip(results) {
            // Who no longer waits has timed out; the effect stands, and a redelivery finds it.
            let _ = answer.send(result);
        }
    }
}

/// The span of a flight: a part of the first one's, linked to the others that it is for.
fn span_of(subject: &Subject, members: &[Member]) -> Span {
    let first = members.first().map_or_else(Span::none, |first| first.span.clone());
    let span = tracing::info_span!(
        target: "otel", parent: &first, "flight",
        kind = subject.kind.as_str(), object = %subject.id, members = members.len()
    );
    for other in members.iter().skip(1) {
        span.follows_from(&other.span);
    }
    span
}

/// A panic becomes an error, so that whoever waits for a flight hears of its end.
async fn caught<T>(
    flight: impl Future<Output = Result<T, ReconcileError>>,
) -> Result<T, ReconcileError> {
    let landed = AssertUnwindSafe(flight).catch_unwind().await;
    landed.unwrap_or_else(|panic| Err(ReconcileError::of_panic(&*panic)))
}

/// What becomes of each who waits for a flight.
type Landed = Vec<Result<Settled, Fault>>;

impl Inner {
    /// One object, once: rounds of load, fetch, decide, apply until nobody writes in between.
    async fn flight(&self, subject: &Subject, tasks: Vec<Task>) -> Result<Landed, ReconcileError> {
        for _ in 0..self.max_rounds {
            if let Some(landed) = self.round(subject, &tasks).await? {
                return Ok(landed);
            }
        }
        Err(ReconcileError::Contested { rounds: self.max_rounds })
    }

    /// `None`: another writer was faster, and what we saw may be older than what it wrote.
    async fn round(
        &self,
        subject: &Subject,
        tasks: &[Task],
    ) -> Result<Option<Landed>, ReconcileError> {
        let ride = self.ride(subject, tasks);
        let events = tasks.iter().filter_map(Task::event_id).cloned().collect();
        let known = self.batched.load(events, subject.clone()).await?;
        let cases = self.cases(subject, &known, tasks);
        let open: Vec<&Case<'_>> = cases.iter().flatten().collect();

        let unknown = open.iter().any(|case| case.next == Next::Fetch);
        let told = if unknown { self.told(subject, &known, &open).await? } else { None };
        let asked = unknown && told.is_none();
        let seen = if asked {
            match self.see(subject, &known, &open, ride).await {
                Ok(seen) => seen,
                Err(faults) => return self.settle_without(&cases, tasks, faults).await,
            }
        } else {
            drop(ride);
            told
        };
        let behind = match &seen {
            Some(seen) if asked => match self.check_lag(subject, &known, &open, seen).await {
                Ok(behind) => behind,
                Err(error) => {
                    let faults = vec![Fault::from(error); asking(&open)];
                    return self.settle_without(&cases, tasks, faults).await;
                }
            },
            Some(_) | None => vec![None; open.len()],
        };
        let request_id = seen.as_ref().and_then(|seen| seen.request_id.clone());
        let cut_short = seen.as_ref().and_then(Fetched::cut_short).map(decision::cut_short);
        let change = match (seen, decision::taken(&open)) {
            (Some(seen), _) => {
                let cause = decision::cause(&open);
                Some(decision::decide(subject, known.row.as_ref(), seen, cause)?)
            }
            (None, Some(taken))
                if known.access_ended.is_none() && decision::closes(&open, asked) =>
            {
                Some(decision::close(subject, known.row.as_ref(), taken, self.store.rules())?)
            }
            (None, Some(_) | None) => None,
        };
        let outcome = |case: &Case<'_>| decision::outcome(case, change.as_ref());
        let outcomes: Vec<_> = cases.iter().map(|case| case.as_ref().map(outcome)).collect();
        let mut remarks = behind.iter().map(|field| field.map(decision::remark));
        let events = tasks.iter().zip(&outcomes).filter_map(|(task, outcome)| {
            // There is one for each that is open.
            let outcome = (*outcome)?;
            let remark = remarks.next().flatten().or_else(|| cut_short.clone());
            let Task::Settle(request) = task else { return None };
            Some(settled_event((**request).clone(), outcome, request_id.clone(), remark))
        });
        let events: Vec<_> = events.collect();
        let anomalous = change.as_ref().is_some_and(decision::is_anomalous);
        if (change.is_some() || !events.is_empty())
            && self.write(Settlement { change, events, command: None }).await? == Applied::Conflict
        {
            self.metrics.conflict();
            return Ok(None);
        }
        self.count(subject, &open, asked, anomalous);
        behind.iter().flatten().for_each(|_| self.metrics.behind(subject.kind));
        // "No such object" comes from an account that is not ours as well: it proves nothing of Stripe.
        let gone = outcomes.contains(&Some(Outcome::Gone));
        let settled = outcomes.into_iter().map(|outcome| match outcome {
            None => Ok(Settled::Before),
            Some(outcome) => Ok(Settled::Now {
                outcome,
                fetched: asked && !gone,
                request_id: request_id.clone(),
            }),
        });
        Ok(Some(settled.collect()))
    }

    /// Stripe's answer settles none of those that asked for it: each has a fault of its own. What needs
    /// no answer is settled.
    async fn settle_without(
        &self,
        cases: &[Option<Case<'_>>],
        tasks: &[Task],
        faults: Vec<Fault>,
    ) -> Result<Option<Landed>, ReconcileError> {
        let first = faults.first().cloned().unwrap_or_else(reconciler::lost);
        let mut faults = faults.into_iter();
        let mut events = Vec::new();
        let mut landed = Vec::with_capacity(tasks.len());
        for (case, task) in cases.iter().zip(tasks) {
            landed.push(match case {
                None => Ok(Settled::Before),
                Some(case) if case.next == Next::Fetch => {
                    Err(faults.next().unwrap_or_else(reconciler::lost))
                }
                // It is settled with the change that closes the account, and that is not written here.
                Some(case) if case.next == Next::Close => Err(first.clone()),
                Some(case) => {
                    let outcome = decision::outcome(case, None);
                    if let Task::Settle(request) = task {
                        events.push(settled_event((**request).clone(), outcome, None, None));
                    }
                    Ok(Settled::Now { outcome, fetched: false, request_id: None })
                }
            });
        }
        if !events.is_empty() {
            // Without a change there is nothing that another writer could be ahead of.
            self.write(Settlement { change: None, events, command: None }).await?;
        }
        Ok(Some(landed))
    }

    /// Whether an event is ahead of a row that was read after it: the answer behind the row lagged, and
    /// the event knows better.
    fn is_ahead(&self, subject: &Subject, row: Option<&Row>, task: &Task) -> bool {
        let lag = i64::try_from(self.read_lag.as_secs()).unwrap_or(i64::MAX);
        row.filter(|row| row.observed_at < task.created().saturating_add(lag)).is_some_and(|row| {
            task.carried(self.store.rules()).is_some_and(|(Carried { object, .. }, _)| {
                object["object"] == subject.kind.as_str()
                    && object["id"] == subject.id.as_str()
                    && decision::is_ahead(subject.kind, row, &object)
            })
        })
    }

    /// What is to be done about each errand; none where its event has settled before.
    fn cases<'a>(
        &self,
        subject: &Subject,
        known: &Known,
        tasks: &'a [Task],
    ) -> Vec<Option<Case<'a>>> {
        let mut settled = known.settled.iter();
        let case = |task: &'a Task| {
            if task.event_id().is_some() && settled.next() == Some(&true) {
                return None;
            }
            let (row, created) = (known.row.as_ref(), task.created());
            let next = plan::next(row, task.covered_after(), self.margin);
            let next = if next == Next::Covered && self.is_ahead(subject, row, task) {
                Next::Fetch
            } else {
                next
            };
            let next =
                access::next(next, row, known.access_ended, task.word(), created, self.margin);
            Some(Case { task, next })
        };
        tasks.iter().map(case).collect()
    }

    /// What the events in hand say of the object, where that is as good as asking.
    async fn told(
        &self,
        subject: &Subject,
        known: &Known,
        open: &[&Case<'_>],
    ) -> Result<Option<Fetched>, ReconcileError> {
        let believed = self.snapshots.iter().any(|kind| kind == subject.kind.as_str());
        let row = known.row.as_ref();
        match (snapshots::read(subject, row, open, self.margin, believed, self.store.rules()), row)
        {
            (Some(Told::So(seen)), _) => Ok(Some(seen)),
            (Some(Told::IfHeld { snapshots, so }), Some(row)) => {
                let held = self.store.holds(subject, row.version, snapshots).await?;
                Ok(held.then_some(so))
            }
            (Some(Told::IfHeld { .. }), None) | (None, _) => Ok(None),
        }
    }

    pub(super) async fn write(&self, settlement: Settlement) -> Result<Applied, ReconcileError> {
        let span = tracing::info_span!(target: "otel", "apply", otel.kind = "client");
        Ok(self.batched.apply(settlement).instrument(span).await?)
    }

    /// Counts what a round came to, once it has come to it.
    fn count(&self, subject: &Subject, open: &[&Case<'_>], asked: bool, anomalous: bool) {
        let number = |wanted: Next| {
            let count = open.iter().filter(|case| case.next == wanted).count();
            u64::try_from(count).unwrap_or(u64::MAX)
        };
        self.metrics.covered(number(Next::Covered));
        if asked {
            self.metrics.shared(number(Next::Fetch).saturating_sub(1));
        } else {
            self.metrics.told(number(Next::Fetch));
        }
        if anomalous {
            self.metrics.anomaly(subject.kind);
        }
    }
}

/// How many ask.
fn asking(open: &[&Case<'_>]) -> usize {
    open.iter().filter(|case| case.next == Next::Fetch).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::failure::Class;
    use crate::reconcile::error::Evidence;

    #[tokio::test]
    async fn a_flight_that_panics_fails_like_any_other() {
        let flight = async {
            assert!(std::hint::black_box(false), "out of {}", "fuel");
            Ok(())
        };
        let fault = Fault::from(caught(flight).await.unwrap_err());
        assert_eq!(
            (fault.failure.code.as_str(), fault.failure.class),
            ("panicked", Class::Transient)
        );
        assert_eq!(fault.failure.message(), "panicked: out of fuel");
        assert_eq!(fault.evidence, Evidence::None, "no dependency is at fault");
    }
}

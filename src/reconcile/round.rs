//! The round: load, fetch, decide, apply, until no other writer comes in between.
//!
//! Called by single flight with an object and all tasks that wait for it. It must never know the queue, or what
//! becomes of a task that failed. The row's version is read before the fetch begins and demanded by the write,
//! which is the whole argument for "never backwards".

use std::sync::Arc;
use std::time::Duration;

use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use super::decision::{self, settled_event};
use super::error::{Evidence, Fault, ReconcileError};
use super::metrics::Metrics;
use super::proof::{self, Asker, SnapshotProof};
use super::task::{OpenTask, Settled, Task, asking};
use crate::domain::access;
use crate::domain::object::{Kind, Row, Subject};
use crate::domain::plan::{self, Next};
use crate::joint_request::{Joined, JointRequests, Part};
use crate::store::{Applied, BatchedStore, Known, Outcome, Settlement, Store};
use crate::stripe_api::{Client, Fetched, StripeError};

/// The charge in the answer to a request for its payment.
type ChargeAnswer = Result<Box<Fetched>, Box<Fault>>;

/// Results of the tasks of a round, in their order.
type Results = Vec<Result<Settled, Fault>>;

/// State that all rounds of a process share.
pub(super) struct Rounds {
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
    pub(super) joint: Arc<JointRequests<Subject, ChargeAnswer>>,
    pub(super) metrics: Metrics,
}

impl Rounds {
    /// Brings one object up to date for all its tasks.
    pub(super) async fn run(self: Arc<Self>, subject: Subject, tasks: Vec<Task>) -> Results {
        let span = span_of(&subject, &tasks);
        self.rounds(&subject, &tasks)
            .instrument(span)
            .await
            .unwrap_or_else(|error| vec![Err(error.into()); tasks.len()])
    }

    async fn rounds(&self, subject: &Subject, tasks: &[Task]) -> Result<Results, ReconcileError> {
        for _ in 0..self.max_rounds {
            if let Some(results) = self.round(subject, tasks).await? {
                return Ok(results);
            }
        }
        Err(ReconcileError::Contested { rounds: self.max_rounds })
    }

    /// `None`: another writer was faster, and what we saw may be older than what it wrote.
    async fn round(
        &self,
        subject: &Subject,
        tasks: &[Task],
    ) -> Result<Option<Results>, ReconcileError> {
        let part = self.part(subject, tasks);
        let events = tasks.iter().filter_map(Task::event_id).cloned().collect();
        let known = self.batched.load(events, subject.clone()).await?;
        let plan = self.plan(subject, &known, tasks);
        let open: Vec<&OpenTask<'_>> = plan.iter().flatten().collect();

        let unknown = open.iter().any(|it| it.next == Next::Fetch);
        let by_event = if unknown { self.snapshot(subject, &known, &open).await? } else { None };
        let asks = unknown && by_event.is_none();
        let found = if asks {
            match self.fetch_proven(subject, &known, &open, part).await {
                Ok(found) => found,
                Err(faults) => {
                    return self.settle_without(subject, &known, &plan, tasks, faults).await;
                }
            }
        } else {
            drop(part);
            by_event
        };
        let behind = match &found {
            Some(found) if asks => {
                match proof::check_lag(&self.store, self.read_lag, subject, &known, &open, found)
                    .await
                {
                    Ok(behind) => behind,
                    Err(error) => {
                        let faults = vec![Fault::from(error); asking(&open).count()];
                        return self.settle_without(subject, &known, &plan, tasks, faults).await;
                    }
                }
            }
            Some(_) | None => vec![None; open.len()],
        };
        let request_id = found.as_ref().and_then(|found| found.request_id.clone());
        let cut_short = found.as_ref().and_then(Fetched::cut_short).map(decision::cut_short);
        let change = match (found, decision::taken(&open)) {
            (Some(found), _) => {
                let cause = decision::cause(&open);
                let mut change = decision::decide(subject, known.row.as_ref(), found, cause)?;
                change.publishing = decision::publishing(&open);
                Some(change)
            }
            (None, Some(taken))
                if known.access_ended.is_none() && decision::closes(&open, asks) =>
            {
                Some(decision::close(subject, known.row.as_ref(), taken, self.store.rules())?)
            }
            (None, Some(_) | None) => None,
        };
        let outcome = |it: &OpenTask<'_>| decision::outcome(it, change.as_ref());
        let outcomes: Vec<_> = plan.iter().map(|it| it.as_ref().map(outcome)).collect();
        let mut remarks = behind.iter().map(|field| field.map(decision::remark));
        let events = tasks.iter().zip(&outcomes).filter_map(|(task, outcome)| {
            // There is one remark for each open task.
            let outcome = (*outcome)?;
            let remark = remarks.next().flatten().or_else(|| cut_short.clone());
            Some(settled_event(task.event()?, outcome, request_id.clone(), remark))
        });
        let events: Vec<_> = events.collect();
        let anomalous = change.as_ref().is_some_and(decision::is_anomalous);
        let tasks = open.iter().map(|it| it.task);
        let release = decision::release(subject, known.withheld, tasks, self.margin);
        if (change.is_some() || !events.is_empty() || release.is_some())
            && self.write(Settlement { change, events, command: None, release }).await?
                == Applied::Conflict
        {
            self.metrics.conflict();
            return Ok(None);
        }
        self.count(subject, &open, asks, anomalous);
        behind.iter().flatten().for_each(|_| self.metrics.behind(subject.kind));
        // "No such object" comes from an account that is not ours as well: it proves nothing of Stripe.
        let gone = outcomes.contains(&Some(Outcome::Gone));
        let settled = outcomes.into_iter().map(|outcome| match outcome {
            None => Ok(Settled::Before),
            Some(outcome) => {
                Ok(Settled::Now { outcome, fetched: asks && !gone, request_id: request_id.clone() })
            }
        });
        Ok(Some(settled.collect()))
    }

    /// Settles what needs no answer of Stripe's. The answer settles none of the tasks that asked for it: each
    /// has a fault of its own.
    async fn settle_without(
        &self,
        subject: &Subject,
        known: &Known,
        plan: &[Option<OpenTask<'_>>],
        tasks: &[Task],
        faults: Vec<Fault>,
    ) -> Result<Option<Results>, ReconcileError> {
        let first = faults.first().cloned().unwrap_or_else(Fault::not_answered);
        let mut faults = faults.into_iter();
        let mut events = Vec::new();
        let mut settled = Vec::new();
        let mut results = Vec::with_capacity(tasks.len());
        for (open, task) in plan.iter().zip(tasks) {
            results.push(match open {
                None => Ok(Settled::Before),
                Some(open) if open.next == Next::Fetch => {
                    Err(faults.next().unwrap_or_else(Fault::not_answered))
                }
                // It is settled with the change that closes the account, and that is not written here.
                Some(open) if open.next == Next::Close => Err(first.clone()),
                Some(open) => {
                    let outcome = decision::outcome(open, None);
                    let event = task.event();
                    settled.push(task);
                    events.extend(event.map(|event| settled_event(event, outcome, None, None)));
                    Ok(Settled::Now { outcome, fetched: false, request_id: None })
                }
            });
        }
        if !events.is_empty() {
            // Without a change there is nothing that another writer could be ahead of.
            let release =
                decision::release(subject, known.withheld, settled.into_iter(), self.margin);
            self.write(Settlement { change: None, events, command: None, release }).await?;
        }
        Ok(Some(results))
    }

    /// What is to be done about each task; none where its event has settled before.
    fn plan<'a>(
        &self,
        subject: &Subject,
        known: &Known,
        tasks: &'a [Task],
    ) -> Vec<Option<OpenTask<'a>>> {
        let mut settled = known.settled.iter();
        let open = |task: &'a Task| {
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
            Some(OpenTask { task, next })
        };
        tasks.iter().map(open).collect()
    }

    /// Whether an event is ahead of a row that was read after it: the answer behind the row lagged, and
    /// the event knows better.
    fn is_ahead(&self, subject: &Subject, row: Option<&Row>, task: &Task) -> bool {
        let lag = i64::try_from(self.read_lag.as_secs()).unwrap_or(i64::MAX);
        row.filter(|row| row.observed_at < task.created().saturating_add(lag)).is_some_and(|row| {
            let carried = task.api_version().and_then(|_| task.carried(self.store.rules()));
            carried.is_some_and(|carried| {
                carried.object["object"] == subject.kind.as_str()
                    && carried.object["id"] == subject.id.as_str()
                    && decision::is_ahead(subject.kind, row, &carried.object)
            })
        })
    }

    /// What the events say of the object, where that is as good as asking Stripe.
    async fn snapshot(
        &self,
        subject: &Subject,
        known: &Known,
        open: &[&OpenTask<'_>],
    ) -> Result<Option<Fetched>, ReconcileError> {
        let believed = self.snapshots.iter().any(|kind| kind == subject.kind.as_str());
        let (row, rules) = (known.row.as_ref(), self.store.rules());
        match (proof::by_snapshots(subject, row, open, self.margin, believed, rules), row) {
            (Some(SnapshotProof::Newer(found)), _) => Ok(Some(found)),
            (Some(SnapshotProof::IfRecorded { snapshots, newest }), Some(row)) => {
                let held = self.store.holds(subject, row.version, &snapshots).await?;
                Ok(held.then(|| proof::shown_by(subject, newest, rules)).flatten())
            }
            (Some(SnapshotProof::IfRecorded { .. }), None) | (None, _) => Ok(None),
        }
    }

    /// The part that this round takes in the request for a payment and its charge.
    fn part(&self, subject: &Subject, tasks: &[Task]) -> Part<Subject, ChargeAnswer> {
        if subject.kind == Kind::PaymentIntent {
            return Part::Primary(self.joint.primary(subject.clone()));
        }
        let payment = tasks.iter().find_map(Task::payment);
        let dependent = payment.filter(|_| subject.kind == Kind::Charge).and_then(|payment| {
            let payment =
                Subject { kind: Kind::PaymentIntent, id: payment.clone(), ..subject.clone() };
            self.joint.dependent(payment, subject.clone())
        });
        dependent.map_or(Part::Alone, Part::Dependent)
    }

    /// Asks Stripe, and judges a refusal. `None`: it refuses us the account, which is recorded, or an event of this round
    /// says so.
    ///
    /// # Errors
    /// A fault for each open task that asks, in their order.
    async fn fetch_proven(
        &self,
        subject: &Subject,
        known: &Known,
        open: &[&OpenTask<'_>],
        part: Part<Subject, ChargeAnswer>,
    ) -> Result<Option<Fetched>, Vec<Fault>> {
        let askers: Vec<_> = asking(open).map(|it| Asker::of(it.task, subject)).collect();
        let all = |error: ReconcileError| vec![Fault::from(error); askers.len()];
        match (self.fetch(subject, part).await.map_err(all)?, &subject.scope.account) {
            (Err(error), _)
                if error.is_access_lost()
                    && (known.access_ended.is_some() || decision::taken(open).is_some()) =>
            {
                Ok(None)
            }
            (Err(error), Some(account)) if error.is_access_lost() => {
                Err(all(ReconcileError::AccessLost { account: account.clone(), error }))
            }
            (answer, _) => {
                let was_detached = open.iter().any(|it| it.task.tells_detachment());
                let answer = proof::detached(subject, was_detached, answer);
                proof::judge(&self.stripe, subject, &askers, answer, self.read_lag).await.map(Some)
            }
        }
    }

    /// Stripe's answer about the object.
    ///
    /// # Errors
    /// The request for its payment, which was to answer for it, failed.
    async fn fetch(
        &self,
        subject: &Subject,
        part: Part<Subject, ChargeAnswer>,
    ) -> Result<Result<Fetched, StripeError>, ReconcileError> {
        let span = tracing::info_span!(
            target: "otel", "fetch", otel.kind = "client", otel.status_code = Empty,
            request_id = Empty
        );
        let fetched = self.ask(subject, part).instrument(span.clone()).await;
        let (request_id, failed) = match &fetched {
            Ok(Ok(fetched)) => (fetched.request_id.clone(), false),
            Ok(Err(error)) => (error.failure().request_id, true),
            Err(error) => (error.failure().request_id, true),
        };
        span.record("request_id", request_id);
        if failed {
            span.record("otel.status_code", "ERROR");
        }
        fetched
    }

    async fn ask(
        &self,
        subject: &Subject,
        part: Part<Subject, ChargeAnswer>,
    ) -> Result<Result<Fetched, StripeError>, ReconcileError> {
        match part {
            Part::Alone => {}
            Part::Dependent(charge) => match charge.join().await {
                Some(Ok(answer)) => {
                    self.metrics.shared(1);
                    return Ok(Ok(*answer));
                }
                Some(Err(fault)) => return Err(ReconcileError::WithPayment(fault)),
                None => {}
            },
            Part::Primary(payment) => {
                let charges = payment.begin().await;
                if !charges.is_empty() {
                    return Ok(self.ask_with_charges(subject, charges).await);
                }
            }
        }
        Ok(self.stripe.fetch(subject).await)
    }

    /// Asks about a payment and its latest charge at once. Another charge asks by itself, unless there was no
    /// answer: it would wait as long for none of its own.
    async fn ask_with_charges(
        &self,
        payment: &Subject,
        joined: Vec<Joined<Subject, ChargeAnswer>>,
    ) -> Result<Fetched, StripeError> {
        let charges: Vec<_> = joined.iter().map(|one| one.key.clone()).collect();
        let answer = self.stripe.fetch_with_charge(payment, &charges).await;
        let (fetched, charge) = match answer {
            Ok(answer) => answer,
            Err(error) if error.was_answered() => return Err(error),
            Err(error) => {
                let fault = Fault { failure: error.failure(), evidence: Evidence::of(&error) };
                for one in joined {
                    one.answer(Err(Box::new(fault.clone())));
                }
                return Err(error);
            }
        };
        if let Some((charge, answer)) = charge
            && let Some(one) = joined.into_iter().find(|one| one.key == charge)
        {
            one.answer(Ok(Box::new(answer)));
        }
        Ok(fetched)
    }

    pub(super) async fn write(&self, settlement: Settlement) -> Result<Applied, ReconcileError> {
        let span = tracing::info_span!(target: "otel", "apply", otel.kind = "client");
        Ok(self.batched.apply(settlement).instrument(span).await?)
    }

    /// Counts what a round came to, once it is written.
    fn count(&self, subject: &Subject, open: &[&OpenTask<'_>], asked: bool, anomalous: bool) {
        let number = |wanted: Next| {
            let count = open.iter().filter(|it| it.next == wanted).count();
            u64::try_from(count).unwrap_or(u64::MAX)
        };
        self.metrics.covered(number(Next::Covered));
        if asked {
            self.metrics.shared(number(Next::Fetch).saturating_sub(1));
        } else {
            self.metrics.by_snapshot(number(Next::Fetch));
        }
        if anomalous {
            self.metrics.anomaly(subject.kind);
        }
    }
}

/// The span of a flight: a part of the first task's, linked to the others that it is for.
fn span_of(subject: &Subject, tasks: &[Task]) -> Span {
    let first = tasks.first().map_or_else(Span::none, |first| first.span.clone());
    let span = tracing::info_span!(
        target: "otel", parent: &first, "flight",
        kind = subject.kind.as_str(), object = %subject.id, members = tasks.len()
    );
    for other in tasks.iter().skip(1) {
        span.follows_from(&other.span);
    }
    span
}

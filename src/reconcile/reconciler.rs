//! Settles events and refreshes objects: the entrance.
//!
//! Called by the worker with an event, by `ops` with an object, and by whoever had Stripe change one and holds its
//! answer. Tasks for the same object share rounds (single flight). It must never know the queue, nor what becomes
//! of an event that could not be settled.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;

use super::decision::{self, settled_event};
use super::error::{Fault, ReconcileError};
use super::metrics::Metrics;
use super::proof::{self, Asker};
use super::round::Rounds;
use super::task::{EventTask, Reason, Settled, Task};
use crate::config;
use crate::domain::access;
use crate::domain::event::{About, Event, Timestamp};
use crate::domain::event_types;
use crate::domain::failure::Class;
use crate::domain::id::{EventId, Mode, Scope};
use crate::domain::object::{self, Kind, Row, Subject};
use crate::domain::plan::Next;
use crate::single_flight::SingleFlight;
use crate::store::{
    Applied, BatchedStore, Change, CommandClosing, Outcome, Publishing, Settlement, Store,
};
use crate::stripe_api::{Client, Fetched, FetchedEvent, StripeError};

/// Brings rows up to date. One a process, so that callers share requests. Cheap to clone.
#[derive(Clone)]
pub struct Reconciler {
    pub(super) rounds: Arc<Rounds>,
    flights: Arc<SingleFlight<Subject, Task, Result<Settled, Fault>>>,
}

/// What was recorded of an object before Stripe was asked to create or to change it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Before {
    subject: Subject,
    row: Option<Row>,
}

impl Before {
    /// Nothing: Stripe has only now created the object.
    #[must_use]
    pub fn created(subject: Subject) -> Self {
        Self { subject, row: None }
    }

    pub(super) fn row(&self) -> Option<&Row> {
        self.row.as_ref()
    }
}

/// What a look at an object comes to.
#[derive(Debug, Clone, PartialEq)]
pub enum Looked {
    /// Stripe was asked; this is what a reconciliation would write.
    Seen {
        /// The change, on the version that is there now.
        change: Box<Change>,
        /// Stripe's id of the request.
        request_id: Option<String>,
    },
    /// The row is a tombstone, which is final, so Stripe is not asked.
    Buried,
    /// Its account took our access back, so Stripe would refuse.
    Deauthorized,
}

/// Longest that a caller waits for answers which are not older than what is known already. A permission that an
/// account seems to have lost is doubted for five seconds.
pub(super) const PATIENCE: Duration = Duration::from_secs(6);

/// Waits until Stripe is to be asked again, for a caller who came at `since`.
///
/// # Errors
/// The fault itself: another look would not help, or its time is later than the caller waits.
pub(super) async fn wait(since: Instant, fault: Fault) -> Result<(), Fault> {
    if let Class::TooEarly { again_after } = fault.failure.class
        && since.elapsed().saturating_add(again_after) <= PATIENCE
    {
        tokio::time::sleep(again_after).await;
        return Ok(());
    }
    Err(fault)
}

impl Reconciler {
    /// A reconciler whose counters no page shows.
    #[must_use]
    pub fn new(store: Store, stripe: Client, settings: &config::Reconcile) -> Self {
        Self::counting(store, stripe, settings, Metrics::default())
    }

    /// A reconciler with these counters.
    #[must_use]
    pub fn counting(
        store: Store,
        stripe: Client,
        settings: &config::Reconcile,
        metrics: Metrics,
    ) -> Self {
        let margin = i64::try_from(settings.clock_skew.as_secs()).unwrap_or(i64::MAX);
        // What the tables must not hold is dropped where it comes in.
        let stripe = stripe.redacting(store.rules());
        let rounds = Arc::new(Rounds {
            batched: BatchedStore::new(&store),
            store,
            stripe,
            margin,
            read_lag: settings.read_lag,
            max_rounds: settings.max_rounds,
            snapshots: settings.snapshots.clone(),
            joint: Arc::default(),
            metrics,
        });
        let shared = Arc::clone(&rounds);
        let flights = SingleFlight::new(move |subject, tasks| {
            Arc::clone(&shared).run(subject, tasks).boxed()
        });
        Self { rounds, flights: Arc::new(flights) }
    }

    /// Settles an event: afterwards the rows that it touches are at least as new as the event, and
    /// the ledger says so. Settling an event twice is the same as once.
    ///
    /// # Errors
    /// Stripe or Postgres failed, or others kept writing the row. Nothing is half-done then, and
    /// the same call may be made again.
    pub async fn settle(&self, event: EventTask) -> Result<Settled, Fault> {
        let subjects = object::subjects(&event.event).map_err(ReconcileError::from)?;
        let mut task = Task::of_event(event, self.rounds.store.rules());
        let mut subjects = subjects.into_iter();
        let Some(primary) = subjects.next() else {
            return self.ignore(&task).await.map_err(Fault::from);
        };
        if primary.kind == Kind::Account
            && let Some(event) = task.event_mut()
        {
            // The event may carry a part of the account, or the application that lost it. What a notification
            // and the ledger say is about the account.
            event.event.about = Some(About {
                object: Kind::Account.as_str().into(),
                id: Some(primary.id.clone()),
                charge: None,
                payment_intent: None,
                owner: None,
                failure: None,
                by_test_clock: false,
                shown: None,
            });
        }
        // The others first: an event that the ledger calls settled is not tried again.
        for subject in subjects {
            let (created, cause) = (task.created(), task.as_cause());
            self.run(
                subject,
                Task::new(Reason::Refresh { created, cause, publishing: Publishing::Publish }),
            )
            .await?;
        }
        self.run(primary, task).await
    }

    /// Brings one object up to date, whatever is known of it.
    ///
    /// # Errors
    /// As [`Self::settle`].
    pub async fn refresh(&self, subject: Subject) -> Result<Settled, Fault> {
        self.refresh_publishing(subject, Publishing::Publish).await
    }

    /// The same, with notifications that are published or withheld as it says. Where an event asks for the object at
    /// the same time, they are published.
    pub(super) async fn refresh_publishing(
        &self,
        subject: Subject,
        publishing: Publishing,
    ) -> Result<Settled, Fault> {
        let reason = Reason::Refresh { created: Timestamp::MAX, cause: None, publishing };
        self.run_patiently(subject, reason).await
    }

    /// Reads what is recorded of an object. To be called *before* Stripe is asked to change it.
    ///
    /// # Errors
    /// Postgres failed.
    pub async fn before(&self, subject: Subject) -> Result<Before, Fault> {
        let known = self.rounds.batched.load(Vec::new(), subject.clone()).await;
        let row = known.map_err(ReconcileError::from)?.row;
        Ok(Before { subject, row })
    }

    /// Writes what Stripe answered when it created or changed an object, and the end of the command in the
    /// same transaction. Where the row has been written since `before` was read, the answer may be older than
    /// the row: then the row is brought up to the time of the answer instead, with a request if it has to be,
    /// and the command is ended after that.
    ///
    /// The answer must be Stripe's answer to a request that was sent after `before` was read. A replayed answer
    /// (`Idempotent-Replayed: true`) is none: it shows the object as it was at the first request. For that there
    /// is [`Self::refresh`].
    ///
    /// # Errors
    /// Postgres failed, or the row had been written since and Stripe could not be asked. The command is not
    /// ended then. The row may have been written, and calling this again does no harm.
    pub async fn record(
        &self,
        before: Before,
        answer: Fetched,
        command: Option<CommandClosing>,
    ) -> Result<Settled, Fault> {
        let Before { subject, row } = before;
        let request_id = answer.request_id.clone();
        let as_new_as = Reason::answered(&answer);
        let change = decision::decide(&subject, row.as_ref(), answer, None);
        let change = change.map_err(ReconcileError::from)?;
        let outcome = decision::outcome_of_change(&change);
        let anomalous = decision::is_anomalous(&change);
        let settlement = Settlement {
            change: Some(change),
            events: Vec::new(),
            command: command.clone(),
            release: None,
        };
        if self.rounds.write(settlement).await? == Applied::Done {
            if anomalous {
                self.rounds.metrics.anomaly(subject.kind);
            }
            return Ok(Settled::Now { outcome, fetched: true, request_id });
        }
        self.rounds.metrics.conflict();
        let settled = self.run_patiently(subject, as_new_as).await?;
        if command.is_some() {
            let (events, release) = (Vec::new(), None);
            self.rounds.write(Settlement { change: None, events, command, release }).await?;
        }
        Ok(settled)
    }

    /// Asks Stripe for an object and decides, and writes nothing. `event`: the one that would have it
    /// reconciled; none for a look without one.
    ///
    /// # Errors
    /// Stripe or Postgres failed.
    pub async fn look(&self, subject: &Subject, event: Option<&Event>) -> Result<Looked, Fault> {
        let rounds = &self.rounds;
        let loaded = rounds.store.load(&[], std::slice::from_ref(subject)).await;
        let loaded = loaded.map_err(ReconcileError::from)?;
        let row = loaded.rows.into_iter().next().flatten();
        if row.as_ref().is_some_and(|row| row.deleted) {
            return Ok(Looked::Buried);
        }
        let ended = loaded.access_ended.into_iter().next().flatten();
        let (created, word) = event.map_or((Timestamp::MAX, None), |event| {
            (event.created, access::word(&event.event_type))
        });
        let next = access::next(Next::Fetch, row.as_ref(), ended, word, created, rounds.margin);
        if matches!(next, Next::Close | Next::Closed) {
            return Ok(Looked::Deauthorized);
        }
        let answer = rounds.stripe.fetch(subject).await;
        if ended.is_some() && answer.as_ref().is_err_and(StripeError::is_access_lost) {
            return Ok(Looked::Deauthorized);
        }
        let was_detached = event.is_some_and(|it| event_types::is_detachment(&it.event_type));
        let answer = proof::detached(subject, was_detached, answer);
        let asker = event.map_or_else(Asker::default, |event| Asker::of_event(event, subject));
        let judged = proof::judge(&rounds.stripe, subject, &[asker], answer, rounds.read_lag).await;
        let fetched = judged
            .map_err(|faults| faults.into_iter().next().unwrap_or_else(Fault::not_answered))?;
        let request_id = fetched.request_id.clone();
        let change = decision::decide(subject, row.as_ref(), fetched, None);
        let change = Box::new(change.map_err(ReconcileError::from)?);
        Ok(Looked::Seen { change, request_id })
    }

    /// Asks Stripe for an event, as it was sent. `None`: Stripe has none of this id, or no longer.
    ///
    /// # Errors
    /// Stripe failed.
    pub async fn event(&self, scope: &Scope, id: &EventId) -> Result<Option<FetchedEvent>, Fault> {
        match self.rounds.stripe.event(scope, id).await {
            Ok(event) => Ok(Some(event)),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(ReconcileError::from(error).into()),
        }
    }

    /// The mode of the objects that the key can read, where the key says it.
    #[must_use]
    pub fn mode(&self) -> Option<Mode> {
        self.rounds.stripe.key_mode()
    }

    /// Records an event of a kind that we do not handle in the ledger, so that it is known to have come.
    async fn ignore(&self, task: &Task) -> Result<Settled, ReconcileError> {
        let event = task.event().map(|event| settled_event(event, Outcome::Ignored, None, None));
        let events = event.into_iter().collect();
        let settlement = Settlement { change: None, events, command: None, release: None };
        self.rounds.batched.apply(settlement).await?;
        Ok(Settled::Now { outcome: Outcome::Ignored, fetched: false, request_id: None })
    }

    /// The same for a caller who cannot come again later, as an event's job does: where Stripe's answer is older
    /// than what is known already, it is asked for again, for as long as [`PATIENCE`].
    async fn run_patiently(&self, subject: Subject, reason: Reason) -> Result<Settled, Fault> {
        let since = Instant::now();
        loop {
            let task = Task::since(since, reason.clone());
            match self.run(subject.clone(), task).await {
                Err(fault) => wait(since, fault).await?,
                settled => return settled,
            }
        }
    }

    /// Runs a task, together with the others that wait for the same object.
    async fn run(&self, subject: Subject, task: Task) -> Result<Settled, Fault> {
        let answered = self.flights.ask(subject, task).await;
        answered.unwrap_or_else(|error| Err(ReconcileError::from(error).into()))
    }
}

//! The road: load, fetch, decide, apply.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use futures_util::FutureExt as _;
use tokio::sync::oneshot;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use super::error::{Evidence, ReconcileError};
use super::flights::{Flights, Lead};
use super::metrics::Metrics;
use super::missing;
use crate::config;
use crate::domain::access::{self, Word};
use crate::domain::account;
use crate::domain::event::{About, Event, Timestamp};
use crate::domain::event_types::{self, Way};
use crate::domain::failure::{Class, Failure};
use crate::domain::id::EventId;
use crate::domain::notification;
use crate::domain::object::{self, Kind, Observed, Recorded, Row, Subject};
use crate::domain::plan::{self, Next};
use crate::domain::transition::Move;
use crate::store::{
    Applied, Attempt, Change, NewState, Outcome, Receipt, SettledEvent, Settlement, Store,
};
use crate::stripe_api::{Client, Fetched, FetchedState, StripeError};

/// An event to settle, with what the ledger keeps about its arrival and this attempt.
#[derive(Debug, Clone)]
pub struct Request {
    /// The event.
    pub event: Event,
    /// How it came in.
    pub receipt: Receipt,
    /// The number of this attempt, from 1.
    pub attempt: u32,
    /// When this attempt began: milliseconds since 1970.
    pub started_at_ms: i64,
    /// The same moment, for its duration.
    pub started: Instant,
    /// The worker that makes it.
    pub worker: String,
    /// The trace that it belongs to.
    pub trace_id: Option<String>,
}

/// How an event ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// Now, like this.
    Now {
        /// What it did.
        outcome: Outcome,
        /// Whether Stripe was asked.
        fetched: bool,
        /// Stripe's id of that request.
        request_id: Option<String>,
    },
    /// Before: a duplicate.
    Before,
}

/// A failure, and what it proves about the dependencies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What the worker decides on.
    pub failure: Failure,
    /// Whether something is down.
    pub evidence: Evidence,
}

impl From<ReconcileError> for Fault {
    fn from(error: ReconcileError) -> Self {
        Self { failure: error.failure(), evidence: error.evidence() }
    }
}

/// One who waits for an object to be brought up to date.
struct Member {
    errand: Errand,
    answer: oneshot::Sender<Result<Settled, Fault>>,
    /// What it is part of.
    span: Span,
}

enum Errand {
    /// Settle this event with it.
    Settle(Box<Request>),
    /// Only see to it that the row knows what was so at `created`, because `cause` touched it, or
    /// because somebody wants to know.
    Refresh { created: Timestamp, cause: Option<EventId> },
}

impl Errand {
    fn created(&self) -> Timestamp {
        match self {
            Self::Settle(request) => request.event.created,
            Self::Refresh { created, .. } => *created,
        }
    }

    fn cause(&self) -> Option<&EventId> {
        match self {
            Self::Settle(request) => Some(&request.event.id),
            Self::Refresh { cause, .. } => cause.as_ref(),
        }
    }

    /// The event behind it, if Stripe has it by its id among those of its first API, and when it was
    /// made.
    fn led_here(&self) -> Option<(&EventId, Timestamp)> {
        match self {
            // A thin event has no version, and is found elsewhere.
            Self::Settle(request) if request.event.api_version.is_none() => None,
            Self::Settle(request) => Some((&request.event.id, request.event.created)),
            Self::Refresh { created, cause } => cause.as_ref().map(|cause| (cause, *created)),
        }
    }

    /// What it says about our access to its account.
    fn word(&self) -> Option<Word> {
        match self {
            Self::Settle(request) => access::word(&request.event.event_type),
            Self::Refresh { .. } => None,
        }
    }
}

/// Brings rows up to date. One a process, so that its flights are shared.
#[derive(Clone)]
pub struct Reconciler {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) store: Store,
    pub(super) stripe: Client,
    /// Allowed skew between Stripe's clocks, in whole seconds.
    margin: i64,
    max_rounds: u32,
    flights: Arc<Flights<Subject, Member>>,
    metrics: Metrics,
}

impl Reconciler {
    /// Puts the road together.
    #[must_use]
    pub fn new(store: Store, stripe: Client, settings: &config::Reconcile) -> Self {
        Self::counting(store, stripe, settings, Metrics::default())
    }

    /// The same, counting where it is seen.
    #[must_use]
    pub fn counting(
        store: Store,
        stripe: Client,
        settings: &config::Reconcile,
        metrics: Metrics,
    ) -> Self {
        let margin = i64::try_from(settings.clock_skew.as_secs()).unwrap_or(i64::MAX);
        let flights = Arc::new(Flights::new());
        let max_rounds = settings.max_rounds;
        Self { inner: Arc::new(Inner { store, stripe, margin, max_rounds, flights, metrics }) }
    }

    /// Settles an event: afterwards the rows that it touches are at least as new as the event, and
    /// the ledger says so. Settling an event twice is the same as once.
    ///
    /// # Errors
    /// Stripe or Postgres failed, or others kept writing the row. Nothing is half-done then, and
    /// the same call may be made again.
    pub async fn settle(&self, mut request: Request) -> Result<Settled, Fault> {
        let mut subjects = object::subjects(&request.event).into_iter();
        let Some(primary) = subjects.next() else {
            return self.ignore(request).await.map_err(Fault::from);
        };
        if primary.kind == Kind::Account {
            // The event may carry a part of the account, or the application that lost it. What is
            // told, and kept in the ledger, is told of the account.
            let id = Some(primary.id.clone());
            let object = Kind::Account.as_str().into();
            request.event.about = Some(About {
                object,
                id,
                charge: None,
                payment_intent: None,
                owner: None,
                failure: None,
            });
        }
        // The others first: once the ledger says "settled", nobody comes back to them.
        for subject in subjects {
            let created = request.event.created;
            let cause = Some(request.event.id.clone());
            self.fly(subject, Errand::Refresh { created, cause }).await?;
        }
        self.fly(primary, Errand::Settle(Box::new(request))).await
    }

    /// Brings one object up to date, whatever is known of it.
    ///
    /// # Errors
    /// As [`Self::settle`].
    pub async fn refresh(&self, subject: Subject) -> Result<Settled, Fault> {
        self.fly(subject, Errand::Refresh { created: Timestamp::MAX, cause: None }).await
    }

    /// Keeps an event of a kind that we do not handle in the ledger, so that it is known to have
    /// come.
    async fn ignore(&self, request: Request) -> Result<Settled, ReconcileError> {
        let event = settled_event(request, Outcome::Ignored, None);
        self.inner.store.apply(&[Settlement { change: None, events: vec![event] }]).await?;
        Ok(Settled::Now { outcome: Outcome::Ignored, fetched: false, request_id: None })
    }

    async fn fly(&self, subject: Subject, errand: Errand) -> Result<Settled, Fault> {
        let (answer, landed) = oneshot::channel();
        let span = Span::current();
        if let Some(lead) =
            self.inner.flights.join(subject.clone(), Member { errand, answer, span })
        {
            // On a task of its own: whoever gives up waiting must not stop it for the others.
            tokio::spawn(lead_flights(Arc::clone(&self.inner), subject, lead));
        }
        landed.await.unwrap_or_else(|_| Err(lost()))
    }
}

/// The leader is gone without an answer: the runtime is going down.
fn lost() -> Fault {
    let failure = Failure {
        class: Class::Transient,
        code: "flight_lost".to_owned(),
        chain: vec![
            "the task that asked Stripe for this object ended without an answer".to_owned(),
        ],
        request_id: None,
        should_retry: None,
    };
    Fault { failure, evidence: Evidence::None }
}

async fn lead_flights(inner: Arc<Inner>, subject: Subject, mut lead: Lead<Subject, Member>) {
    while let Some(members) = lead.board() {
        let span = span_of(&subject, &members);
        let (errands, answers): (Vec<_>, Vec<_>) =
            members.into_iter().map(|m| (m.errand, m.answer)).unzip();
        let flight = inner.flight(&subject, errands).instrument(span);
        let results = match caught(flight).await {
            Ok(all) => all.into_iter().map(Ok).collect(),
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

impl Inner {
    /// One object, once: rounds of load, fetch, decide, apply until nobody writes in between.
    async fn flight(
        &self,
        subject: &Subject,
        errands: Vec<Errand>,
    ) -> Result<Vec<Settled>, ReconcileError> {
        for _ in 0..self.max_rounds {
            if let Some(settled) = self.round(subject, &errands).await? {
                return Ok(settled);
            }
        }
        Err(ReconcileError::Contested { rounds: self.max_rounds })
    }

    /// `None`: another writer was faster, and what we saw may be older than what it wrote.
    async fn round(
        &self,
        subject: &Subject,
        errands: &[Errand],
    ) -> Result<Option<Vec<Settled>>, ReconcileError> {
        let events: Vec<&EventId> = errands.iter().filter_map(Errand::event_id).collect();
        let loaded = self.store.load(&events, std::slice::from_ref(subject)).await?;
        let row = loaded.rows.into_iter().next().flatten();
        let ended = loaded.access_ended.first() == Some(&true);

        let (steps, open): (Vec<_>, Vec<_>) = errands
            .iter()
            .map(|errand| {
                let settled = errand.event_id().is_some_and(|id| loaded.settled.contains(id));
                let (row, created) = (row.as_ref(), errand.created());
                let next = plan::next(row, created, self.margin);
                (access::next(next, row, ended, errand.word(), created), !settled)
            })
            .unzip();
        let ask = steps.iter().zip(&open).any(|(step, open)| *open && *step == Next::Fetch);

        // The newest of those in hand that say that our access was taken.
        let still_open = errands.iter().zip(&open).filter(|(_, open)| **open).map(|(e, _)| e);
        let taken = still_open.clone().filter(|e| e.word() == Some(Word::Taken));
        let taken = taken.max_by_key(|errand| errand.created());
        let told_deleted = still_open.clone().any(Errand::tells_deletion);
        let look = if ask { Some(self.fetch(subject).await) } else { None };
        if let Some(Err(error)) = &look
            && error.is_missing()
            && !told_deleted
            && let Some(led_here) = still_open.clone().find_map(Errand::led_here)
        {
            missing::check_account(&self.stripe, subject, led_here, error).await?;
        }
        let fetched = match look {
            Some(Err(error)) if error.is_access_lost() => {
                if !ended && taken.is_none() {
                    return Err(ReconcileError::AccessLost(error));
                }
                None
            }
            Some(look) => Some(missing::judge(subject, told_deleted, look)?),
            None => None,
        };
        let request_id = fetched.as_ref().and_then(|f| f.request_id.clone());
        let change = match (fetched, taken) {
            (Some(fetched), _) => {
                let cause = still_open.clone().next().and_then(Errand::cause).cloned();
                Some(decide(subject, row.as_ref(), fetched, cause)?)
            }
            (None, Some(taken)) if !ended && steps_close(&steps, &open, ask) => {
                Some(close(subject, row.as_ref(), taken)?)
            }
            (None, Some(_) | None) => None,
        };

        let outcomes: Vec<Option<Outcome>> = steps
            .iter()
            .zip(&open)
            .zip(errands)
            .map(|((step, open), errand)| {
                open.then(|| outcome(*step, errand.word(), change.as_ref()))
            })
            .collect();
        let events = errands.iter().zip(&outcomes).filter_map(|(errand, outcome)| match errand {
            Errand::Settle(request) => {
                outcome.map(|o| settled_event((**request).clone(), o, request_id.clone()))
            }
            Errand::Refresh { .. } => None,
        });
        let settlement = Settlement { events: events.collect(), change };

        if settlement.change.is_some() || !settlement.events.is_empty() {
            let applying = self.store.apply(std::slice::from_ref(&settlement));
            let span = tracing::info_span!(target: "otel", "apply", otel.kind = "client");
            match applying.instrument(span).await?.first() {
                Some(Applied::Done) => {}
                Some(Applied::Conflict) | None => {
                    self.metrics.conflict();
                    return Ok(None);
                }
            }
        }
        self.count(&steps, &open, settlement.change.as_ref());
        let settled = outcomes.into_iter().map(|outcome| match outcome {
            None => Settled::Before,
            Some(outcome) => Settled::Now { outcome, fetched: ask, request_id: request_id.clone() },
        });
        Ok(Some(settled.collect()))
    }

    async fn fetch(&self, subject: &Subject) -> Result<Fetched, StripeError> {
        let span = tracing::info_span!(
            target: "otel", "fetch", otel.kind = "client", otel.status_code = Empty,
            request_id = Empty
        );
        let fetched = self.stripe.fetch(subject).instrument(span.clone()).await;
        match &fetched {
            Ok(fetched) => {
                span.record("request_id", fetched.request_id.as_deref());
            }
            Err(error) => {
                span.record("otel.status_code", "ERROR");
                span.record("request_id", error.failure().request_id);
            }
        }
        fetched
    }

    /// Counts what a round came to, once it has come to it.
    fn count(&self, steps: &[Next], open: &[bool], change: Option<&Change>) {
        let number = |wanted: Next| {
            let all = steps.iter().zip(open).filter(|(step, open)| **open && **step == wanted);
            u64::try_from(all.count()).unwrap_or(u64::MAX)
        };
        self.metrics.covered(number(Next::Covered));
        self.metrics.shared(number(Next::Fetch).saturating_sub(1));
        if let Some(change) = change
            && let NewState::Present { transition, .. } = &change.state
            && transition.kind == Move::Anomalous
        {
            self.metrics.anomaly(change.subject.kind);
        }
    }
}

impl Errand {
    /// Whether its event says that the object was deleted.
    fn tells_deletion(&self) -> bool {
        match self {
            Self::Settle(request) => event_types::way(&request.event.event_type) == Way::Deleted,
            Self::Refresh { .. } => false,
        }
    }

    fn event_id(&self) -> Option<&EventId> {
        match self {
            Self::Settle(request) => Some(&request.event.id),
            Self::Refresh { .. } => None,
        }
    }
}

/// Whether what is in hand ends our access: Stripe refused it, or nobody had to be asked.
fn steps_close(steps: &[Next], open: &[bool], refused: bool) -> bool {
    refused || steps.iter().zip(open).any(|(step, open)| *open && *step == Next::Close)
}

/// The account took our access back: its row says so, and keeps what was last seen.
fn close(subject: &Subject, row: Option<&Row>, taken: &Errand) -> Result<Change, ReconcileError> {
    let recorded = row.and_then(|row| row.recorded.as_ref());
    let before = match recorded {
        Some(Recorded::Account(before)) => Some(before),
        _ => None,
    };
    let observed = Observed::Account(Box::new(account::Observed::deauthorized(before)));
    let (transition, notifications) = object::decide(recorded, &observed)?;
    let raw = match row {
        Some(_) => serde_json::Value::Null,
        None => serde_json::json!({ "id": subject.id.as_str(), "object": "account" }),
    };
    Ok(Change {
        subject: subject.clone(),
        expected_version: row.map_or(0, |row| row.version),
        observed_at: row.map_or(taken.created(), |row| row.observed_at.max(taken.created())),
        state: NewState::Present { observed, transition, notifications, raw },
        cause: taken.cause().cloned(),
    })
}

/// What the fetch makes of the row. Pure: the rules decide, this only carries.
pub(super) fn decide(
    subject: &Subject,
    row: Option<&Row>,
    fetched: Fetched,
    cause: Option<EventId>,
) -> Result<Change, ReconcileError> {
    let state = match fetched.state {
        FetchedState::Deleted => NewState::Deleted,
        FetchedState::Present { observed, raw } => {
            let recorded = row.and_then(|row| row.recorded.as_ref());
            let (transition, notifications) = object::decide(recorded, &observed)?;
            NewState::Present { observed, transition, notifications, raw }
        }
    };
    Ok(Change {
        subject: subject.clone(),
        expected_version: row.map_or(0, |row| row.version),
        // Both are lower bounds of when this fetch began: it began after the row was read, and so
        // after the row's own fetch. A slow answer must not take the better one back.
        observed_at: row
            .map_or(fetched.observed_at, |row| row.observed_at.max(fetched.observed_at)),
        state,
        cause,
    })
}

fn outcome(step: Next, word: Option<Word>, change: Option<&Change>) -> Outcome {
    match (change.map(|change| &change.state), step) {
        (Some(NewState::Deleted), _) | (None, Next::Gone) => Outcome::Gone,
        // What came with the event that took our access had nothing to look at; unless a look
        // before that had told it all.
        (Some(state), step) if ends_access(state) && word != Some(Word::Taken) => match step {
            Next::Covered => Outcome::Covered,
            Next::Gone => Outcome::Gone,
            Next::Fetch | Next::Close | Next::Closed => Outcome::Deauthorized,
        },
        (Some(NewState::Present { transition, .. }), _) if transition.is_change() => {
            Outcome::Applied
        }
        // The first sight of an object that has no status.
        (Some(NewState::Present { .. }), _)
            if change.is_some_and(|change| change.expected_version == 0) =>
        {
            Outcome::Applied
        }
        (Some(NewState::Present { .. }), _) => Outcome::Unchanged,
        (None, Next::Covered) => Outcome::Covered,
        // A fetch without a change was refused in an account that is closed to us.
        (None, Next::Fetch | Next::Close | Next::Closed) => Outcome::Deauthorized,
    }
}

fn ends_access(state: &NewState) -> bool {
    match state {
        NewState::Present { observed: Observed::Account(observed), .. } => {
            matches!(**observed, account::Observed::Deauthorized { .. })
        }
        NewState::Present { .. } | NewState::Deleted => false,
    }
}

fn settled_event(request: Request, outcome: Outcome, request_id: Option<String>) -> SettledEvent {
    let duration_ms = i64::try_from(request.started.elapsed().as_millis()).unwrap_or(i64::MAX);
    SettledEvent {
        occurrences: notification::occurrence(&request.event.event_type).into_iter().collect(),
        outcome,
        receipt: request.receipt,
        attempt: Attempt {
            number: request.attempt,
            started_at_ms: request.started_at_ms,
            duration_ms,
            worker: request.worker,
            request_id,
            trace_id: request.trace_id,
            failure: None,
        },
        event: request.event,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

//! The road's entrance: an event or an object comes in, and what became of it goes out.

use std::sync::Arc;

use tokio::sync::oneshot;
use tracing::Span;

use super::decision::settled_event;
use super::error::{Evidence, Fault, ReconcileError};
use super::flight::{self, Inner, Member};
use super::metrics::Metrics;
use super::single_flight::SingleFlight;
use super::task::{Cause, Request, Settled, Task};
use crate::config;
use crate::domain::event::{About, Timestamp};
use crate::domain::failure::{Class, Failure};
use crate::domain::object::{self, Kind, Subject};
use crate::store::{BatchedStore, Outcome, Settlement, Store};
use crate::stripe_api::Client;

/// Brings rows up to date. One a process, so that its flights are shared.
#[derive(Clone)]
pub struct Reconciler {
    pub(super) inner: Arc<Inner>,
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
        // What the tables must not hold is dropped where it comes in.
        let stripe = stripe.redacting(store.rules());
        let inner = Inner {
            batched: BatchedStore::new(&store),
            store,
            stripe,
            margin,
            read_lag: settings.read_lag,
            max_rounds: settings.max_rounds,
            snapshots: settings.snapshots.clone(),
            single_flight: Arc::new(SingleFlight::new()),
            rides: Arc::default(),
            metrics,
        };
        Self { inner: Arc::new(inner) }
    }

    /// Settles an event: afterwards the rows that it touches are at least as new as the event, and
    /// the ledger says so. Settling an event twice is the same as once.
    ///
    /// # Errors
    /// Stripe or Postgres failed, or others kept writing the row. Nothing is half-done then, and
    /// the same call may be made again.
    pub async fn settle(&self, mut request: Request) -> Result<Settled, Fault> {
        request.show(self.inner.store.rules());
        let subjects = object::subjects(&request.event).map_err(ReconcileError::from)?;
        let mut subjects = subjects.into_iter();
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
                by_test_clock: false,
                shown: None,
            });
        }
        // The others first: once the ledger says "settled", nobody comes back to them.
        for subject in subjects {
            let created = request.event.created;
            let cause = Some(Cause::of(&request));
            self.fly(subject, Task::Refresh { created, cause }).await?;
        }
        self.fly(primary, Task::Settle(Box::new(request))).await
    }

    /// Brings one object up to date, whatever is known of it.
    ///
    /// # Errors
    /// As [`Self::settle`].
    pub async fn refresh(&self, subject: Subject) -> Result<Settled, Fault> {
        self.fly(subject, Task::Refresh { created: Timestamp::MAX, cause: None }).await
    }

    /// Keeps an event of a kind that we do not handle in the ledger, so that it is known to have
    /// come.
    async fn ignore(&self, request: Request) -> Result<Settled, ReconcileError> {
        let event = settled_event(request, Outcome::Ignored, None, None);
        let settlement = Settlement { change: None, events: vec![event], command: None };
        self.inner.batched.apply(settlement).await?;
        Ok(Settled::Now { outcome: Outcome::Ignored, fetched: false, request_id: None })
    }

    pub(super) async fn fly(&self, subject: Subject, task: Task) -> Result<Settled, Fault> {
        let (answer, landed) = oneshot::channel();
        let span = Span::current();
        if let Some(lead) =
            self.inner.single_flight.join(subject.clone(), Member { task, answer, span })
        {
            // On a task of its own: whoever gives up waiting must not stop it for the others.
            tokio::spawn(flight::lead(Arc::clone(&self.inner), subject, lead));
        }
        landed.await.unwrap_or_else(|_| Err(lost()))
    }
}

/// The leader is gone without an answer: the runtime is going down.
pub(super) fn lost() -> Fault {
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

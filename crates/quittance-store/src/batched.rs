//! [`Store::load`] and [`Store::apply`] for many callers with one object each: concurrent calls share a round trip
//! and a commit (group commit).
//!
//! A slice fails as a whole. So after a failure, its members are retried one by one, and each caller gets its own
//! result as soon as there is one: a value that violates a constraint, or a lock that another transaction holds
//! for long, costs the other members one retry. There is no retry if the failure concerns all of them, for
//! example when Postgres is down.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::Semaphore;

use super::apply::Prepared;
use super::batcher::{Asked, Batcher, Limits};
use super::connect::Store;
use super::error::StoreError;
use super::settlement::{Applied, Settlement};
use quittance_domain::event::Timestamp;
use quittance_domain::failure::Class;
use quittance_domain::id::EventId;
use quittance_domain::object::{Row, Subject};

/// Limits of the batchers. A second round trip starts only when many calls wait, because a larger slice costs less
/// for each member. The locks of all its objects are held until a write commits.
const LIMITS: Limits = Limits { at_once: 2, beside_at: 16, most: 64 };

/// Recorded state of an object, and of the events that are to be settled with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// For each event, whether it is settled or ignored.
    pub settled: Vec<bool>,
    /// The row; `None` if there is none.
    pub row: Option<Row>,
    /// When its account was deauthorized, if it was.
    pub access_ended: Option<Timestamp>,
    /// By when the state had been seen whose notifications are withheld, if some are.
    pub withheld: Option<Timestamp>,
}

/// Longest wait of a write for a lock. A transaction that holds one for longer is not a worker's write: those
/// commit within milliseconds. The member that needs the lock fails as contention, and is retried later; the
/// others continue.
const LOCK_WAIT: Duration = Duration::from_millis(500);

/// Most single retries of writes in flight. Each may wait for a lock, and must leave connections of the pool for
/// the others.
const ALONE_AT_ONCE: usize = 3;

struct Question {
    events: Vec<EventId>,
    subject: Subject,
}

/// A store whose loads and writes are made in batches. Clones share batches.
#[derive(Clone)]
pub struct BatchedStore {
    loads: Batcher<Question, Result<Known, StoreError>>,
    writes: Batcher<Prepared, Result<Applied, StoreError>>,
    store: Arc<Store>,
}

impl BatchedStore {
    /// Calls on `store`.
    #[must_use]
    pub fn new(store: &Store) -> Self {
        let store = Arc::new(store.clone());
        let (reader, writer) = (Arc::clone(&store), Arc::clone(&store));
        let alone = Arc::new(Semaphore::new(ALONE_AT_ONCE));
        Self {
            store,
            loads: Batcher::new(LIMITS, move |questions| {
                load(Arc::clone(&reader), questions).boxed()
            }),
            writes: Batcher::new(LIMITS, move |slice| {
                apply(Arc::clone(&writer), Arc::clone(&alone), slice).boxed()
            }),
        }
    }

    /// Loads the recorded state of an object and of events.
    ///
    /// # Errors
    /// As [`Store::load`].
    pub async fn load(&self, events: Vec<EventId>, subject: Subject) -> Result<Known, StoreError> {
        self.loads.ask(Question { events, subject }).await.unwrap_or(Err(StoreError::Lost))
    }

    /// Writes a settlement, if its object's version has not changed since the decision.
    ///
    /// # Errors
    /// As [`Store::apply`]; nothing of this settlement is written then.
    pub async fn apply(&self, settlement: Settlement) -> Result<Applied, StoreError> {
        let prepared = self.store.prepare(settlement);
        self.writes.ask(prepared).await.unwrap_or(Err(StoreError::Lost))
    }
}

type AskedLoad = Asked<Question, Result<Known, StoreError>>;

async fn load(store: Arc<Store>, asked: Vec<AskedLoad>) {
    let questions: Vec<&Question> = asked.iter().map(|asked| &asked.question).collect();
    let known = load_slice(&store, &questions).await;
    answer(asked, known, |asked| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let known = load_slice(&store, &[&asked.question]).await;
            let own = known.and_then(|mut known| known.pop().ok_or(StoreError::Lost));
            asked.answer(own);
        });
    });
}

async fn load_slice(store: &Store, questions: &[&Question]) -> Result<Vec<Known>, StoreError> {
    let events: Vec<&EventId> = questions.iter().flat_map(|question| &question.events).collect();
    let subjects: Vec<Subject> = questions.iter().map(|q| q.subject.clone()).collect();
    let loaded = store.load(&events, &subjects).await?;
    let objects = loaded.rows.into_iter().zip(loaded.access_ended).zip(loaded.withheld);
    let known = questions.iter().zip(objects);
    let known = known.map(|(question, ((row, access_ended), withheld))| Known {
        settled: question.events.iter().map(|id| loaded.settled.contains(id)).collect(),
        row,
        access_ended,
        withheld,
    });
    Ok(known.collect())
}

type AskedWrite = Asked<Prepared, Result<Applied, StoreError>>;

async fn apply(store: Arc<Store>, alone: Arc<Semaphore>, asked: Vec<AskedWrite>) {
    let slice: Vec<&Prepared> = asked.iter().map(|asked| &asked.question).collect();
    let applied = store.apply_unless_locked(&slice, LOCK_WAIT).await;
    answer(asked, applied, |asked| {
        let (store, alone) = (Arc::clone(&store), Arc::clone(&alone));
        tokio::spawn(async move {
            // The semaphore is never closed.
            let _one_of_few = alone.acquire_owned().await.ok();
            let applied = store.apply_unless_locked(&[&asked.question], LOCK_WAIT).await;
            let own = applied.and_then(|all| all.first().copied().ok_or(StoreError::Lost));
            asked.answer(own);
        });
    });
}

/// Passes each caller its result; after a failure of the slice that only one member may have caused, calls `alone`
/// for each.
fn answer<Q, A>(
    asked: Vec<Asked<Q, Result<A, StoreError>>>,
    answers: Result<Vec<A>, StoreError>,
    alone: impl Fn(Asked<Q, Result<A, StoreError>>),
) {
    let error = match answers {
        Ok(answers) => {
            return asked.into_iter().zip(answers).for_each(|(asked, it)| asked.answer(Ok(it)));
        }
        Err(error) => error,
    };
    match <[_; 1]>::try_from(asked) {
        Ok([only]) => only.answer(Err(error)),
        Err(all) if is_of_all(&error) => {
            let error = Arc::new(error);
            let each =
                |asked: Asked<_, _>| asked.answer(Err(StoreError::Shared(Arc::clone(&error))));
            all.into_iter().for_each(each);
        }
        Err(all) => all.into_iter().for_each(alone),
    }
}

/// Whether a failure concerns all members of a slice.
fn is_of_all(error: &StoreError) -> bool {
    match error.class() {
        Class::Unavailable(_) | Class::Misconfigured(_) => true,
        Class::Transient
        | Class::RateLimited { .. }
        | Class::TooEarly { .. }
        | Class::Permanent => false,
    }
}

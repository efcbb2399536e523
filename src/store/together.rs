//! [`Store::load`] and [`Store::apply`] for many callers, each with one object: those that come at the
//! same time share a round trip, and a commit.
//!
//! A slice fails whole. So what failed together is tried again one by one, and each caller has the
//! answer to its own question: a value that breaks a constraint costs its neighbours a second try,
//! and nothing else.

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::join_all;

use super::apply::Prepared;
use super::connect::Store;
use super::error::StoreError;
use super::gather::{Gather, Limits};
use super::settlement::{Applied, Settlement};
use crate::domain::event::Timestamp;
use crate::domain::id::EventId;
use crate::domain::object::{Row, Subject};

/// A second round trip goes beside the first one only for a crowd: one that is larger costs less for
/// each of those in it. The locks of all its objects are held until a write commits.
const LIMITS: Limits = Limits { at_once: 2, crowd: 16, most: 64 };

/// What is recorded of one object, and of the events in hand that are about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// For each event, whether it is at its good end.
    pub settled: Vec<bool>,
    /// The row; none where there is none.
    pub row: Option<Row>,
    /// When its account took our access back, if it did.
    pub access_ended: Option<Timestamp>,
}

struct Question {
    events: Vec<EventId>,
    subject: Subject,
}

/// Makes calls together. Clones do so with each other.
#[derive(Clone)]
pub struct Together {
    loads: Gather<Question, Result<Known, StoreError>>,
    writes: Gather<Prepared, Result<Applied, StoreError>>,
    store: Arc<Store>,
}

impl Together {
    /// Calls on `store`.
    #[must_use]
    pub fn new(store: &Store) -> Self {
        let store = Arc::new(store.clone());
        let (reader, writer) = (Arc::clone(&store), Arc::clone(&store));
        Self {
            store,
            loads: Gather::new(LIMITS, move |questions| {
                let store = Arc::clone(&reader);
                async move { load(&store, questions).await }.boxed()
            }),
            writes: Gather::new(LIMITS, move |slice| {
                let store = Arc::clone(&writer);
                async move { apply(&store, slice).await }.boxed()
            }),
        }
    }

    /// What is recorded of an object, and of events.
    ///
    /// # Errors
    /// As [`Store::load`].
    pub async fn load(&self, events: Vec<EventId>, subject: Subject) -> Result<Known, StoreError> {
        self.loads.ask(Question { events, subject }).await.unwrap_or(Err(StoreError::Lost))
    }

    /// Writes a settlement, if its object is still what the decision was made on.
    ///
    /// # Errors
    /// As [`Store::apply`]; then nothing of this settlement is written.
    pub async fn apply(&self, settlement: Settlement) -> Result<Applied, StoreError> {
        let prepared = self.store.prepare(settlement);
        self.writes.ask(prepared).await.unwrap_or(Err(StoreError::Lost))
    }
}

async fn load(store: &Store, questions: Vec<Question>) -> Vec<Result<Known, StoreError>> {
    match load_slice(store, &questions).await {
        Ok(known) => known.into_iter().map(Ok).collect(),
        Err(error) if questions.len() == 1 => vec![Err(error)],
        Err(_) => {
            let each = questions.iter().map(async |question| {
                let mut known = load_slice(store, std::slice::from_ref(question)).await?;
                known.pop().ok_or(StoreError::Lost)
            });
            join_all(each).await
        }
    }
}

async fn load_slice(store: &Store, questions: &[Question]) -> Result<Vec<Known>, StoreError> {
    let events: Vec<&EventId> = questions.iter().flat_map(|question| &question.events).collect();
    let subjects: Vec<Subject> = questions.iter().map(|q| q.subject.clone()).collect();
    let loaded = store.load(&events, &subjects).await?;
    let objects = loaded.rows.into_iter().zip(loaded.access_ended);
    let known = questions.iter().zip(objects).map(|(question, (row, access_ended))| Known {
        settled: question.events.iter().map(|id| loaded.settled.contains(id)).collect(),
        row,
        access_ended,
    });
    Ok(known.collect())
}

async fn apply(store: &Store, slice: Vec<Prepared>) -> Vec<Result<Applied, StoreError>> {
    match store.apply(&slice).await {
        Ok(applied) => applied.into_iter().map(Ok).collect(),
        Err(error) if slice.len() == 1 => vec![Err(error)],
        Err(_) => {
            let each = slice.iter().map(async |one| {
                let applied = store.apply(std::slice::from_ref(one)).await?;
                applied.first().copied().ok_or(StoreError::Lost)
            });
            join_all(each).await
        }
    }
}

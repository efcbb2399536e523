//! The events whose jobs are in the queue: waiting, claimed by a worker, or delayed until a retry.
//!
//! Called by whatever compares a list of Stripe's with what is here. It reads the whole queue, so it is for
//! background work alone, and it never says what a job is or where it is.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};

use serde::Deserialize;

use super::error::QueueError;
use super::inspector::Inspector;
use super::job::Lane;

/// Jobs that one call to Redis looks at: with bodies of a few kilobytes that takes it a few milliseconds.
const PAGE: usize = 300;

/// A set of the events that were in the queue when it was last brought up to date. It holds eight bytes for
/// each job, so a million of them fit into a few dozen megabytes.
///
/// Two ids may have the same hash, once in many billions: an event then counts as waiting that is not. Each set
/// hashes in its own way, so the next one does not.
pub struct WaitingEvents {
    inspector: Inspector,
    hasher: RandomState,
    known: HashSet<u64>,
    /// The last entry read of each lane's stream. Its ids only rise.
    last: [String; 2],
}

#[derive(Deserialize)]
struct DelayedMeta {
    #[serde(default)]
    event: Option<String>,
}

impl WaitingEvents {
    /// An empty set.
    #[must_use]
    pub fn new(inspector: Inspector) -> Self {
        Self {
            inspector,
            hasher: RandomState::new(),
            known: HashSet::new(),
            last: [String::new(), String::new()],
        }
    }

    /// Adds what has come into the queue since the last call. What has left it stays in the set: the caller
    /// looks into the ledger afterwards.
    ///
    /// # Errors
    /// Redis does not answer; what was added before stays.
    pub async fn refresh(&mut self) -> Result<(), QueueError> {
        // In this order: a job that is moved from one to the other in the middle is seen in one of them.
        self.read_lanes().await?;
        self.read_delayed().await?;
        self.read_lanes().await
    }

    /// Whether an event was in the queue at the last [`Self::refresh`], or before.
    #[must_use]
    pub fn contains(&self, event: &str) -> bool {
        self.known.contains(&self.hasher.hash_one(event))
    }

    async fn read_lanes(&mut self) -> Result<(), QueueError> {
        for (lane, last) in Lane::ALL.into_iter().zip(&mut self.last) {
            loop {
                let (end, read, events) = self.inspector.events_of(lane, last, PAGE).await?;
                *last = end;
                self.known.extend(events.iter().map(|event| self.hasher.hash_one(event.as_str())));
                if read < PAGE {
                    break;
                }
            }
        }
        Ok(())
    }

    async fn read_delayed(&mut self) -> Result<(), QueueError> {
        let mut cursor = 0;
        loop {
            let (next, metas) = self.inspector.delayed_from(cursor, PAGE).await?;
            for (_, meta) in metas {
                if let Ok(DelayedMeta { event: Some(event) }) = serde_json::from_slice(&meta) {
                    self.known.insert(self.hasher.hash_one(event.as_str()));
                }
            }
            if next == 0 {
                return Ok(());
            }
            cursor = next;
        }
    }
}

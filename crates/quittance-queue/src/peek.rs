//! Single jobs of the queue, shown without claiming them.

use std::time::Duration;

use bytes::Bytes;

use super::job::{Job, JobId, JobMeta, Lane};

/// Where a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// On its lane; no worker has it.
    Waiting,
    /// Claimed by a worker: prefetched, running, or waiting for its acknowledgement.
    InHand,
    /// Waiting for a later retry.
    Delayed,
}

impl Place {
    /// `waiting`, `in_hand`, `delayed`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::InHand => "in_hand",
            Self::Delayed => "delayed",
        }
    }
}

/// A job that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peeked {
    /// Its id. A delayed one has that of its last delivery, or one of its own if it was never on its
    /// lane.
    pub id: JobId,
    /// Its lane.
    pub lane: Lane,
    /// Where it is.
    pub place: Place,
    /// The job.
    pub job: Job,
    /// How long ago it was put on its lane, by Redis' clock; nothing if it never was.
    pub age: Duration,
    /// How many workers began it.
    pub deliveries: u32,
    /// The worker that has it, by its id in the roster.
    pub holder: Option<String>,
    /// How long its worker has not said that it still has it; it does so three times a lease.
    pub unheard: Option<Duration>,
    /// In what time it is due, if it is delayed.
    pub due_in: Option<Duration>,
}

/// The answer of `peek_stream.lua` and `peek_delayed.lua`: the time, and a row a job.
pub(super) type Answer = (i64, Vec<(String, String, u64, u32, Vec<u8>, Vec<u8>)>);

/// No job is older than a year, in milliseconds.
const LONGEST: i64 = 366 * 86_400_000;

/// Reads it.
pub(super) fn decode(lane: Lane, place: Place, (now, rows): Answer) -> Vec<Peeked> {
    let rows = rows.into_iter().map(|(id, holder, millis, deliveries, meta, body)| {
        let id = JobId::new(id);
        // An id that is not of the stream may begin with any number.
        let age = Some(now - id.millis()).filter(|age| (0..LONGEST).contains(age)).unwrap_or(0);
        let age = u64::try_from(age).unwrap_or_default();
        let span = Duration::from_millis(millis);
        Peeked {
            lane,
            place,
            job: Job { meta: JobMeta::decode(&meta, &id), body: Bytes::from(body) },
            age: Duration::from_millis(age),
            deliveries,
            holder: Some(holder).filter(|holder| !holder.is_empty()),
            unheard: (place == Place::InHand).then_some(span),
            due_in: (place == Place::Delayed).then_some(span),
            id,
        }
    });
    rows.collect()
}

//! The jobs of retried dead letters.

use std::time::Duration;

use bytes::Bytes;

use crate::queue::{Job, JobMeta, JobSource, Lane, Producer, QueueError, RetryOf};
use crate::store::dead_letter::{
    Acted, ActedOn, DeadLetter, DeadLetterId, DeadLetterSource, DeadLetterState,
};

/// By which lane jobs go back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ops) enum Way {
    /// By that which they came by.
    AsTheyCame,
    /// By the one for bulk work, so that live events are not starved.
    Backfill,
}

/// The plan of a retry of one page of dead letters; nothing is done yet.
#[derive(Debug, Default)]
pub(in crate::ops) struct Prepared {
    jobs: Vec<(Lane, Job, Duration)>,
    /// Those to note as being retried, once their jobs are in the queue.
    pub(in crate::ops) dead_letters: Vec<ActedOn>,
    /// Those that cannot be retried, and why.
    pub(in crate::ops) refused: Vec<(DeadLetterId, Acted)>,
}

/// Plans the retry of dead letters, each with its delay.
pub(in crate::ops) fn prepare(dead_letters: Vec<(DeadLetter, Duration)>, way: Way) -> Prepared {
    let mut prepared = Prepared::default();
    for (dead_letter, wait) in dead_letters {
        let on = ActedOn { id: dead_letter.id, deaths: dead_letter.deaths, wait };
        match dead_letter.state {
            // One that is being retried may be retried again: its job may have been lost with Redis.
            DeadLetterState::Open | DeadLetterState::Snoozed | DeadLetterState::Retrying => {}
            DeadLetterState::Resolved | DeadLetterState::Discarded => {
                prepared.refused.push((dead_letter.id, Acted::Is(dead_letter.state)));
                continue;
            }
        }
        match dead_letter.source {
            // The relay sends it; there is no job.
            DeadLetterSource::Notification => prepared.dead_letters.push(on),
            DeadLetterSource::Event => match job(&dead_letter) {
                Some(job) => {
                    prepared.jobs.push((lane(&dead_letter, way), job, wait));
                    prepared.dead_letters.push(on);
                }
                None => prepared.refused.push((dead_letter.id, Acted::NoPayload)),
            },
        }
    }
    prepared
}

impl Prepared {
    /// Puts its jobs into the queue.
    pub(in crate::ops) async fn enqueue(&mut self, producer: &Producer) -> Result<(), QueueError> {
        for lane in Lane::ALL {
            let (mut now, mut later) = (Vec::new(), Vec::new());
            for (_, job, wait) in self.jobs.extract_if(.., |(of, _, _)| *of == lane) {
                if wait.is_zero() { now.push(job) } else { later.push((job, wait)) }
            }
            producer.enqueue_many(lane, &now).await?;
            producer.enqueue_many_later(lane, &later).await?;
        }
        Ok(())
    }
}

/// The dead letter's new job, with a full number of attempts.
fn job(dead_letter: &DeadLetter) -> Option<Job> {
    let payload = dead_letter.payload.as_ref()?;
    let received_at_ms = dead_letter.received_at.unix_timestamp_nanos() / 1_000_000;
    Some(Job {
        meta: JobMeta {
            endpoint: dead_letter.endpoint.clone(),
            received_at_ms: i64::try_from(received_at_ms).unwrap_or(i64::MAX),
            secret_index: dead_letter.secret_index,
            attempt: 0,
            source: JobSource::Retry,
            event: Some(dead_letter.event_key.clone()),
            trace: trace(dead_letter),
            retry_of: Some(RetryOf {
                dead_letter: dead_letter.id.get(),
                retry: dead_letter.retries.saturating_add(1),
            }),
        },
        body: Bytes::from(payload.to_string()),
    })
}

/// Continues the trace of the dead letter's attempts, so that one trace shows everything that a webhook caused. The
/// dead letter's id stands for the parent span, which has ended.
fn trace(dead_letter: &DeadLetter) -> Option<String> {
    let id = dead_letter.trace_id.as_ref()?;
    Some(format!("00-{id}-{:016x}-01", dead_letter.id.get()))
}

fn lane(dead_letter: &DeadLetter, way: Way) -> Lane {
    match way {
        Way::AsTheyCame if dead_letter.lane == Lane::Live.as_str() => Lane::Live,
        Way::AsTheyCame | Way::Backfill => Lane::Backfill,
    }
}

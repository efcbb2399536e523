//! Runs the handler on a delivery, and queues the acknowledgement that its disposition asks for.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

use super::acknowledge::Acknowledgement;
use super::buffer::Buffer;
use super::group_client::{GroupClient, Later, Returned};
use super::heartbeat::Heartbeat;
use super::job::{Delivery, Disposition, JobMeta, Lane};
use super::pause::Pauses;
use quittance_tasks::panics;

/// How long a job waits whose handler panicked. A handler with a retry policy of its own catches its
/// panics itself.
const AFTER_PANIC: Duration = Duration::from_secs(1);

/// Runs the handler.
#[derive(Clone)]
pub(super) struct Runner<H> {
    pub(super) handler: H,
    pub(super) member: GroupClient,
    pub(super) settled: UnboundedSender<(Lane, Acknowledgement)>,
    pub(super) pauses: Pauses,
    pub(super) heartbeat: Heartbeat,
    pub(super) buffer: Arc<Buffer>,
    /// The grace is over.
    pub(super) abort: CancellationToken,
}

impl<H, F> Runner<H>
where
    H: Fn(Delivery) -> F,
    F: Future<Output = Disposition>,
{
    pub(super) async fn run(self, mut delivery: Delivery) {
        let _place = self.buffer.place(delivery.lane);
        if self.pauses.is_paused(delivery.lane) {
            // It left the buffer before the pause began.
            let lane = delivery.lane;
            return self.settle(lane, Acknowledgement::HandBack(Returned::unbegun(delivery)));
        }
        let Delivery { lane, id, .. } = &delivery;
        let (lane, id, meta) = (*lane, id.clone(), delivery.job.meta.clone());
        // With all that comes before the handler: a job whose task ends without a disposition stays in
        // flight, so its lease would be renewed for as long as this process runs.
        let work = panics::caught(async {
            let _running = self.heartbeat.begin(&delivery);
            delivery.deliveries = self.begin(&delivery).await;
            (self.handler)(delivery).await
        });
        let disposition = match self.abort.run_until_cancelled(work).await {
            Some(Ok(disposition)) => disposition,
            Some(Err(panic)) => {
                let error = panic.message();
                tracing::error!(job = %id, %lane, error, "a handler panicked; its job is tried again");
                Disposition::Retry { after: AFTER_PANIC }
            }
            None => Disposition::HandBack,
        };
        let later = |after, attempt| {
            let meta = JobMeta { attempt, ..meta.clone() };
            match meta.encode() {
                Ok(meta) => Acknowledgement::Later(Later { id: id.clone(), after, meta }),
                Err(error) => {
                    tracing::error!(job = %id, %error, "a retry cannot be written");
                    Acknowledgement::HandBack(Returned { id: id.clone(), has_begun: true })
                }
            }
        };
        let settlement = match disposition {
            Disposition::Done => Acknowledgement::Done(id),
            Disposition::Retry { after } => later(after, meta.attempt.saturating_add(1)),
            Disposition::Snooze { after } => later(after, meta.attempt),
            Disposition::HandBack => Acknowledgement::HandBack(Returned { id, has_begun: true }),
        };
        self.settle(lane, settlement);
    }

    fn settle(&self, lane: Lane, settlement: Acknowledgement) {
        if self.settled.send((lane, settlement)).is_err() {
            tracing::debug!("a job ended after its consumer; its lease will run out");
        }
    }

    /// A job may kill its worker, so it is counted before it can.
    async fn begin(&self, delivery: &Delivery) -> u32 {
        let next = delivery.deliveries.saturating_add(1);
        match self.member.begin(delivery.lane, &delivery.id).await {
            Ok(Some(deliveries)) => deliveries,
            // Another worker has it by now: doing it twice is safe, and ours will not be counted.
            Ok(None) => next,
            Err(error) => {
                tracing::debug!(job = %delivery.id, error = error.chain(), "a delivery was not counted");
                next
            }
        }
    }
}

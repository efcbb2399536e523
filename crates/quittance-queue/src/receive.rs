//! Receipt of fetched and claimed jobs: into the buffer, or back to the queue where their lane is paused.

use std::sync::Arc;

use tokio::sync::mpsc::UnboundedSender;

use super::acknowledge::Acknowledgement;
use super::buffer::Buffer;
use super::group_client::Returned;
use super::in_flight::InFlight;
use super::job::{Delivery, Lane};

/// Receives jobs for the buffer. Clones share it.
#[derive(Clone)]
pub(super) struct Receiver {
    pub(super) buffer: Arc<Buffer>,
    pub(super) in_flight: Arc<InFlight>,
    /// Where returned jobs are acknowledged.
    pub(super) settled: UnboundedSender<(Lane, Acknowledgement)>,
}

impl Receiver {
    /// Receives fetched jobs, except those in flight.
    pub(super) fn push(&self, lane: Lane, jobs: Vec<Delivery>) {
        let jobs = self.fresh(lane, jobs);
        self.give_back(self.buffer.push(lane, jobs));
    }

    /// Receives jobs before all others: those of dead workers have waited longest. Answers how many.
    pub(super) fn push_first(&self, lane: Lane, jobs: Vec<Delivery>) -> usize {
        let jobs = self.fresh(lane, jobs);
        let count = jobs.len();
        self.give_back(self.buffer.push_first(lane, jobs));
        count
    }

    /// Receives jobs that are pending under our name, except those in flight, now or since
    /// [`InFlight::note_releases`].
    pub(super) fn push_adopted(&self, lane: Lane, mut jobs: Vec<Delivery>) {
        let released = self.in_flight.noted_releases(lane);
        jobs.retain(|job| !released.contains(&job.id));
        self.push_first(lane, jobs);
    }

    /// Begins or ends the pause of a lane. Prefetched jobs are returned, without counting as a
    /// delivery: they wait on the lane, where `quittance status` shows them as waiting.
    pub(super) fn set_paused(&self, lane: Lane, paused: bool) {
        self.give_back(self.buffer.set_paused(lane, paused));
    }

    fn fresh(&self, lane: Lane, mut jobs: Vec<Delivery>) -> Vec<Delivery> {
        jobs.retain(|job| self.in_flight.take(lane, &job.id));
        jobs
    }

    fn give_back(&self, jobs: Vec<Delivery>) {
        for job in jobs {
            // The acknowledger runs as long as there is a sender.
            let _ =
                self.settled.send((job.lane, Acknowledgement::HandBack(Returned::unbegun(job))));
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tokio::sync::mpsc;

    use super::super::job::{Job, JobId, JobMeta};
    use super::*;

    #[test]
    fn a_job_that_was_acknowledged_while_redis_listed_the_pending_ones_is_not_received_again() {
        let id = JobId::new("1-0".to_owned());
        let job = || {
            let meta = JobMeta::decode(b"{}", &id);
            Delivery {
                id: id.clone(),
                lane: Lane::Live,
                job: Job { meta, body: Bytes::new() },
                deliveries: 0,
            }
        };
        let (settled, _settlements) = mpsc::unbounded_channel();
        let buffer = Arc::new(Buffer::new(8, 8, 8));
        let receiver = Receiver { buffer: Arc::clone(&buffer), in_flight: Arc::default(), settled };
        receiver.push(Lane::Live, vec![job()]);
        assert_eq!(buffer.close().len(), 1);

        receiver.in_flight.note_releases(Lane::Live);
        let listed = vec![job()];
        receiver.in_flight.release(Lane::Live, [&id]);
        receiver.push_adopted(Lane::Live, listed);
        assert_eq!(buffer.close(), [], "its acknowledgement is newer than the list");

        receiver.in_flight.note_releases(Lane::Live);
        receiver.push_adopted(Lane::Live, vec![job()]);
        assert_eq!(buffer.close().len(), 1, "the next list is newer than its acknowledgement");
    }
}

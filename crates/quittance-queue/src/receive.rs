//! The way of fetched jobs into the worker's hands, and back where their lane is paused.

use std::sync::Arc;

use tokio::sync::mpsc::UnboundedSender;

use super::acknowledge::{Acknowledgement, Returned};
use super::buffer::Buffer;
use super::in_flight::InFlight;
use super::job::{Delivery, Lane};

/// Takes jobs in. Clones share all of it.
#[derive(Clone)]
pub(super) struct Receiver {
    pub(super) buffer: Arc<Buffer>,
    pub(super) in_flight: Arc<InFlight>,
    /// Told of the jobs that go back.
    pub(super) settled: UnboundedSender<(Lane, Acknowledgement)>,
}

impl Receiver {
    /// Takes fetched jobs in, except those that we have.
    pub(super) fn push(&self, lane: Lane, jobs: Vec<Delivery>) {
        let jobs = self.fresh(lane, jobs);
        self.give_back(self.buffer.push(lane, jobs));
    }

    /// Takes jobs in before all others: those taken over have waited longest. Answers how many.
    pub(super) fn push_first(&self, lane: Lane, jobs: Vec<Delivery>) -> usize {
        let jobs = self.fresh(lane, jobs);
        let count = jobs.len();
        self.give_back(self.buffer.push_first(lane, jobs));
        count
    }

    /// Begins or ends the pause of a lane. What was fetched ahead goes back, at no cost to it: it
    /// would be lost time to hold it, and whoever looks should see it wait.
    pub(super) fn set_paused(&self, lane: Lane, paused: bool) {
        self.give_back(self.buffer.set_paused(lane, paused));
    }

    fn fresh(&self, lane: Lane, mut jobs: Vec<Delivery>) -> Vec<Delivery> {
        jobs.retain(|job| self.in_flight.take(lane, &job.id));
        jobs
    }

    fn give_back(&self, jobs: Vec<Delivery>) {
        for job in jobs {
            // The settler is there as long as we are.
            let _ =
                self.settled.send((job.lane, Acknowledgement::HandBack(Returned::unbegun(job))));
        }
    }
}

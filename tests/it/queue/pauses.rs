//! Lanes that a person has paused.

use std::time::Duration;

use quittance::queue::{Disposition, Inspector, Pauses};
use tokio::sync::Semaphore;

use super::*;
use crate::harness::within;

/// A lease that no test waits for: what comes back, comes back because it was handed back.
const NEVER: Duration = Duration::from_secs(3600);

pub(super) fn inspector(queue: &Queue) -> Inspector {
    Inspector::new(&queue.server, &queue.settings).unwrap()
}

/// Starts a worker, and what it knows of pauses.
fn start<H, F>(queue: &Queue, handler: H) -> (Worker, Pauses)
where
    H: Fn(Delivery) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Disposition> + Send + 'static,
{
    let shutdown = CancellationToken::new();
    let consumer = queue.consumer(1);
    let pauses = consumer.pauses();
    let task = tokio::spawn(consumer.run(handler, shutdown.clone(), Duration::from_secs(30)));
    (Worker { shutdown, task }, pauses)
}

/// A handler that notes a job, waits for a permit, and then does this with it.
fn held(
    seen: &Seen,
    gate: &Arc<Semaphore>,
    disposition: fn(&Delivery) -> Disposition,
) -> impl Fn(Delivery) -> futures_util::future::BoxFuture<'static, Disposition> + Clone + use<> {
    let (seen, gate) = (seen.clone(), Arc::clone(gate));
    move |delivery| {
        let (seen, gate) = (seen.clone(), Arc::clone(&gate));
        Box::pin(async move {
            let then = disposition(&delivery);
            seen.note(delivery);
            gate.acquire().await.unwrap().forget();
            then
        })
    }
}

#[tokio::test]
async fn every_worker_leaves_a_paused_lane_alone_and_the_other_lane_goes_on() {
    let queue = Queue::start().await;
    let seen = Seen::default();
    let (workers, known): (Vec<_>, Vec<_>) = (0..2).map(|_| start(&queue, seen.settle())).unzip();
    let (new, pause) = inspector(&queue).pause(Lane::Live, "jane", Some("a look")).await.unwrap();
    assert!(new);
    for pauses in &known {
        within("every worker knows it", pauses.paused(Lane::Live)).await;
        assert_eq!(pauses.all(), std::slice::from_ref(&pause), "with who, why and since when");
    }
    queue.enqueue_in(Lane::Live, numbers(20)).await;
    queue.enqueue_in(Lane::Backfill, numbers(20)).await;
    eventually("the other lane is done", async || queue.depth().await.backfill.waiting == 0).await;
    seen.reaches(20).await;
    eventually("all of it waits", async || {
        let live = queue.depth().await.live;
        (live.waiting, live.in_hand) == (20, 0)
    })
    .await;
    assert!(seen.all().iter().all(|delivery| delivery.lane == Lane::Backfill));

    assert_eq!(inspector(&queue).resume(Lane::Live).await.unwrap(), Some(pause));
    queue.drained().await;
    for worker in workers {
        worker.stop().await;
    }
    assert_eq!(seen.len(), 40);
    assert!(seen.all().iter().all(|one| (one.deliveries, one.job.meta.attempt) == (1, 0)));
}

#[tokio::test]
async fn what_was_fetched_ahead_goes_back_at_no_cost_and_what_runs_ends() {
    let queue = Queue::start().await.lease(NEVER);
    let (seen, gate) = (Seen::default(), Arc::new(Semaphore::new(0)));
    let (worker, _) = start(&queue, held(&seen, &gate, |_| Disposition::Done));
    queue.enqueue(numbers(30)).await;
    seen.reaches(1).await;
    eventually("all are fetched", async || queue.depth().await.live.in_hand == 30).await;

    inspector(&queue).pause(Lane::Live, "jane", None).await.unwrap();
    eventually("all but one are back", async || {
        let live = queue.depth().await.live;
        (live.waiting, live.in_hand) == (29, 1)
    })
    .await;
    gate.add_permits(30);
    eventually("what ran has ended", async || queue.depth().await.live.in_hand == 0).await;
    assert_eq!(seen.len(), 1, "no other has begun");

    inspector(&queue).resume(Lane::Live).await.unwrap();
    queue.drained().await;
    worker.stop().await;
    assert_eq!(seen.bodies(), numbers(30));
    assert!(seen.all().iter().all(|one| (one.deliveries, one.job.meta.attempt) == (1, 0)));
}

#[tokio::test]
async fn a_worker_that_starts_in_a_pause_keeps_to_it() {
    let queue = Queue::start().await;
    inspector(&queue).pause(Lane::Live, "jane", None).await.unwrap();
    for lane in Lane::ALL {
        queue.enqueue_in(lane, numbers(5)).await;
    }
    let seen = Seen::default();
    let (worker, _) = start(&queue, seen.settle());
    seen.reaches(5).await;
    let delivered: Vec<(String, String, u64, u32)> = queue.pending().await;
    assert_eq!(delivered, [], "none was even fetched");
    worker.stop().await;
    assert!(seen.all().iter().all(|delivery| delivery.lane == Lane::Backfill));
    assert_eq!(queue.depth().await.live.waiting, 5);
}

#[tokio::test]
async fn a_retry_that_comes_due_in_a_pause_waits_with_its_lane() {
    let queue = Queue::start().await;
    let (seen, gate) = (Seen::default(), Arc::new(Semaphore::new(0)));
    let again = |delivery: &Delivery| match delivery.job.meta.attempt {
        0 => Disposition::Retry { after: Duration::from_millis(1) },
        _ => Disposition::Done,
    };
    let (worker, pauses) = start(&queue, held(&seen, &gate, again));
    queue.enqueue(numbers(1)).await;
    seen.reaches(1).await;
    inspector(&queue).pause(Lane::Live, "jane", None).await.unwrap();
    within("the worker knows it", pauses.paused(Lane::Live)).await;
    gate.add_permits(2);
    eventually("the retry is due", async || {
        let depth = queue.depth().await;
        (depth.delayed, depth.live.waiting) == (0, 1)
    })
    .await;
    assert_eq!(seen.len(), 1);
    inspector(&queue).resume(Lane::Live).await.unwrap();
    queue.drained().await;
    worker.stop().await;
    assert_eq!(seen.all()[1].job.meta.attempt, 1);
}

#[tokio::test]
async fn the_first_who_pauses_a_lane_is_the_one_who_is_shown() {
    let queue = Queue::start().await;
    let inspector = inspector(&queue);
    let (new, first) = inspector.pause(Lane::Live, "jane", Some("\"why\" \u{e9}")).await.unwrap();
    assert!(new);
    assert_eq!((first.by.as_str(), first.reason.as_deref()), ("jane", Some("\"why\" \u{e9}")));
    let now = i64::try_from(queue.now().await.as_millis()).unwrap();
    assert!((now - first.since_ms).abs() < 60_000, "{first:?} at {now}");
    let (new, second) = inspector.pause(Lane::Live, "joe", None).await.unwrap();
    assert!(!new);
    assert_eq!(second, first);
    assert_eq!(inspector.pauses().await.unwrap(), [first]);
    assert_eq!(inspector.resume(Lane::Backfill).await.unwrap(), None);
}

#[tokio::test]
async fn a_pause_does_not_forget_how_many_workers_a_job_may_have_killed() {
    let queue = Queue::start().await.lease(HOUR);
    let (seen, gate) = (Seen::default(), Arc::new(Semaphore::new(0)));
    queue.enqueue(["poison".to_owned()]).await;
    let (victim, _) = start(&queue, held(&seen, &gate, |_| Disposition::Done));
    seen.reaches(1).await;
    victim.die().await;
    queue.unrenewed_for(HOUR).await;
    let dead = queue.pending().await[0].1.clone();

    // Busy, so it takes the job over without beginning it.
    queue.enqueue_in(Lane::Backfill, numbers(1)).await;
    let handler = held(&seen, &gate, |_| Disposition::Done);
    let (worker, clock) = queue.work_with_clock(1, handler);
    seen.reaches(2).await;
    in_time("it took the job over", &clock, async || queue.pending().await[0].1 != dead).await;
    inspector(&queue).pause(Lane::Live, "jane", None).await.unwrap();
    eventually("it has given it back", async || queue.depth().await.live.waiting == 1).await;
    inspector(&queue).resume(Lane::Live).await.unwrap();
    gate.add_permits(2);
    queue.drained().await;
    worker.stop().await;
    let last = seen.all().pop().unwrap();
    assert_eq!((last.lane, last.deliveries), (Lane::Live, 2), "the death is remembered");
}

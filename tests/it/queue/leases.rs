use std::collections::HashMap;
use std::time::Duration;

use quittance::queue::Disposition;
use tokio::sync::Semaphore;

use super::*;

/// A handler that notes a job and then waits for a permit.
fn held(
    seen: &Seen,
    gate: &Arc<Semaphore>,
    then: Disposition,
) -> impl Fn(Delivery) -> futures_util::future::BoxFuture<'static, Disposition> + Clone + use<> {
    let (seen, gate) = (seen.clone(), Arc::clone(gate));
    move |delivery| {
        let (seen, gate) = (seen.clone(), Arc::clone(&gate));
        Box::pin(async move {
            seen.note(delivery);
            gate.acquire().await.unwrap().forget();
            then
        })
    }
}

fn shut() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(0))
}

#[tokio::test]
async fn the_jobs_of_a_worker_that_died_are_taken_over_after_its_lease() {
    let queue = Queue::start().await.lease(HOUR);
    let (seen, after) = (Seen::default(), Seen::default());
    let dies = queue.work(2, held(&seen, &shut(), Disposition::Done));
    queue.enqueue(numbers(5)).await;
    seen.reaches(2).await;
    eventually("it has all five", async || queue.pending().await.len() == 5).await;
    dies.die().await;

    let (lives, clock) = queue.work_with_clock(2, after.settle());
    queue.unrenewed_for(HOUR).await;
    in_time("they are taken over", &clock, async || queue.depth().await.total() == 0).await;
    lives.stop().await;
    assert_eq!(after.bodies(), numbers(5), "those it ran and those it had fetched ahead");
    let mut deliveries: Vec<_> = after.all().iter().map(|delivery| delivery.deliveries).collect();
    deliveries.sort_unstable();
    assert_eq!(deliveries, [1, 1, 1, 2, 2], "two had begun");
    assert!(after.all().iter().all(|delivery| delivery.job.meta.attempt == 0));
}

#[tokio::test]
async fn what_only_waited_in_a_dead_workers_buffer_is_not_counted_at_all() {
    let queue = Queue::start().await.lease(HOUR);
    queue.enqueue(numbers(4)).await;
    let mut before = String::new();
    for _ in 0..2 {
        let seen = Seen::default();
        let (dies, clock) = queue.work_with_clock(1, held(&seen, &shut(), Disposition::Done));
        in_time("it has all four", &clock, async || {
            let pending = queue.pending().await;
            let owner = pending.first().map(|(_, owner, _, _)| owner.clone()).unwrap_or_default();
            seen.len() == 1
                && pending.len() == 4
                && owner != before
                && pending.iter().all(|p| p.1 == owner)
        })
        .await;
        before = queue.pending().await[0].1.clone();
        dies.die().await;
        queue.unrenewed_for(HOUR).await;
    }
    let after = Seen::default();
    let (lives, clock) = queue.work_with_clock(1, after.settle());
    in_time("they are taken over", &clock, async || queue.depth().await.total() == 0).await;
    lives.stop().await;
    let mut deliveries: Vec<_> = after.all().iter().map(|delivery| delivery.deliveries).collect();
    deliveries.sort_unstable();
    assert_eq!(deliveries, [1, 1, 1, 3], "one of them was running at both deaths");
}

#[tokio::test]
async fn a_job_that_runs_longer_than_the_lease_is_not_taken_from_a_worker_that_lives() {
    let queue = Queue::start().await.lease(HOUR);
    let (seen, other, gate) = (Seen::default(), Seen::default(), shut());
    let (slow, clock) = queue.work_with_clock(1, held(&seen, &gate, Disposition::Done));
    queue.enqueue(numbers(4)).await;
    seen.reaches(1).await;
    eventually("it has all four", async || queue.pending().await.len() == 4).await;
    let (idle, others_clock) = queue.work_with_clock(1, other.settle());
    for _ in 0..4 {
        // Two thirds of a lease have gone by, and what may be taken over is.
        queue.unrenewed_for(HOUR * 2 / 3).await;
        others_clock.advance(HOUR);
        clock.advance(HOUR / 3);
        eventually("the leases are renewed", async || {
            let pending = queue.pending().await;
            let renewed =
                pending.iter().all(|(_, _, idle, _)| u128::from(*idle) < (HOUR / 2).as_millis());
            pending.len() == 4 && renewed
        })
        .await;
    }
    assert_eq!(other.len(), 0);
    gate.add_permits(4);
    queue.drained().await;
    slow.stop().await;
    idle.stop().await;
    assert_eq!(seen.len() + other.len(), 4);
    assert!(seen.all().iter().all(|delivery| delivery.deliveries == 1));
}

#[tokio::test]
async fn a_job_that_kills_its_worker_each_time_shows_more_deliveries_than_allowed() {
    let queue = Queue::start().await.lease(HOUR);
    queue.enqueue(["poison".to_owned()]).await;
    let seen = Seen::default();
    for deaths in 1..=queue.settings.max_deliveries {
        let (victim, clock) = queue.work_with_clock(1, held(&seen, &shut(), Disposition::Done));
        in_time("it begins", &clock, async || seen.len() == deaths as usize).await;
        victim.die().await;
        queue.unrenewed_for(HOUR).await;
    }
    let (last, clock) = queue.work_with_clock(1, seen.settle());
    in_time("it is done", &clock, async || queue.depth().await.total() == 0).await;
    last.stop().await;
    let deliveries: Vec<_> = seen.all().iter().map(|delivery| delivery.deliveries).collect();
    assert_eq!(deliveries, [1, 2, 3, 4]);
}

#[tokio::test]
async fn a_worker_that_has_just_started_takes_what_was_returned_and_nothing_from_other_workers() {
    let queue = Queue::start().await.lease(HOUR);
    queue.enqueue(numbers(4)).await;
    let _: String = queue.ask("XGROUP CREATE {test}:live workers 0").await;
    for owner in ["busy", "unassigned"] {
        let read = format!("XREADGROUP GROUP workers {owner} COUNT 2 STREAMS {{test}}:live >");
        let _: redis::Value = queue.ask(&read).await;
    }
    // As after an outage: its owner lives, and could not renew it.
    queue.unrenewed_for(HOUR).await;
    let seen = Seen::default();
    let (worker, clock) = queue.work_with_clock(1, seen.settle());
    seen.reaches(2).await;
    assert_eq!(seen.bodies(), ["000002", "000003"], "the others come first, if they come");
    assert_eq!(queue.pending().await.iter().filter(|job| job.1 == "busy").count(), 2);
    in_time("a lease later they are taken over", &clock, async || seen.len() == 4).await;
    queue.drained().await;
    worker.stop().await;
}

#[tokio::test]
async fn a_graceful_stop_hands_back_what_is_unfinished_without_costing_anything() {
    // A lease that no test waits for: what comes back, comes back because it was handed back.
    let queue = Queue::start().await.lease(Duration::from_secs(3600));
    let (seen, after) = (Seen::default(), Seen::default());
    let stops =
        queue.work_with_grace(2, Duration::from_millis(1), held(&seen, &shut(), Disposition::Done));
    queue.enqueue(numbers(6)).await;
    seen.reaches(2).await;
    eventually("it has all six", async || queue.pending().await.len() == 6).await;
    let stopped = stops.stop().await;
    assert_eq!(stopped, Stopped { handed_back: 6, left: 0 });

    let next = queue.work(2, after.settle());
    queue.drained().await;
    next.stop().await;
    assert_eq!(after.bodies(), numbers(6));
    assert!(after.all().iter().all(|delivery| delivery.deliveries == 1));
    assert!(after.all().iter().all(|delivery| delivery.job.meta.attempt == 0));
}

#[tokio::test]
async fn jobs_that_end_within_the_grace_period_are_acknowledged() {
    let queue = Queue::start().await;
    let (seen, gate) = (Seen::default(), shut());
    let worker = queue.work(3, held(&seen, &gate, Disposition::Done));
    queue.enqueue(numbers(3)).await;
    seen.reaches(3).await;
    worker.shutdown.cancel();
    gate.add_permits(3);
    assert_eq!(worker.stop().await, Stopped::default());
    assert_eq!(queue.depth().await.total(), 0);
    let consumers: Vec<redis::Value> = queue.ask("XINFO CONSUMERS {test}:live workers").await;
    assert!(consumers.is_empty(), "it took its name off the list");
}

#[tokio::test]
async fn a_worker_that_lost_a_job_schedules_no_retry_for_it() {
    let queue = Queue::start().await;
    let (seen, gate) = (Seen::default(), shut());
    let retry = Disposition::Retry { after: Duration::from_secs(3600) };
    let worker = queue.work(2, held(&seen, &gate, retry));
    queue.enqueue(numbers(2)).await;
    seen.reaches(2).await;
    let lost = seen.all()[0].id.clone();
    let _: Vec<String> =
        queue.ask(&format!("XCLAIM {{test}}:live workers thief 0 {lost} JUSTID")).await;
    gate.add_permits(2);
    worker.stop().await;
    let pending = queue.pending().await;
    assert_eq!(pending.len(), 1);
    assert_eq!((pending[0].0.as_str(), pending[0].1.as_str()), (lost.as_str(), "thief"));
    assert_eq!(queue.depth().await.delayed, 1, "its own job is");
}

#[tokio::test]
async fn the_names_of_workers_long_gone_are_forgotten() {
    let queue = Queue::start().await.lease(Duration::from_millis(100));
    let worker = queue.work(1, Seen::default().settle());
    queue.enqueue(numbers(1)).await;
    queue.drained().await;
    let _: u32 = queue.ask("XGROUP CREATECONSUMER {test}:live workers ghost").await;
    eventually("the ghost is gone", async || {
        let consumers: Vec<HashMap<String, redis::Value>> =
            queue.ask("XINFO CONSUMERS {test}:live workers").await;
        let ghost = redis::Value::BulkString(b"ghost".to_vec());
        consumers.iter().all(|consumer| consumer["name"] != ghost)
    })
    .await;
    // Redis 7.0 counts a worker that waits in vain as silent too. It loses its name, not its jobs.
    queue.enqueue(numbers(1)).await;
    queue.drained().await;
    worker.stop().await;
}

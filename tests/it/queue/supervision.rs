//! The consumer's background tasks, started again when they panic.

use std::time::Duration;

use quittance::queue::Disposition;
use quittance::supervise::Supervisor;
use tokio::sync::Semaphore;

use super::pauses::inspector;
use super::*;

const TASKS: [&str; 7] = [
    "live fetcher",
    "backfill fetcher",
    "reaper",
    "pause watcher",
    "lease renewer",
    "heartbeat",
    "acknowledger",
];

/// Starts a worker, and what makes its tasks panic.
fn start<H, F>(queue: &Queue, concurrency: usize, handler: H) -> (Worker, Supervisor)
where
    H: Fn(Delivery) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Disposition> + Send + 'static,
{
    let (shutdown, supervisor) = (CancellationToken::new(), Supervisor::default());
    let consumer = queue.consumer(concurrency).supervised_by(&supervisor);
    let task = tokio::spawn(consumer.run(handler, shutdown.clone(), Duration::from_secs(30)));
    (Worker { shutdown, task }, supervisor)
}

async fn restarted(supervisor: &Supervisor, task: &str) {
    eventually("the task runs again", async || supervisor.restarts(task) == 1).await;
}

/// A handler that notes a job, waits for a permit, and is then done with it, or wants a retry of the
/// first attempt.
fn gated(
    seen: &Seen,
    gate: &Arc<Semaphore>,
    retry: Option<Duration>,
) -> impl Fn(Delivery) -> futures_util::future::BoxFuture<'static, Disposition> + Clone + use<> {
    let (seen, gate) = (seen.clone(), Arc::clone(gate));
    move |delivery| {
        let (seen, gate) = (seen.clone(), Arc::clone(&gate));
        Box::pin(async move {
            let retry = retry.filter(|_| delivery.job.meta.attempt == 0);
            seen.note(delivery);
            gate.acquire().await.unwrap().forget();
            retry.map_or(Disposition::Done, |after| Disposition::Retry { after })
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_every_task_panics_in_mid_load_each_job_is_delivered_once_and_acknowledged() {
    const JOBS: usize = 20_000;
    let queue = Queue::start().await.lease(HOUR);
    queue.enqueue_in(Lane::Live, numbers(JOBS / 2)).await;
    queue.enqueue_in(Lane::Backfill, numbers(JOBS).split_off(JOBS / 2)).await;
    let seen = Seen::default();
    let handler = {
        let seen = seen.clone();
        move |delivery| {
            let seen = seen.clone();
            async move {
                tokio::task::yield_now().await;
                seen.note(delivery);
                Disposition::Done
            }
        }
    };
    let (worker, supervisor) = start(&queue, 4, handler);
    seen.reaches(1_000).await;
    for task in TASKS {
        supervisor.inject_panic(task);
    }
    for task in TASKS {
        restarted(&supervisor, task).await;
    }
    queue.drained().await;
    assert_eq!(worker.stop().await, Stopped::default());
    assert_eq!(seen.bodies(), numbers(JOBS));
}

#[tokio::test]
async fn jobs_that_redis_delivered_to_a_fetcher_that_had_panicked_are_worked() {
    // Nothing is taken over before the test ends.
    let queue = Queue::start().await.lease(HOUR);
    let seen = Seen::default();
    let (worker, supervisor) = start(&queue, 1, seen.settle());
    queue.enqueue(["first".to_owned()]).await;
    queue.drained().await;
    // Its read blocks at Redis for longer than this takes, and its answer finds no reader.
    supervisor.inject_panic("live fetcher");
    queue.enqueue(["second".to_owned()]).await;
    queue.drained().await;
    worker.stop().await;
    assert_eq!(supervisor.restarts("live fetcher"), 1);
    assert_eq!(seen.bodies(), ["first", "second"]);
}

#[tokio::test]
async fn an_acknowledger_that_panics_loses_no_retry_that_redis_has_refused() {
    let queue = Queue::private().await;
    let (seen, gate) = (Seen::default(), Arc::new(Semaphore::new(0)));
    let consumer = queue.consumer(1);
    let mut health = consumer.health();
    let (shutdown, supervisor) = (CancellationToken::new(), Supervisor::default());
    let handler = gated(&seen, &gate, Some(Duration::from_millis(1)));
    let consumer = consumer.supervised_by(&supervisor);
    let task = tokio::spawn(consumer.run(handler, shutdown.clone(), Duration::from_secs(30)));
    queue.enqueue(["job".to_owned()]).await;
    seen.reaches(1).await;
    let _: String = queue.ask("CONFIG SET maxmemory 1").await;
    gate.add_permits(2);
    health.wait_for(|it| matches!(it, quittance::queue::RedisHealth::Down { .. })).await.unwrap();
    supervisor.inject_panic("acknowledger");
    restarted(&supervisor, "acknowledger").await;
    let _: String = queue.ask("CONFIG SET maxmemory 0").await;
    queue.drained().await;
    assert_eq!(Worker { shutdown, task }.stop().await, Stopped::default());
    let attempts: Vec<_> = seen.all().iter().map(|delivery| delivery.job.meta.attempt).collect();
    assert_eq!(attempts, [0, 1]);
}

#[tokio::test]
async fn leases_are_renewed_at_once_when_the_renewer_runs_again() {
    let queue = Queue::start().await.lease(HOUR);
    let (seen, gate) = (Seen::default(), Arc::new(Semaphore::new(0)));
    let (worker, supervisor) = start(&queue, 1, gated(&seen, &gate, None));
    queue.enqueue(numbers(4)).await;
    seen.reaches(1).await;
    eventually("it has all four", async || queue.pending().await.len() == 4).await;
    queue.unrenewed_for(HOUR / 2).await;
    supervisor.inject_panic("lease renewer");
    eventually("the leases are renewed", async || {
        let pending = queue.pending().await;
        pending.iter().all(|(_, _, idle, _)| u128::from(*idle) < (HOUR / 4).as_millis())
    })
    .await;
    gate.add_permits(4);
    queue.drained().await;
    worker.stop().await;
}

#[tokio::test]
async fn tasks_that_have_panicked_still_retry_pause_and_report() {
    let queue = Queue::start().await.lease(HOUR);
    let seen = Seen::default();
    let gate = Arc::new(Semaphore::new(Semaphore::MAX_PERMITS));
    let handler = gated(&seen, &gate, Some(Duration::from_millis(1)));
    let (worker, supervisor) = start(&queue, 1, handler);
    queue.enqueue(["first".to_owned()]).await;
    seen.reaches(2).await;
    queue.drained().await;
    for task in ["reaper", "pause watcher", "heartbeat"] {
        supervisor.inject_panic(task);
        restarted(&supervisor, task).await;
    }
    queue.enqueue(["second".to_owned()]).await;
    seen.reaches(4).await;
    queue.drained().await;

    let _: u32 = queue.ask("DEL {test}:workers").await;
    let inspector = inspector(&queue);
    inspector.pause(Lane::Live, "jane", None).await.unwrap();
    eventually("the worker reports the pause", async || {
        let workers = inspector.roster().await.unwrap();
        workers.iter().any(|worker| worker.card.paused == ["live"])
    })
    .await;
    worker.stop().await;
}

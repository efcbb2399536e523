use std::time::Duration;

use quittance::queue::{Disposition, Lane, QueueError};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::*;

const MEGABYTE: u64 = 1024 * 1024;

async fn used_memory(queue: &Queue) -> u64 {
    // Buffers of connections that just closed count until the next look at them.
    let info: String = queue.ask("INFO memory").await;
    let line = info.lines().find_map(|line| line.strip_prefix("used_memory_dataset:"));
    line.unwrap().trim().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_waiting_jobs_are_all_worked_off_and_the_memory_is_given_back() {
    let queue = Queue::private().await;
    let seen = Seen::default();
    let warm = queue.work(8, seen.settle());
    queue.enqueue(numbers(1_000)).await;
    queue.drained().await;
    warm.stop().await;
    let base = used_memory(&queue).await;

    const COUNT: usize = 100_000;
    let padding = "x".repeat(300);
    for lane in Lane::ALL {
        let bodies = (0..COUNT / 2).map(|n| format!("{lane}{n}{padding}"));
        queue.enqueue_in(lane, bodies).await;
    }
    let depth = queue.depth().await;
    assert_eq!(depth.live.waiting + depth.backfill.waiting, COUNT as u64);
    assert!(depth.live.oldest.is_some());
    assert!(used_memory(&queue).await > base + 25 * MEGABYTE, "they are in there");

    let seen = Seen::default();
    let worker = queue.work(16, seen.settle());
    queue.drained().await;
    let stopped = worker.stop().await;
    assert_eq!(stopped.left, 0);
    let mut bodies = seen.bodies();
    assert_eq!(bodies.len(), COUNT);
    bodies.dedup();
    assert_eq!(bodies.len(), COUNT, "each was worked once");

    let mut keys: Vec<String> = queue.ask("KEYS *").await;
    let tag = format!("{{{}}}", queue.settings.name);
    let counts = format!("{tag}:flow:");
    keys.retain(|key| *key != format!("{tag}:ready") && !key.starts_with(&counts));
    keys.sort();
    assert_eq!(keys, ["backfill", "live", "marker"].map(|key| format!("{tag}:{key}")));
    let length: u64 = queue.ask("XLEN {test}:live").await;
    assert_eq!(length, 0);
    let stream: u64 = queue.ask("MEMORY USAGE {test}:live SAMPLES 0").await;
    assert!(stream < 16 * 1024, "an empty stream still takes {stream} bytes");
    let left = used_memory(&queue).await;
    assert!(left < base + MEGABYTE, "{left} bytes are used, {base} were before");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workers_never_do_the_same_job() {
    let queue = Queue::start().await;
    let seen = Seen::default();
    let workers = [queue.work(4, seen.settle()), queue.work(4, seen.settle())];
    queue.enqueue(numbers(5_000)).await;
    queue.drained().await;
    for worker in workers {
        worker.stop().await;
    }
    assert_eq!(seen.bodies(), numbers(5_000));
}

#[tokio::test]
async fn no_more_jobs_run_at_once_than_allowed() {
    let queue = Queue::start().await;
    let running = Arc::new(Semaphore::new(3));
    let seen = Seen::default();
    let worker = queue.work(3, {
        let seen = seen.clone();
        move |delivery| {
            let (running, seen) = (Arc::clone(&running), seen.clone());
            async move {
                let _place = running.try_acquire().expect("a fourth job runs");
                tokio::task::yield_now().await;
                seen.note(delivery);
                Disposition::Done
            }
        }
    });
    queue.enqueue(numbers(500)).await;
    queue.drained().await;
    worker.stop().await;
    assert!(seen.all().iter().all(|delivery| delivery.job.meta.attempt == 0), "none panicked");
}

#[tokio::test]
async fn a_key_that_something_else_uses_is_named_at_the_start() {
    let queue = Queue::start().await;
    let _: String = queue.ask("SET {test}:live hello").await;
    let run =
        queue.consumer(1).run(Seen::default().settle(), CancellationToken::new(), Duration::ZERO);
    let error = run.await.unwrap_err();
    assert!(matches!(error, QueueError::WrongType { .. }));
    let key = format!("{{{}}}:live", queue.settings.name);
    assert!(error.to_string().contains(&key), "{error}");
}

#[tokio::test]
async fn an_acknowledgement_of_ids_that_are_gone_does_not_hurt_the_others() {
    let queue = Queue::start().await;
    let seen = Seen::default();
    let gate = Arc::new(Semaphore::new(0));
    let worker = queue.work(10, {
        let (seen, gate) = (seen.clone(), Arc::clone(&gate));
        move |delivery| {
            let (seen, gate) = (seen.clone(), Arc::clone(&gate));
            async move {
                seen.note(delivery);
                gate.acquire().await.unwrap().forget();
                Disposition::Done
            }
        }
    });
    queue.enqueue(numbers(10)).await;
    seen.reaches(10).await;
    let ids: Vec<_> = seen.all().iter().map(|delivery| delivery.id.to_string()).collect();
    let acked: u32 = queue.ask(&format!("XACK {{test}}:live workers {} {}", ids[0], ids[1])).await;
    let deleted: u32 = queue.ask(&format!("XDEL {{test}}:live {} {}", ids[1], ids[2])).await;
    let _: Vec<String> =
        queue.ask(&format!("XCLAIM {{test}}:live workers thief 0 {} JUSTID", ids[3])).await;
    assert_eq!((acked, deleted), (2, 2));
    gate.add_permits(10);
    queue.drained().await;
    worker.stop().await;
    assert_eq!(seen.len(), 10);
}

#[tokio::test]
async fn a_pending_job_whose_payload_is_gone_does_not_hold_up_the_others() {
    let queue = Queue::start().await.lease(HOUR);
    queue.enqueue(numbers(5)).await;
    let _: String = queue.ask("XGROUP CREATE {test}:live workers 0").await;
    let _: redis::Value =
        queue.ask("XREADGROUP GROUP workers ghost COUNT 5 STREAMS {test}:live >").await;
    queue.unrenewed_for(HOUR).await;
    let _: u32 = queue.ask(&format!("XDEL {{test}}:live {}", queue.pending().await[2].0)).await;
    let seen = Seen::default();
    let (worker, clock) = queue.work_with_clock(1, seen.settle());
    in_time("nothing is pending", &clock, async || queue.pending().await.is_empty()).await;
    worker.stop().await;
    assert_eq!(seen.bodies(), ["000000", "000001", "000003", "000004"]);
}

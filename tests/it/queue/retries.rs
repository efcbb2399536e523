use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use quittance::queue::{Disposition, Lane};

use super::*;

const SOON: Duration = Duration::from_millis(1);

/// Answers with each disposition in turn, then with `Done`.
fn script(
    seen: &Seen,
    dispositions: &'static [Disposition],
) -> impl Fn(Delivery) -> std::future::Ready<Disposition> + Clone + use<> {
    let (seen, turn) = (seen.clone(), Arc::new(AtomicUsize::new(0)));
    move |delivery| {
        seen.note(delivery);
        let turn = turn.fetch_add(1, Ordering::SeqCst);
        std::future::ready(dispositions.get(turn).copied().unwrap_or(Disposition::Done))
    }
}

#[tokio::test]
async fn every_retry_counts_one_attempt_and_a_snooze_counts_none() {
    let queue = Queue::start().await;
    let seen = Seen::default();
    let worker = queue.work(
        1,
        script(
            &seen,
            &[
                Disposition::Retry { after: SOON },
                Disposition::Snooze { after: SOON },
                Disposition::Snooze { after: SOON },
                Disposition::Retry { after: SOON },
            ],
        ),
    );
    queue.enqueue(["job".to_owned()]).await;
    seen.reaches(5).await;
    queue.drained().await;
    worker.stop().await;
    let attempts: Vec<_> = seen.all().iter().map(|delivery| delivery.job.meta.attempt).collect();
    assert_eq!(attempts, [0, 1, 1, 1, 2]);
    assert!(seen.all().iter().all(|delivery| delivery.deliveries == 1), "no worker died");
}

#[tokio::test]
async fn attempts_are_counted_beyond_any_limit_of_the_library() {
    const RETRY: Disposition = Disposition::Retry { after: SOON };
    let queue = Queue::start().await;
    let seen = Seen::default();
    let worker = queue.work(1, script(&seen, &[RETRY; 30]));
    queue.enqueue(["job".to_owned()]).await;
    seen.reaches(31).await;
    queue.drained().await;
    worker.stop().await;
    let attempts: Vec<_> = seen.all().iter().map(|delivery| delivery.job.meta.attempt).collect();
    assert_eq!(attempts, (0..=30).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_delayed_job_keeps_its_payload_its_meta_data_and_its_lane() {
    const HOUR: Duration = Duration::from_secs(3600);
    let queue = Queue::start().await;
    let mut job = job(String::new());
    job.body = Bytes::from_static(b"{ \"odd\" :\t\"\xc3\xa9\xff\0\r\n\" }");
    job.meta.trace = Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into());
    job.meta.source = JobSource::Replay;
    queue.producer.enqueue(Lane::Backfill, &job).await.unwrap();

    let seen = Seen::default();
    let worker = queue.work(1, script(&seen, &[Disposition::Retry { after: HOUR }]));
    eventually("it is delayed", async || queue.depth().await.delayed == 1).await;
    worker.stop().await;
    let depth = queue.depth().await;
    assert_eq!(depth.total(), 1, "it is nowhere else");

    let (token, due): (String, u64) = {
        let all: Vec<(String, u64)> = queue.ask("ZRANGE {test}:delayed 0 -1 WITHSCORES").await;
        all.into_iter().next().unwrap()
    };
    assert!(Duration::from_millis(due) > queue.now().await + HOUR / 2, "it waits its hour");
    let _: u32 = queue.ask(&format!("ZADD {{test}}:delayed 1 {token}")).await;
    let worker = queue.work(1, seen.settle());
    queue.drained().await;
    worker.stop().await;

    let [first, second] = &seen.all()[..] else { panic!("it was not seen twice") };
    assert_eq!(first.job, job);
    job.meta.attempt = 1;
    assert_eq!(second.job, job);
    assert_eq!(second.lane, Lane::Backfill);
    let payloads: u32 = queue.ask("HLEN {test}:delayed:jobs").await;
    assert_eq!(payloads, 0, "nothing is left behind");
}

#[tokio::test]
async fn jobs_enqueued_for_later_wait_each_for_its_time_and_arrive_as_they_were() {
    const HOUR: Duration = Duration::from_secs(3600);
    let queue = Queue::start().await;
    // More than one script takes.
    let mut jobs: Vec<_> = (0..250).map(|n| (job(format!("later {n}")), HOUR)).collect();
    jobs[0].0.body = Bytes::from_static(b"\xff\0");
    jobs[0].0.meta.source = JobSource::Retry;
    jobs[0].1 = Duration::ZERO;
    queue.producer.enqueue_many_later(Lane::Backfill, &jobs).await.unwrap();
    let depth = queue.depth().await;
    assert_eq!((depth.total(), depth.delayed), (250, 250));

    let seen = Seen::default();
    let worker = queue.work(1, seen.settle());
    seen.reaches(1).await;
    eventually("the others wait on", async || queue.depth().await.total() == 249).await;
    worker.stop().await;
    let [first] = &seen.all()[..] else { panic!("more than one came") };
    assert_eq!((&first.job, first.lane), (&jobs[0].0, Lane::Backfill));
    assert_eq!(queue.depth().await.delayed, 249);
}

#[tokio::test]
async fn more_due_jobs_than_one_script_moves_all_come_back() {
    let queue = Queue::start().await;
    let seen = Seen::default();
    let worker = queue.work(8, {
        let seen = seen.clone();
        move |delivery| {
            let first = delivery.job.meta.attempt == 0;
            seen.note(delivery);
            std::future::ready(if first {
                Disposition::Retry { after: SOON }
            } else {
                Disposition::Done
            })
        }
    });
    queue.enqueue(numbers(1_500)).await;
    seen.reaches(3_000).await;
    queue.drained().await;
    worker.stop().await;
    assert_eq!(seen.len(), 3_000);
}

#[tokio::test]
async fn a_panic_in_a_handler_is_a_failed_attempt_and_the_worker_lives() {
    let queue = Queue::start().await;
    let seen = Seen::default();
    let worker = queue.work(1, {
        let seen = seen.clone();
        move |delivery| {
            let seen = seen.clone();
            async move {
                let first = delivery.job.meta.attempt == 0;
                seen.note(delivery);
                assert!(!first, "this panic is part of the test");
                Disposition::Done
            }
        }
    });
    queue.enqueue(["job".to_owned()]).await;
    seen.reaches(2).await;
    queue.drained().await;
    worker.stop().await;
    assert_eq!(seen.all()[1].job.meta.attempt, 1);
    assert_eq!(seen.all()[1].deliveries, 1);
}

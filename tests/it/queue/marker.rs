//! Detection of a loss of Redis' data.

use quittance::queue::{Inspector, MarkerCheck, MarkerState};

use super::*;

struct Marked {
    queue: Queue,
    check: MarkerCheck,
    look: Inspector,
}

impl Marked {
    /// A queue that a worker has worked on, and in which a job waits for a retry.
    async fn start() -> Self {
        let queue = Queue::start().await;
        let check = MarkerCheck::new(&queue.server, &queue.settings).unwrap();
        let look = Inspector::new(&queue.server, &queue.settings).unwrap();
        let worker = queue.work(1, |_| {
            std::future::ready(Disposition::Retry { after: Duration::from_secs(3600) })
        });
        queue.enqueue(["retried".to_owned()]).await;
        eventually("it waits for its retry", async || queue.depth().await.delayed == 1).await;
        worker.stop().await;
        Self { queue, check, look }
    }

    async fn checked(&self) -> MarkerState {
        self.check.check().await.unwrap()
    }

    /// Breaks something; answers what is missing then, and after the next check.
    async fn breaks(&self, command: &str) -> String {
        let before = self.checked().await;
        let _: redis::Value = self.queue.ask(command).await;
        let seen = self.look.marker().await.unwrap();
        assert!(seen.missing_now || seen.epoch.is_none(), "{command}: a look sees it: {seen:?}");
        let after = self.checked().await;
        assert_ne!(after.epoch, before.epoch, "{command}");
        let again = self.checked().await;
        assert_eq!(again.epoch, after.epoch, "{command}: it is one loss");
        assert!(!self.look.marker().await.unwrap().missing_now, "{command}: it was made anew");
        after.missing.text()
    }
}

#[tokio::test]
async fn whatever_part_of_the_queue_is_lost_begins_another_epoch() {
    let marked = Marked::start().await;
    assert_eq!(marked.breaks("DEL {test}:marker").await, "");
    assert_eq!(marked.breaks("DEL {test}:live").await, "the live lane");
    assert_eq!(marked.breaks("DEL {test}:backfill").await, "the backfill lane");
    assert_eq!(marked.breaks("DEL {test}:delayed:jobs").await, "the jobs that waited for a retry");
    let marked = Marked::start().await;
    assert_eq!(marked.breaks("DEL {test}:delayed").await, "the jobs that waited for a retry");
    let all = "DEL {test}:live {test}:backfill {test}:delayed {test}:delayed:jobs {test}:marker";
    assert_eq!(marked.breaks(all).await, "");
}

#[tokio::test]
async fn a_stream_that_is_deleted_and_filled_anew_is_a_loss_also_where_a_worker_runs() {
    let queue = Queue::start().await;
    let check = MarkerCheck::new(&queue.server, &queue.settings).unwrap();
    let seen = Seen::default();
    let worker = queue.work(1, seen.settle());
    queue.enqueue(["before".to_owned()]).await;
    queue.drained().await;
    let before = check.check().await.unwrap();
    let _: u32 = queue.ask("DEL {test}:live").await;
    queue.enqueue(["after".to_owned()]).await;
    seen.reaches(2).await;
    queue.drained().await;
    worker.stop().await;
    let after = check.check().await.unwrap();
    assert_ne!(after.epoch, before.epoch);
    assert_eq!(after.missing.text(), "the live lane");
}

#[tokio::test]
async fn an_ordinary_life_is_one_epoch_and_each_check_is_counted() {
    let queue = Queue::start().await;
    let check = MarkerCheck::new(&queue.server, &queue.settings).unwrap();
    let worker = queue.work(4, |delivery: Delivery| {
        let after = Duration::from_millis(1);
        let first = delivery.job.meta.attempt == 0;
        std::future::ready(if first { Disposition::Retry { after } } else { Disposition::Done })
    });
    let first = check.check().await.unwrap();
    for lane in Lane::ALL {
        queue.enqueue_in(lane, numbers(300)).await;
    }
    let later: Vec<_> = (0..150).map(|n| (job(n.to_string()), Duration::ZERO)).collect();
    queue.producer.enqueue_many_later(Lane::Backfill, &later).await.unwrap();
    let mut checks = 1;
    eventually("all is done", async || {
        let state = check.check().await.unwrap();
        checks += 1;
        assert_eq!(state.epoch, first.epoch, "{state:?}");
        queue.depth().await.total() == 0
    })
    .await;
    worker.stop().await;
    let last = check.check().await.unwrap();
    assert_eq!((last.epoch, last.beat), (first.epoch, first.beat.map(|beat| beat + checks)));
}

#[tokio::test]
async fn what_is_finished_is_told_from_what_waits_by_when_it_was_received() {
    let marked = Marked::start().await;
    assert_eq!(marked.checked().await.finished_until_ms, Some(1_700_000_000_000), "a retry waits");
    let queue = Queue::start().await;
    let check = MarkerCheck::new(&queue.server, &queue.settings).unwrap();
    let before = queue.now().await.as_millis();
    let until = check.check().await.unwrap().finished_until_ms.unwrap();
    assert!(u128::try_from(until).unwrap() >= before, "nothing waits");
    queue.enqueue(numbers(2)).await;
    assert_eq!(check.check().await.unwrap().finished_until_ms, Some(1_700_000_000_000));
    queue.enqueue(numbers(200)).await;
    assert_eq!(check.check().await.unwrap().finished_until_ms, None, "too many to look");
}

#[tokio::test]
async fn a_full_redis_shows_its_marker_and_everything_else_that_is_read() {
    let queue = Queue::private().await;
    let look = super::pauses::inspector(&queue);
    let check = MarkerCheck::new(&queue.server, &queue.settings).unwrap();
    let worker = queue.work(1, Seen::default().settle());
    eventually("it reports itself", async || look.roster().await.unwrap().len() == 1).await;
    let epoch = check.check().await.unwrap().epoch;
    let _: String = queue.ask("CONFIG SET maxmemory 1").await;
    look.takes_writes().await.unwrap_err();
    look.latency().await.unwrap();
    look.depth().await.unwrap();
    let full = check.check().await.unwrap();
    assert_eq!((full.epoch, full.beat), (epoch, None), "it cannot be counted, and is there");
    // What it knows of the workers does not expire while they cannot write it.
    let left: i64 = queue.ask("PTTL {test}:workers").await;
    let _: u32 = queue.ask("PEXPIRE {test}:workers 20000").await;
    eventually("it is kept", async || queue.ask::<i64>("PTTL {test}:workers").await > 20_000).await;
    assert!(left > 0);
    assert_eq!(look.roster().await.unwrap().len(), 1);
    let _: String = queue.ask("CONFIG SET maxmemory 0").await;
    worker.stop().await;
}

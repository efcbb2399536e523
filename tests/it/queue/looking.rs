//! Inspection of a queue without changing it.

use std::time::Duration;

use quittance::queue::{Disposition, Limiter, MinuteCount, Peeked, Place};
use tokio::sync::Semaphore;

use super::pauses::inspector;
use super::*;

fn texts(jobs: &[Peeked]) -> Vec<String> {
    jobs.iter().map(|one| String::from_utf8(one.job.body.to_vec()).unwrap()).collect()
}

#[tokio::test]
async fn single_jobs_are_seen_where_they_are_and_stay_there() {
    let queue = Queue::start().await.lease(Duration::from_secs(3600));
    let look = inspector(&queue);
    queue.enqueue(numbers(3)).await;
    let waiting = look.peek(Lane::Live, Place::Waiting, 2).await.unwrap();
    assert_eq!(texts(&waiting), ["000000", "000001"], "no worker was ever here");
    assert_eq!((waiting[0].deliveries, &waiting[0].holder), (0, &None));
    assert_eq!(look.peek(Lane::Live, Place::InHand, 9).await.unwrap(), []);
    assert_eq!(look.peek(Lane::Backfill, Place::Waiting, 9).await.unwrap(), []);

    let (seen, gate) = (Seen::default(), Arc::new(Semaphore::new(0)));
    let worker = queue.work_with_grace(1, Duration::ZERO, {
        let (seen, gate) = (seen.clone(), Arc::clone(&gate));
        move |delivery| {
            let (seen, gate) = (seen.clone(), Arc::clone(&gate));
            async move {
                seen.note(delivery);
                gate.acquire().await.unwrap().forget();
                Disposition::Retry { after: Duration::from_secs(3600) }
            }
        }
    });
    seen.reaches(1).await;
    eventually("all are in hand", async || queue.depth().await.live.in_hand == 3).await;
    let in_hand = look.peek(Lane::Live, Place::InHand, 9).await.unwrap();
    assert_eq!(texts(&in_hand), numbers(3));
    let roster = look.roster().await.unwrap();
    assert_eq!(in_hand[0].holder.as_ref(), Some(&roster[0].card.id));
    assert_eq!(look.peek(Lane::Live, Place::Waiting, 9).await.unwrap(), []);

    gate.add_permits(1);
    eventually("one is delayed", async || queue.depth().await.delayed == 1).await;
    let delayed = look.peek(Lane::Live, Place::Delayed, 9).await.unwrap();
    assert_eq!(texts(&delayed), ["000000"]);
    assert_eq!(delayed[0].job.meta.attempt, 1);
    assert!(delayed[0].due_in > Some(Duration::from_secs(3000)), "{delayed:?}");
    assert_eq!(look.peek(Lane::Backfill, Place::Delayed, 9).await.unwrap(), []);

    worker.stop().await;
    let back = look.peek(Lane::Live, Place::Waiting, 9).await.unwrap();
    assert_eq!(texts(&back), ["000001", "000002"], "what was handed back waits");
    assert_eq!(queue.depth().await.live.waiting, 2);
}

#[tokio::test]
async fn a_worker_is_on_the_roster_with_its_jobs_and_gone_when_it_stops() {
    let queue = Queue::start().await;
    let look = inspector(&queue);
    let gate = Arc::new(Semaphore::new(0));
    let consumer = queue.consumer(7);
    let presence = consumer.heartbeat();
    presence.on_host("here");
    let shutdown = CancellationToken::new();
    let handler = {
        let gate = Arc::clone(&gate);
        move |delivery: Delivery| {
            let (gate, presence) = (Arc::clone(&gate), presence.clone());
            async move {
                presence.describe(&delivery, "evt_1", "charge.updated", Some("ch_1"));
                gate.acquire().await.unwrap().forget();
                Disposition::Done
            }
        }
    };
    let task = tokio::spawn(consumer.run(handler, shutdown.clone(), Duration::from_secs(30)));
    queue.enqueue(numbers(2)).await;
    eventually("it reports both jobs", async || {
        look.roster().await.unwrap().iter().any(|worker| worker.card.running == 2)
    })
    .await;
    let roster = look.roster().await.unwrap();
    let [worker] = &roster[..] else { panic!("one worker: {roster:?}") };
    let card = &worker.card;
    assert_eq!((card.name.as_str(), card.host.as_str(), card.concurrency), ("worker", "here", 7));
    assert_eq!((card.pid, card.version.as_str()), (std::process::id(), env!("CARGO_PKG_VERSION")));
    let job = &card.jobs[0];
    assert_eq!((job.lane.as_str(), job.event.as_deref(), job.attempt), ("live", Some("evt_1"), 1));
    assert_eq!(job.object.as_deref(), Some("ch_1"));
    gate.add_permits(2);
    queue.drained().await;
    shutdown.cancel();
    task.await.unwrap().unwrap();
    assert_eq!(look.roster().await.unwrap(), []);
}

#[tokio::test]
async fn a_worker_that_is_killed_is_seen_to_be_silent_and_then_forgotten() {
    let queue = Queue::start().await;
    let look = inspector(&queue);
    let dies = queue.work(1, Seen::default().settle());
    eventually("it is listed", async || look.roster().await.unwrap().len() == 1).await;
    let id = look.roster().await.unwrap()[0].card.id.clone();
    dies.die().await;
    let _: i64 = queue.ask(&format!("ZINCRBY {{test}}:workers -30000 {id}")).await;
    let silent = look.roster().await.unwrap();
    assert!(silent[0].seen_ago >= Duration::from_secs(30), "{silent:?}");
    let _: i64 = queue.ask(&format!("ZINCRBY {{test}}:workers -30000 {id}")).await;
    assert_eq!(look.roster().await.unwrap(), []);

    // The next report of any worker takes it out of Redis.
    let lives = queue.work(1, Seen::default().settle());
    eventually("the other is listed", async || look.roster().await.unwrap().len() == 1).await;
    let cards: Vec<String> = queue.ask("HKEYS {test}:workers:cards").await;
    assert!(cards.len() == 1 && cards[0] != id, "{cards:?}");
    for key in ["{test}:workers", "{test}:workers:cards"] {
        let left: i64 = queue.ask(&format!("PTTL {key}")).await;
        assert!(left > 0, "{key} would stay for ever");
    }
    lives.stop().await;
}

#[tokio::test]
async fn the_request_budget_is_seen_and_looking_takes_nothing_of_it() {
    let queue = Queue::start().await;
    let look = inspector(&queue);
    assert_eq!(look.buckets().await.unwrap(), []);
    let limiter = Limiter::new(&queue.server, &queue.settings).unwrap();
    for bucket in ["live:charges", "live:account"] {
        assert_eq!(limiter.take(&[(bucket, 1)], Duration::ZERO, None).await.unwrap(), None);
    }
    let names: Vec<_> = look.buckets().await.unwrap().into_iter().map(|b| b.name).collect();
    assert_eq!(names, ["live:account", "live:charges"]);
    let [_, charges] = &look.buckets().await.unwrap()[..] else { panic!("two") };
    assert!((charges.full_rate - 1.0).abs() < 1e-9 && (charges.capacity - 1.0).abs() < 1e-9);
    assert_eq!(charges.slowed_until_ms, None);

    limiter.slow_down("live:charges").await.unwrap();
    let [account, charges] = &look.buckets().await.unwrap()[..] else { panic!("two") };
    assert!(charges.rate < 0.999 && charges.slowed_until_ms.is_some(), "{charges:?}");
    assert!((account.rate - 1.0).abs() < 1e-9, "{account:?}");
}

#[tokio::test]
async fn what_comes_and_goes_is_counted() {
    let queue = Queue::start().await;
    let look = inspector(&queue);
    let worker = queue.work(4, Seen::default().settle());
    queue.enqueue(numbers(30)).await;
    queue.enqueue_in(Lane::Backfill, numbers(12)).await;
    queue.drained().await;
    worker.stop().await;
    let sum = async || {
        let counts = look.flow().await.unwrap();
        counts.minutes.values().fold(MinuteCount::default(), |sum, one| MinuteCount {
            arrived: sum.arrived + one.arrived,
            finished: sum.finished + one.finished,
        })
    };
    assert_eq!(sum().await.finished, 42, "a worker tells all of it before it ends");
    eventually("the producer has told", async || sum().await.arrived == 42).await;
    let hour = queue.now().await.as_secs() / 3600;
    let left: i64 = queue.ask(&format!("PTTL {{test}}:flow:{hour}")).await;
    // At the turn of an hour the counts may be in the one before.
    assert!(left > 0 || left == -2, "the counts would stay for ever");
}

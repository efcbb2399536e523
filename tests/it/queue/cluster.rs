use std::time::Duration;

use quittance::queue::{Disposition, Limiter, Place};

use super::*;

/// A cluster of one node refuses every command and script whose keys lie in several slots, and
/// every script that uses a key which it was not given.
#[tokio::test]
async fn the_whole_life_of_a_job_passes_on_a_redis_cluster() {
    let redis = harness::private_redis_with(&["cluster-enabled yes"]).await;
    let queue = Queue::in_redis(redis).lease(HOUR);
    // One by one: Redis 6 knows no ranges of slots.
    let slots: Vec<String> = (0..16_384).map(|slot| slot.to_string()).collect();
    let _: String = queue.ask(&format!("CLUSTER ADDSLOTS {}", slots.join(" "))).await;
    eventually("the cluster is ready", async || queue.producer.ready().await.is_ok()).await;

    let limiter = Limiter::new(&queue.server, &queue.settings).unwrap();
    let charges = [("charges", 10)];
    assert_eq!(limiter.take(&charges, Duration::ZERO, None).await.unwrap(), None);
    limiter.slow_down("charges").await.unwrap();
    let look = super::pauses::inspector(&queue);
    assert_eq!(look.buckets().await.unwrap().len(), 1);
    look.pause(Lane::Live, "jane", None).await.unwrap();
    assert_eq!(look.pauses().await.unwrap().len(), 1);
    look.resume(Lane::Live).await.unwrap();

    let seen = Seen::default();
    let dies = queue.work(1, {
        let seen = seen.clone();
        move |delivery| {
            seen.note(delivery);
            std::future::pending()
        }
    });
    for lane in Lane::ALL {
        queue.enqueue_in(lane, numbers(20)).await;
    }
    seen.reaches(1).await;
    dies.die().await;
    queue.unrenewed_for(HOUR).await;
    for place in [Place::Waiting, Place::InHand, Place::Delayed] {
        look.peek(Lane::Live, place, 5).await.unwrap();
    }
    assert_eq!(look.roster().await.unwrap().len(), 1);
    look.latency().await.unwrap();
    let (lives, clock) = queue.work_with_clock(4, {
        let seen = seen.clone();
        move |delivery| {
            let first = delivery.job.meta.attempt == 0;
            seen.note(delivery);
            let after = Duration::from_millis(1);
            std::future::ready(if first { Disposition::Retry { after } } else { Disposition::Done })
        }
    });
    in_time("all is done", &clock, async || queue.depth().await.total() == 0).await;
    assert_eq!(lives.stop().await.left, 0);
    eventually("the counts are told", async || !look.flow().await.unwrap().minutes.is_empty())
        .await;
    assert_eq!(seen.len(), 1 + 40 + 40);
}

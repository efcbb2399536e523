use std::sync::atomic::{AtomicUsize, Ordering};

use quittance::queue::{Disposition, Lane};
use tokio::sync::Semaphore;

use super::*;

/// The lanes of jobs in the order in which one worker did them, both lanes having waited before.
async fn order_of(live: usize, backfill: usize) -> Vec<Lane> {
    let queue = Queue::start().await;
    let (seen, gate) = (Seen::default(), Arc::new(Semaphore::new(0)));
    queue.enqueue_in(Lane::Live, numbers(live)).await;
    queue.enqueue_in(Lane::Backfill, numbers(backfill)).await;
    let worker = queue.work(1, {
        let (seen, gate) = (seen.clone(), Arc::clone(&gate));
        move |delivery| {
            let (seen, gate) = (seen.clone(), Arc::clone(&gate));
            async move {
                gate.acquire().await.unwrap().forget();
                seen.note(delivery);
                Disposition::Done
            }
        }
    });
    let fetched = queue.settings.prefetch.min(live.min(backfill)) as u64;
    eventually("both lanes are fetched", async || {
        let depth = queue.depth().await;
        depth.live.in_hand >= fetched && depth.backfill.in_hand >= fetched
    })
    .await;
    gate.add_permits(live + backfill);
    queue.drained().await;
    worker.stop().await;
    seen.all().iter().map(|delivery| delivery.lane).collect()
}

#[tokio::test]
async fn a_backfill_does_not_starve_live_webhooks() {
    let order = order_of(50, 1_000).await;
    let last_live = order.iter().rposition(|lane| *lane == Lane::Live).unwrap();
    assert!(last_live < 100, "the last of 50 live jobs was number {last_live}");
}

#[tokio::test]
async fn live_webhooks_do_not_starve_a_backfill() {
    let order = order_of(1_000, 10).await;
    let last = order.iter().rposition(|lane| *lane == Lane::Backfill).unwrap();
    assert!(last < 100, "the last of 10 backfilled jobs was number {last}");
}

#[tokio::test]
async fn while_live_webhooks_come_a_backfill_takes_few_of_the_places() {
    let queue = Queue::start().await;
    let (most, gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
    queue.enqueue_in(Lane::Live, numbers(1)).await;
    let worker = queue.work(32, {
        let (most, gate) = (Arc::clone(&most), Arc::clone(&gate));
        let running = Arc::new(AtomicUsize::new(0));
        move |delivery| {
            let (most, gate, running) =
                (Arc::clone(&most), Arc::clone(&gate), Arc::clone(&running));
            async move {
                if delivery.lane == Lane::Backfill {
                    most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    gate.acquire().await.unwrap().forget();
                    running.fetch_sub(1, Ordering::SeqCst);
                }
                Disposition::Done
            }
        }
    });
    let live_is_done = async || {
        let live = queue.depth().await.live;
        live.waiting + live.in_hand == 0
    };
    eventually("the live one is done", live_is_done).await;
    queue.enqueue_in(Lane::Backfill, numbers(20)).await;
    eventually("some of the backfill run", async || most.load(Ordering::SeqCst) == 4).await;
    // A live one still finds a place, although none of them ends.
    queue.enqueue_in(Lane::Live, numbers(1)).await;
    eventually("it is done", live_is_done).await;
    assert_eq!(most.load(Ordering::SeqCst), 4);
    gate.add_permits(20);
    queue.drained().await;
    worker.stop().await;
}

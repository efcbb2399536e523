//! Jobs that were delivered and are on no worker's list.

use std::collections::HashMap;

use super::*;

/// The names in the group of the live lane.
async fn consumers(queue: &Queue) -> Vec<String> {
    let all: Vec<HashMap<String, redis::Value>> =
        queue.ask("XINFO CONSUMERS {test}:live workers").await;
    all.iter().map(|one| redis::from_redis_value(one["name"].clone()).unwrap()).collect()
}

#[tokio::test]
async fn jobs_whose_consumer_was_deleted_by_hand_are_worked_off() {
    let queue = Queue::start().await.lease(HOUR);
    // More than one look finds, between others that a worker has.
    queue.enqueue(numbers(250)).await;
    let _: String = queue.ask("XGROUP CREATE {test}:live workers 0").await;
    for owner in ["deleted", "unassigned", "deleted"] {
        let read = format!("XREADGROUP GROUP workers {owner} COUNT 80 STREAMS {{test}}:live >");
        let _: redis::Value = queue.ask(&read).await;
    }
    let dropped: u32 = queue.ask("XGROUP DELCONSUMER {test}:live workers deleted").await;
    assert_eq!(dropped, 160, "they are on no list, and still in the stream");

    let seen = Seen::default();
    let worker = queue.work(4, seen.settle());
    queue.drained().await;
    worker.stop().await;
    assert_eq!(seen.bodies(), numbers(250));
    assert!(seen.all().iter().all(|delivery| delivery.deliveries == 1));
}

#[tokio::test]
async fn a_worker_whose_name_was_deleted_keeps_what_it_runs() {
    let queue = Queue::start().await.lease(HOUR);
    let (seen, gate) = (Seen::default(), Arc::new(tokio::sync::Semaphore::new(0)));
    let (worker, clock) = queue.work_with_clock(1, {
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
    queue.enqueue(numbers(1)).await;
    seen.reaches(1).await;
    let [name] = &consumers(&queue).await[..] else { panic!("there is one worker") };
    let command = format!("XGROUP DELCONSUMER {{test}}:live workers {name}");
    assert_eq!(queue.ask::<u32>(&command).await, 1);
    clock.advance(HOUR / 3);
    eventually("it has it again, or nobody has", async || !queue.pending().await.is_empty()).await;
    gate.add_permits(2);
    queue.drained().await;
    worker.stop().await;
}

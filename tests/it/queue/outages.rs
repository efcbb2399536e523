use std::collections::HashMap;
use std::time::Duration;

use quittance::domain::failure::{Class, Dependency};
use quittance::queue::{Disposition, RedisHealth};

use super::*;

const DOWN: Class = Class::Unavailable(Dependency::Redis);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_of_redis_in_mid_load_loses_nothing_and_repeats_nothing() {
    let mut queue = Queue::private().await;
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
    queue.enqueue(numbers(20_000)).await;
    let workers = [queue.work(4, handler.clone()), queue.work(4, handler)];
    seen.reaches(1_000).await;
    queue.redis().restart().await.unwrap();
    let after = seen.len();
    assert!(after < 20_000, "it was in mid-load");
    queue.drained().await;
    for worker in workers {
        worker.stop().await;
    }
    assert_eq!(seen.bodies(), numbers(20_000));
}

#[tokio::test]
async fn a_paused_redis_makes_enqueue_fail_as_unavailable_and_work_goes_on_when_it_resumes() {
    let mut queue = Queue::private().await;
    let seen = Seen::default();
    let consumer = queue.consumer(1);
    let mut health = consumer.health();
    let shutdown = CancellationToken::new();
    let task = tokio::spawn(consumer.run(seen.settle(), shutdown.clone(), Duration::ZERO));
    queue.enqueue(["before".to_owned()]).await;
    seen.reaches(1).await;
    health.wait_for(|health| *health == RedisHealth::Up).await.unwrap();

    queue.redis().pause().unwrap();
    for _ in 0..2 {
        let error = queue
            .producer
            .enqueue(Lane::Live, &job("lost or late".into()))
            .await
            .expect_err("nobody answers");
        assert_eq!(error.class(), DOWN, "{error:?}");
    }
    health.wait_for(|health| matches!(health, RedisHealth::Down { .. })).await.unwrap();
    queue.redis().resume().unwrap();

    health.wait_for(|health| *health == RedisHealth::Up).await.unwrap();
    eventually("it takes jobs again", async || {
        queue.producer.enqueue(Lane::Live, &job("after".into())).await.is_ok()
    })
    .await;
    eventually("they are worked", async || seen.bodies().contains(&"after".to_owned())).await;
    shutdown.cancel();
    task.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_redis_that_lost_everything_gets_its_group_again() {
    let queue = Queue::private().await;
    let seen = Seen::default();
    let worker = queue.work(1, seen.settle());
    queue.enqueue(["before".to_owned()]).await;
    seen.reaches(1).await;
    queue.drained().await;
    for n in 0..3 {
        let _: String = queue.ask("FLUSHALL").await;
        queue.enqueue([format!("after {n}")]).await;
        seen.reaches(n + 2).await;
    }
    queue.drained().await;
    worker.stop().await;
    assert_eq!(seen.bodies(), ["after 0", "after 1", "after 2", "before"]);
}

#[tokio::test]
async fn a_full_redis_is_unavailable_and_what_was_in_hand_is_retried_when_it_has_room() {
    let queue = Queue::private().await;
    let consumer = queue.consumer(1);
    let mut health = consumer.health();
    let seen = Seen::default();
    queue.producer.ready().await.unwrap();
    queue.enqueue(["job".to_owned()]).await;
    let _: String = queue.ask("CONFIG SET maxmemory 1").await;
    let error = queue.producer.ready().await.unwrap_err();
    assert_eq!(error.class(), DOWN, "{error:?}");
    let error = queue.producer.enqueue(Lane::Live, &job("x".into())).await.unwrap_err();
    assert_eq!(error.class(), DOWN, "{error:?}");
    let _: String = queue.ask("CONFIG SET maxmemory 0").await;

    let shutdown = CancellationToken::new();
    let (began, mut begins) = tokio::sync::mpsc::unbounded_channel();
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let handler = {
        let (seen, gate) = (seen.clone(), Arc::clone(&gate));
        move |delivery: Delivery| {
            let (seen, gate, began) = (seen.clone(), Arc::clone(&gate), began.clone());
            async move {
                began.send(()).unwrap();
                gate.acquire().await.unwrap().forget();
                let first = delivery.job.meta.attempt == 0;
                seen.note(delivery);
                let after = Duration::from_millis(1);
                if first { Disposition::Retry { after } } else { Disposition::Done }
            }
        }
    };
    let task = tokio::spawn(consumer.run(handler, shutdown.clone(), Duration::from_secs(30)));
    begins.recv().await.unwrap();
    let _: String = queue.ask("CONFIG SET maxmemory 1").await;
    gate.add_permits(2);
    health.wait_for(|health| matches!(health, RedisHealth::Down { .. })).await.unwrap();
    assert_eq!(queue.pending().await.len(), 1, "it is still in hand");
    let _: String = queue.ask("CONFIG SET maxmemory 0").await;
    queue.drained().await;
    shutdown.cancel();
    task.await.unwrap().unwrap();
    let attempts: Vec<_> = seen.all().iter().map(|delivery| delivery.job.meta.attempt).collect();
    assert_eq!(attempts, [0, 1]);
}

#[tokio::test]
async fn a_full_redis_is_worked_empty_also_by_a_worker_that_starts_then() {
    let queue = Queue::private().await;
    // The group is there since an earlier worker.
    let seen = Seen::default();
    let worker = queue.work(1, seen.settle());
    queue.enqueue(["earlier".to_owned()]).await;
    queue.drained().await;
    worker.stop().await;
    queue.enqueue((0..20).map(|n| n.to_string())).await;
    let _: String = queue.ask("CONFIG SET maxmemory 1").await;
    let worker = queue.work(4, seen.settle());
    queue.drained().await;
    worker.stop().await;
    assert_eq!(seen.bodies().len(), 21);
    let _: String = queue.ask("CONFIG SET maxmemory 0").await;
}

#[tokio::test]
async fn what_goes_back_does_not_wait_for_retries_that_a_full_redis_refuses() {
    let queue = Queue::private().await;
    let (seen, gate) = (Seen::default(), Arc::new(tokio::sync::Semaphore::new(0)));
    let worker = queue.work(1, {
        let (seen, gate) = (seen.clone(), Arc::clone(&gate));
        move |delivery| {
            let (seen, gate) = (seen.clone(), Arc::clone(&gate));
            async move {
                seen.note(delivery);
                gate.acquire().await.unwrap().forget();
                Disposition::Retry { after: Duration::from_secs(1) }
            }
        }
    });
    queue.enqueue(numbers(6)).await;
    seen.reaches(1).await;
    eventually("it has all six", async || queue.pending().await.len() == 6).await;
    let _: String = queue.ask("CONFIG SET maxmemory 1").await;
    worker.shutdown.cancel();
    gate.add_permits(1);
    assert_eq!(worker.stop().await, Stopped { handed_back: 5, left: 1 });
    let _: String = queue.ask("CONFIG SET maxmemory 0").await;
}

#[tokio::test]
async fn a_worker_starts_before_its_redis() {
    let mut queue = Queue::private().await;
    queue.redis().pause().unwrap();
    let seen = Seen::default();
    let consumer = queue.consumer(1);
    let mut health = consumer.health();
    let shutdown = CancellationToken::new();
    let task = tokio::spawn(consumer.run(seen.settle(), shutdown.clone(), Duration::ZERO));
    health
        .wait_for(|health| {
            matches!(health, RedisHealth::Down { error, .. } if error != "not connected yet")
        })
        .await
        .unwrap();
    queue.redis().resume().unwrap();
    health.wait_for(|health| *health == RedisHealth::Up).await.unwrap();
    eventually("a job is taken", async || {
        queue.producer.enqueue(Lane::Live, &job("job".into())).await.is_ok()
    })
    .await;
    seen.reaches(1).await;
    shutdown.cancel();
    task.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_worker_stops_in_time_while_redis_is_down() {
    let mut queue = Queue::private().await;
    let seen = Seen::default();
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let worker = queue.work(1, {
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
    queue.enqueue(["job".to_owned()]).await;
    seen.reaches(1).await;
    queue.redis().pause().unwrap();
    gate.add_permits(1);
    let stopped = worker.stop().await;
    queue.redis().resume().unwrap();
    assert_eq!(stopped, Stopped { handed_back: 0, left: 1 });
}

#[tokio::test]
async fn jobs_whose_delivery_was_lost_with_the_connection_are_read_again_at_no_cost() {
    // A lease that no test waits for, so nobody can take the job over.
    let queue = Queue::start().await.lease(Duration::from_secs(3600));
    let seen = Seen::default();
    let worker = queue.work(1, seen.settle());
    queue.enqueue(["before".to_owned()]).await;
    queue.drained().await;
    let consumers: Vec<HashMap<String, ::redis::Value>> =
        queue.ask("XINFO CONSUMERS {test}:live workers").await;
    let name: String = ::redis::from_redis_value(consumers[0]["name"].clone()).unwrap();

    // Redis believes that it delivered the job, and the worker never heard of it.
    let _: String = queue.ask("XGROUP SETID {test}:live workers 99999999999999-0").await;
    let id = queue.producer.enqueue(Lane::Live, &job("lost".into())).await.unwrap();
    let claim = format!("XCLAIM {{test}}:live workers {name} 0 {id} FORCE JUSTID");
    let claimed: Vec<String> = queue.ask(&claim).await;
    assert_eq!(claimed, [id.as_str()]);
    let _: String = queue.ask(&format!("XGROUP SETID {{test}}:live workers {id}")).await;
    let deliveries = queue.pending().await[0].3;
    let _: u32 = queue.ask("CLIENT KILL TYPE normal SKIPME yes").await;

    seen.reaches(2).await;
    queue.drained().await;
    worker.stop().await;
    assert_eq!(body(&seen.all()[1]), "lost");
    assert_eq!(seen.all()[1].deliveries, deliveries.max(1));
}

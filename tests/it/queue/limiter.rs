use std::time::Duration;

use quittance::queue::Limiter;

use super::*;

fn limiter(queue: &Queue) -> Limiter {
    Limiter::new(&queue.server, &queue.settings).unwrap()
}

/// Takes until there is no token, and answers how long to wait for one.
async fn drain(limiter: &Limiter, rate: u32) -> Duration {
    loop {
        if let Some(wait) = limiter.take(&[("charges", rate)]).await.unwrap() {
            return wait;
        }
    }
}

#[tokio::test]
async fn all_workers_together_never_take_more_than_the_rate_and_one_burst() {
    const RATE: u32 = 50;
    const BURST: f64 = 10.0;
    let queue = Queue::start().await;
    let begin = queue.now().await;
    let workers = (0..4).map(|_| {
        let limiter = limiter(&queue);
        tokio::spawn(async move {
            let mut taken = 0;
            // More than the bucket holds, so that most of them have to be waited for.
            while taken < 25 {
                match limiter.take(&[("charges", RATE)]).await.unwrap() {
                    None => taken += 1,
                    Some(wait) => tokio::time::sleep(wait / 4).await,
                }
            }
            taken
        })
    });
    let mut taken = 0;
    for worker in workers.collect::<Vec<_>>() {
        taken += worker.await.unwrap();
    }
    let window = (queue.now().await - begin).as_secs_f64();
    let allowed = f64::from(RATE) * window + BURST;
    assert!(f64::from(taken) <= allowed, "{taken} in {window} s; {allowed} were allowed");
}

#[tokio::test]
async fn each_who_has_to_wait_is_told_a_later_time() {
    let queue = Queue::start().await;
    let limiter = limiter(&queue);
    let mut last = queue.now().await + drain(&limiter, 5).await;
    for _ in 0..5 {
        let asked = queue.now().await;
        let wait = limiter.take(&[("charges", 5)]).await.unwrap();
        // A token may have come in the meantime on a slow machine; then there is no wait to look at.
        let Some(wait) = wait else { return };
        assert!(asked + wait > last, "two callers come back at once");
        last = asked + wait;
    }
}

#[tokio::test]
async fn slowing_down_halves_the_rate_once_for_answers_that_come_together() {
    let queue = Queue::start().await;
    let limiter = limiter(&queue);
    for _ in 0..5 {
        limiter.slow_down("charges").await.unwrap();
    }
    let share: f64 = queue.ask("HGET {test}:budget:charges share").await;
    assert!((share - 0.5).abs() < 1e-6, "{share}");
    // Empty, at half of 10 a second: 200 ms for the next, where the full rate never says above 100.
    let wait = limiter.take(&[("charges", 10)]).await.unwrap().expect("there is no token");
    assert!(wait > Duration::from_millis(100), "{wait:?}");
    let other = limiter.take(&[("refunds", 10)]).await.unwrap();
    assert_eq!(other, None, "another bucket is not slowed");
}

#[tokio::test]
async fn what_draws_on_two_buckets_takes_of_both_or_of_none() {
    let queue = Queue::start().await;
    let limiter = limiter(&queue);
    drain(&limiter, 1).await;
    let both = [("refunds", 1_000), ("charges", 1)];
    assert!(limiter.take(&both).await.unwrap().is_some(), "one of them is empty");
    let tokens: f64 = queue.ask("HGET {test}:budget:refunds tokens").await;
    assert!((tokens - 200.0).abs() < 1e-6, "the other one keeps all of its tokens: {tokens}");
}

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use quittance::queue::{Limiter, TokenWait};

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

fn limiter(queue: &Queue) -> Limiter {
    Limiter::new(&queue.server, &queue.settings).unwrap()
}

/// A limiter for which time stands still until the test moves it on, in microseconds.
fn timed(queue: &Queue) -> (Limiter, Arc<AtomicU64>) {
    let time = Arc::new(AtomicU64::new(1_700_000_000_000_000));
    (limiter(queue).by_clock(Arc::clone(&time)), time)
}

fn passes(time: &AtomicU64, wait: Duration) {
    time.fetch_add(u64::try_from(wait.as_micros()).unwrap(), Ordering::Relaxed);
}

/// Asks for a token of one bucket, as who has just come.
async fn ask(limiter: &Limiter, bucket: &str, rate: u32) -> Option<TokenWait> {
    limiter.take(&[(bucket, rate)], MINUTE, None).await.unwrap()
}

/// Takes until there is no token, and answers how long to wait for one.
async fn drain(limiter: &Limiter, rate: u32) -> TokenWait {
    loop {
        if let Some(wait) = ask(limiter, "charges", rate).await {
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
            let (mut taken, mut place) = (0, None);
            // More than the bucket holds, so that most of them have to be waited for.
            while taken < 25 {
                match limiter.take(&[("charges", RATE)], MINUTE, place).await.unwrap() {
                    None => (taken, place) = (taken + 1, None),
                    // Too early, to be refused now and then.
                    Some(wait) => {
                        tokio::time::sleep(wait.time / 4).await;
                        place = Some(wait.place);
                    }
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
    let (limiter, _time) = timed(&queue);
    let mut last = drain(&limiter, 5).await;
    for _ in 0..5 {
        let wait = ask(&limiter, "charges", 5).await.expect("time stands still");
        assert_eq!(wait.time, last.time + Duration::from_millis(200));
        last = wait;
    }
}

#[tokio::test]
async fn who_comes_later_does_not_pass_who_waits() {
    let queue = Queue::start().await;
    let (limiter, time) = timed(&queue);
    let waits = drain(&limiter, 5).await;
    passes(&time, waits.time / 2);
    let behind = ask(&limiter, "charges", 5).await.expect("there is no token");
    passes(&time, waits.time - waits.time / 2);
    // There is one token now, and it is promised; so is the next.
    let newcomer = ask(&limiter, "charges", 5).await.expect("it waits behind them");
    assert!(newcomer.place > behind.place && behind.place > waits.place);
    let take = async |waiting: TokenWait| {
        limiter.take(&[("charges", 5)], MINUTE, Some(waiting.place)).await.unwrap()
    };
    assert_eq!(take(waits).await, None, "whose turn it is goes");
    assert!(take(behind).await.is_some(), "it is not its turn yet");
    passes(&time, Duration::from_millis(200));
    assert_eq!(take(behind).await, None);
    passes(&time, Duration::from_millis(200));
    assert_eq!(take(newcomer).await, None);
}

#[tokio::test]
async fn who_would_wait_too_long_leaves_no_place_behind() {
    let queue = Queue::start().await;
    let (limiter, _time) = timed(&queue);
    drain(&limiter, 5).await;
    let short = Duration::from_millis(500);
    let mut places = Vec::new();
    for _ in 0..5 {
        let wait = limiter.take(&[("charges", 5)], short, None).await.unwrap().unwrap();
        places.push(wait.time.as_millis());
    }
    assert_eq!(places, [400, 600, 600, 600, 600], "those who went made nobody wait");
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
    let wait = ask(&limiter, "charges", 10).await.expect("there is no token").time;
    assert!(wait > Duration::from_millis(100), "{wait:?}");
    assert_eq!(ask(&limiter, "refunds", 10).await, None, "another bucket is not slowed");
}

#[tokio::test]
async fn what_draws_on_two_buckets_takes_of_both_or_of_none() {
    let queue = Queue::start().await;
    let (limiter, _time) = timed(&queue);
    drain(&limiter, 1).await;
    let both = [("refunds", 1_000), ("charges", 1)];
    let wait = limiter.take(&both, MINUTE, None).await.unwrap();
    assert!(wait.is_some(), "one of them is empty");
    let tokens: f64 = queue.ask("HGET {test}:budget:refunds tokens").await;
    assert!((tokens - 200.0).abs() < 1e-6, "the other one keeps all of its tokens: {tokens}");
}

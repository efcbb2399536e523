//! Retries of the Stripe requests of a command, so that one of hundreds of objects does not fail because of a
//! short outage.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::domain::failure::{Class, Failure};
use crate::domain::retry::{self, Decision, Jitter, Policy};

const POLICY: Policy = Policy {
    max_attempts: 5,
    first: Duration::from_millis(500),
    factor: 2.0,
    cap: Duration::from_secs(8),
};

/// When no further attempt begins.
const PATIENCE: Duration = Duration::from_secs(30);

/// Calls until it works, until no repetition would help, or until it has taken long enough. `failure`:
/// what failed, if that was a look which wrote nothing.
pub(super) async fn with_retries<T, E>(
    mut call: impl AsyncFnMut() -> Result<T, E>,
    failure: impl Fn(&E) -> Option<&Failure>,
) -> Result<T, E> {
    let began = Instant::now();
    let mut attempts = 0;
    loop {
        attempts += 1;
        let error = match call().await {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        let jitter = Jitter::new(rand::random());
        match failure(&error).and_then(|failure| wait(failure, attempts, jitter)) {
            Some(wait) if began.elapsed() + wait < PATIENCE => sleep(wait).await,
            Some(_) | None => return Err(error),
        }
    }
}

fn wait(failure: &Failure, attempts: u32, jitter: Jitter) -> Option<Duration> {
    match failure.class {
        // A second does not end an outage or fix a setting, and the next id would wait, too.
        Class::Unavailable(_) | Class::Misconfigured(_) => return None,
        Class::Permanent
        | Class::Transient
        | Class::RateLimited { .. }
        | Class::TooEarly { .. } => {}
    }
    if attempts >= POLICY.max_attempts {
        return None;
    }
    match retry::decide(failure, attempts, &POLICY, jitter) {
        Decision::Retry { after } | Decision::Snooze { after } => Some(after),
        Decision::DeadLetter { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::failure::Dependency;

    fn failure(class: Class) -> Failure {
        Failure { class, code: "x".into(), chain: vec![], request_id: None, should_retry: None }
    }

    #[expect(
        clippy::unnecessary_wraps,
        reason = "it stands for what finds the failure in an error"
    )]
    fn itself(failure: &Failure) -> Option<&Failure> {
        Some(failure)
    }

    /// How often it was tried, and for how long.
    async fn tried(class: Class) -> (u32, Duration) {
        let (began, mut calls) = (Instant::now(), 0);
        let call = async || {
            calls += 1;
            Err::<(), _>(failure(class))
        };
        let _ = with_retries(call, itself).await;
        (calls, began.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_pass_is_tried_again_and_what_will_not_is_not() {
        let (calls, took) = tried(Class::Transient).await;
        assert!(calls == 5 && took < Duration::from_secs(8), "{calls} in {took:?}");
        for class in [
            Class::Permanent,
            Class::Misconfigured(Dependency::Stripe),
            Class::Unavailable(Dependency::Stripe),
        ] {
            assert_eq!(tried(class).await, (1, Duration::ZERO), "{class:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_wait_that_stripe_asks_for_is_kept_as_long_as_an_operator_can_wait() {
        let asked =
            |seconds| Class::RateLimited { retry_after: Some(Duration::from_secs(seconds)) };
        let (calls, took) = tried(asked(2)).await;
        assert!(calls == 5 && took >= Duration::from_secs(8), "{calls} in {took:?}");
        let (calls, took) = tried(asked(60)).await;
        assert_eq!((calls, took), (1, Duration::ZERO), "longer than an operator would wait");
    }

    #[tokio::test(start_paused = true)]
    async fn what_works_in_the_end_has_worked() {
        let mut left = 2;
        let call = async || {
            left -= 1;
            if left == 0 { Ok(7) } else { Err(failure(Class::Transient)) }
        };
        assert_eq!(with_retries(call, itself).await.ok(), Some(7));
    }
}

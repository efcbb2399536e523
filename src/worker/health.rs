//! Readiness of a worker: its answer to `GET /readyz`.

use std::time::{Duration, SystemTime};

use axum::Router;
use tokio::sync::watch;

use super::outages::{Outages, Pause};
use crate::domain::failure::Dependency;
use crate::http::health::{self, Down, Readiness, Stopped};
use crate::queue::{Pause as LanePause, Pauses, RedisHealth};

/// `/livez` and `/readyz` of a worker: what it waits for, since when, and what a person has paused.
pub(super) fn router(
    outages: &Outages,
    redis: watch::Receiver<RedisHealth>,
    pauses: Pauses,
) -> Router {
    let status = outages.status();
    health::router(
        || true,
        move || {
            let readiness = readiness(status.borrow().as_ref(), &redis.borrow(), pauses.all());
            std::future::ready(readiness)
        },
    )
}

fn readiness(pause: Option<&Pause>, redis: &RedisHealth, pauses: Vec<LanePause>) -> Readiness {
    let mut down = Vec::new();
    if let RedisHealth::Down { since, error } = redis {
        down.push(Down {
            dependency: Dependency::Redis.to_string(),
            since: *since,
            error: error.clone(),
        });
    }
    down.extend(pause.map(|pause| Down {
        dependency: pause.cause.dependency.to_string(),
        since: pause.since,
        error: pause.message.clone(),
    }));
    let paused = pauses.into_iter().map(|pause| {
        let since = Duration::from_millis(u64::try_from(pause.since_ms).unwrap_or_default());
        Stopped {
            lane: pause.lane.to_string(),
            by: pause.by,
            reason: pause.reason,
            since: SystemTime::UNIX_EPOCH + since,
        }
    });
    Readiness { down, paused: paused.collect(), ..Readiness::default() }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::super::outages::Cause;
    use super::*;

    #[test]
    fn each_dependency_that_is_down_is_named() {
        let since = SystemTime::UNIX_EPOCH;
        let pause = Pause {
            cause: Cause { dependency: Dependency::Stripe, misconfigured: true },
            message: "wrong key".into(),
            since,
        };
        let redis = RedisHealth::Down { since, error: "refused".into() };
        let down = readiness(Some(&pause), &redis, Vec::new()).down;
        let names: Vec<_> = down.iter().map(|d| d.dependency.as_str()).collect();
        assert_eq!(names, ["redis", "stripe"]);
        assert!(readiness(None, &RedisHealth::Up, Vec::new()).down.is_empty());
    }
}

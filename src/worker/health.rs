//! What a worker answers to `GET /readyz`.

use axum::Router;
use tokio::sync::watch;

use super::gate::{Gate, GateStatus};
use crate::domain::failure::Dependency;
use crate::http::health::{self, Down, Readiness};
use crate::queue::RedisHealth;

/// `/livez` and `/readyz` of a worker: what it waits for, and since when.
pub(super) fn router(gate: &Gate, redis: watch::Receiver<RedisHealth>) -> Router {
    let gate = gate.status();
    health::router(
        || true,
        move || {
            let readiness = readiness(&gate.borrow(), &redis.borrow());
            std::future::ready(readiness)
        },
    )
}

fn readiness(gate: &GateStatus, redis: &RedisHealth) -> Readiness {
    let mut down = Vec::new();
    if let RedisHealth::Down { since, error } = redis {
        down.push(Down {
            dependency: Dependency::Redis.to_string(),
            since: *since,
            error: error.clone(),
        });
    }
    down.extend(gate.iter().map(|pause| Down {
        dependency: pause.dependency.to_string(),
        since: pause.since,
        error: pause.message.clone(),
    }));
    Readiness { down }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::super::gate::Pause;
    use super::*;

    #[test]
    fn each_dependency_that_is_down_is_named() {
        let since = SystemTime::UNIX_EPOCH;
        let pause = Pause {
            dependency: Dependency::Stripe,
            misconfigured: true,
            message: "wrong key".into(),
            since,
        };
        let redis = RedisHealth::Down { since, error: "refused".into() };
        let down = readiness(&Some(pause), &redis).down;
        let names: Vec<_> = down.iter().map(|d| d.dependency.as_str()).collect();
        assert_eq!(names, ["redis", "stripe"]);
        assert!(readiness(&None, &RedisHealth::Up).down.is_empty());
    }
}

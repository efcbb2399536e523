//! Durability of a Redis: whether it keeps what it acknowledged, as far as it says so.

use std::collections::HashMap;

use redis::aio::MultiplexedConnection;
use redis::{ErrorKind, RedisError, RedisResult, ServerErrorKind};

use super::error::QueueError;

/// Whether a Redis keeps what it acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Durability {
    /// Why what was acknowledged may be thrown away at any time; none: it is not.
    pub evicts: Option<String>,
    /// What a restart or a change of settings could lose, and what Redis does not say.
    pub warnings: Vec<String>,
}

/// The fields of `INFO`; none where an ACL or a provider forbids it.
pub(super) type Info = HashMap<String, String>;

impl Durability {
    /// Judges what `INFO` said. Streams, delayed jobs and the marker never expire, so only a policy over
    /// all keys can evict them, and only where there is a limit.
    pub(super) fn judge(info: &Info) -> Self {
        let mut found = Self::default();
        let limited = info.get("maxmemory").is_none_or(|limit| limit != "0");
        match info.get("maxmemory_policy").map(String::as_str) {
            None => found.warnings.push(
                "redis does not say whether it evicts keys: make sure that maxmemory-policy is \
                 noeviction"
                    .to_owned(),
            ),
            Some("noeviction") => {}
            Some(policy) if policy.starts_with("allkeys") && limited => {
                found.evicts = Some(format!(
                    "redis evicts acknowledged events when it is full (maxmemory-policy is {policy}): \
                     set maxmemory-policy noeviction"
                ));
            }
            Some(policy) => found.warnings.push(format!(
                "maxmemory-policy is {policy}: set noeviction, so that redis never evicts keys of the \
                 queue"
            )),
        }
        match info.get("aof_enabled").map(String::as_str) {
            Some("0") => found.warnings.push(
                "redis keeps no append-only file: events are lost when it restarts; set appendonly yes"
                    .to_owned(),
            ),
            Some(_) => {}
            None => found.warnings.push(
                "redis does not say whether it keeps an append-only file: make sure that it persists \
                 writes"
                    .to_owned(),
            ),
        }
        found
    }
}

/// Asks for `INFO`; empty where an ACL forbids it.
pub(super) async fn info(redis: MultiplexedConnection) -> RedisResult<Info> {
    async fn ask(mut redis: MultiplexedConnection) -> RedisResult<String> {
        let mut all = String::new();
        for section in ["server", "persistence", "memory"] {
            let text: String = redis::cmd("INFO").arg(section).query_async(&mut redis).await?;
            all.push_str(&text);
        }
        Ok(all)
    }
    let text = match ask(redis).await {
        Err(error) if forbidden(&error) => String::new(),
        other => other?,
    };
    let pairs = text.lines().filter_map(|line| line.split_once(':'));
    Ok(pairs.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect())
}

/// Refuses a server that keeps no data.
pub(super) fn serves(info: &Info) -> Result<(), QueueError> {
    match info.get("redis_mode").map(String::as_str) {
        Some("sentinel") => Err(QueueError::Sentinel),
        Some(_) | None => Ok(()),
    }
}

fn forbidden(error: &RedisError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Server(ServerErrorKind::NoPerm | ServerErrorKind::ResponseError)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(fields: &[(&str, &str)]) -> Durability {
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Durability::judge(&fields.collect())
    }

    #[test]
    fn a_redis_that_keeps_everything_is_not_warned_of() {
        let good = judged(&[("maxmemory_policy", "noeviction"), ("aof_enabled", "1")]);
        assert_eq!(good, Durability::default());
    }

    #[test]
    fn only_a_policy_over_all_keys_with_a_limit_evicts_events() {
        for (policy, limit, evicts) in [
            ("allkeys-lru", "1048576", true),
            ("allkeys-random", "1", true),
            ("allkeys-lru", "0", false),
            ("volatile-lru", "1048576", false),
        ] {
            let fields = [("maxmemory_policy", policy), ("maxmemory", limit), ("aof_enabled", "1")];
            let found = judged(&fields);
            assert_eq!(found.evicts.is_some(), evicts, "{policy} {limit}");
            assert_eq!(found.warnings.len(), usize::from(!evicts), "{policy} {limit}");
        }
    }

    #[test]
    fn what_redis_does_not_say_is_a_warning_and_no_failure() {
        let unknown = judged(&[]);
        assert_eq!((unknown.evicts, unknown.warnings.len()), (None, 2));
        let bare = judged(&[("maxmemory_policy", "noeviction"), ("aof_enabled", "0")]);
        assert!(bare.warnings[0].contains("append-only"), "{bare:?}");
    }

    #[test]
    fn a_sentinel_is_refused_by_name() {
        let info = |mode: &str| HashMap::from([("redis_mode".to_owned(), mode.to_owned())]);
        assert!(matches!(serves(&info("sentinel")), Err(QueueError::Sentinel)));
        assert!(serves(&info("cluster")).is_ok() && serves(&Info::new()).is_ok());
    }
}

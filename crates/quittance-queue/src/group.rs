//! The consumer group: checked and created at the start, and again whenever Redis lost it.

use std::collections::HashMap;

use redis::aio::MultiplexedConnection;
use redis::{ErrorKind, RedisError, RedisResult, ServerErrorKind};

use super::connection::Link;
use super::error::QueueError;
use super::job::Lane;
use super::keys::{GROUP, Keys};

/// `XAUTOCLAIM` came with it.
const OLDEST: (u32, u32) = (6, 2);

/// Looks whether this Redis will do. Warns of settings that lose jobs.
pub(super) async fn check(link: &Link, keys: &Keys) -> Result<(), QueueError> {
    let info = info(link).await?;
    if let Some(found) = info.get("redis_version")
        && version(found).is_some_and(|version| version < OLDEST)
    {
        return Err(QueueError::TooOld { found: found.clone() });
    }
    if info.get("aof_enabled").is_some_and(|enabled| enabled == "0") {
        tracing::warn!(
            "redis keeps no append-only file: jobs are lost when it restarts; set `appendonly yes`"
        );
    }
    if let Some(policy) = info.get("maxmemory_policy").filter(|policy| *policy != "noeviction") {
        tracing::warn!(
            policy,
            "redis may evict the queue when it is full; set `maxmemory-policy noeviction`"
        );
    }
    let expected = [
        (keys.stream(Lane::Live), "stream"),
        (keys.stream(Lane::Backfill), "stream"),
        (keys.delayed(), "zset"),
        (keys.payloads(), "hash"),
        (keys.paused(), "hash"),
        (keys.workers(), "zset"),
        (keys.cards(), "hash"),
    ];
    for (key, expected) in expected {
        let found: String =
            link.call(|mut redis| async move {
                redis::cmd("TYPE").arg(key).query_async(&mut redis).await
            })
            .await?;
        if found != "none" && found != expected {
            return Err(QueueError::WrongType { key: key.to_owned(), found, expected });
        }
    }
    Ok(())
}

/// Creates the group of a lane, and its stream, if need be. It starts at 0: what was enqueued before
/// there was a group, or after Redis lost it, is for us.
pub(super) async fn ensure(link: &Link, stream: &str) -> Result<(), QueueError> {
    link.call(|mut redis| async move {
        let created: RedisResult<()> = redis::cmd("XGROUP")
            .arg(&["CREATE", stream, GROUP, "0", "MKSTREAM"])
            .query_async(&mut redis)
            .await;
        match created {
            Err(error) if error.code() == Some("BUSYGROUP") => Ok(()),
            // A full Redis refuses before it looks. Jobs can be read from it all the same, and it
            // is by their end that it gets room.
            Err(error) if error.code() == Some("OOM") && is_there(&mut redis, stream).await => {
                Ok(())
            }
            other => other,
        }
    })
    .await
}

async fn is_there(redis: &mut MultiplexedConnection, stream: &str) -> bool {
    let groups: RedisResult<Vec<HashMap<String, redis::Value>>> =
        redis::cmd("XINFO").arg(&["GROUPS", stream]).query_async(redis).await;
    let is_ours = |group: &HashMap<String, redis::Value>| matches!(group.get("name"), Some(redis::Value::BulkString(name)) if name == GROUP.as_bytes());
    groups.is_ok_and(|groups| groups.iter().any(is_ours))
}

/// What `INFO` says; empty where an ACL forbids it.
async fn info(link: &Link) -> Result<HashMap<String, String>, QueueError> {
    async fn ask(mut redis: MultiplexedConnection) -> RedisResult<String> {
        let mut all = String::new();
        for section in ["server", "persistence", "memory"] {
            let text: String = redis::cmd("INFO").arg(section).query_async(&mut redis).await?;
            all.push_str(&text);
        }
        Ok(all)
    }
    let text = link
        .call(|redis| async move {
            match ask(redis).await {
                Err(error) if forbidden(&error) => Ok(String::new()),
                other => other,
            }
        })
        .await?;
    let pairs = text.lines().filter_map(|line| line.split_once(':'));
    Ok(pairs.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect())
}

fn forbidden(error: &RedisError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Server(ServerErrorKind::NoPerm | ServerErrorKind::ResponseError)
    )
}

fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        assert!(version("6.0.16") < Some(OLDEST));
        assert!(version("6.2.0") >= Some(OLDEST));
        assert!(version("7.0.15") > Some(OLDEST));
        assert!(version("10.0") > Some(OLDEST));
        assert_eq!(version("unknown"), None);
    }
}

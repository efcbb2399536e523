//! The checks of a Redis before a worker works on it, and the consumer groups: created at the start,
//! and again whenever Redis lost them, which is said.

use std::sync::{Mutex, PoisonError};

use super::connection::Link;
use super::durability::{self, Durability};
use super::error::QueueError;
use super::job::Lane;
use super::keys::Keys;
use super::marker::{self, MarkerState, Mode};

/// `XAUTOCLAIM` came with it.
const OLDEST: (u32, u32) = (6, 2);

/// Checks that this Redis can be used. Warns of settings that lose jobs.
pub(super) async fn check(link: &Link, keys: &Keys) -> Result<(), QueueError> {
    let info = link.call(durability::info).await?;
    durability::serves(&info)?;
    if let Some(found) = info.get("redis_version")
        && version(found).is_some_and(|version| version < OLDEST)
    {
        return Err(QueueError::TooOld { found: found.clone() });
    }
    let Durability { evicts, warnings } = Durability::judge(&info);
    for warning in evicts.iter().chain(&warnings) {
        tracing::warn!(warning, "redis may lose events");
    }
    let expected = [
        (keys.stream(Lane::Live), "stream"),
        (keys.stream(Lane::Backfill), "stream"),
        (keys.delayed(), "zset"),
        (keys.payloads(), "hash"),
        (keys.paused(), "hash"),
        (keys.workers(), "zset"),
        (keys.cards(), "hash"),
        (keys.marker(), "hash"),
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

/// The epoch that this process has last seen; none before its first look.
#[derive(Debug, Default)]
pub(super) struct SeenEpoch(Mutex<Option<String>>);

impl SeenEpoch {
    /// Replaces it; answers the one before.
    fn replace(&self, epoch: Option<String>) -> Option<String> {
        std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), epoch)
    }
}

/// Creates the groups of both lanes, their streams and the marker, as far as they are missing. Says so
/// where jobs may have been lost with what was there before.
pub(super) async fn ensure(link: &Link, keys: &Keys, seen: &SeenEpoch) -> Result<(), QueueError> {
    let state = link
        .call_and_read(
            |redis| async move { marker::establish(redis, keys, Mode::Ensure).await },
            marker::read,
        )
        .await?;
    let MarkerState { epoch, missing, began, .. } = state;
    let before = seen.replace(epoch);
    if began && missing.is_known() {
        let missing = missing.text();
        tracing::warn!(missing, "redis has lost a part of the queue; what was lost is made anew");
    } else if began && before.is_some() {
        tracing::warn!("redis has lost the queue; its consumer groups are made anew");
    }
    Ok(())
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

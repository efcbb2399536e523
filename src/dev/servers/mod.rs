//! A private Redis and a private Postgres as child processes, on free loopback ports.
//!
//! No system service and no fixed port is used, and all data stays under the given directory. The
//! servers end with this process, however it ends: see [`child`].

pub(in crate::dev) mod child;
mod cluster;
mod error;
mod find;
pub(in crate::dev) mod place;
mod postgres;
pub(in crate::dev) mod random;
mod redis;

use std::path::Path;

pub use error::ServerError;
pub use postgres::{Options, Postgres};
pub use redis::Redis;

pub(super) use place::reachable;

/// One Redis and one Postgres.
#[derive(Debug)]
pub struct Servers {
    /// The queue's server.
    pub redis: Redis,
    /// The database's server.
    pub postgres: Postgres,
}

impl Servers {
    /// Starts both, with their data in `root/redis` and `root/postgres`. What is there is reused.
    ///
    /// # Errors
    /// A server's program is missing or too old, its directory is in use, or it did not start; the
    /// other one is stopped again.
    pub async fn start(root: &Path, options: Options) -> Result<Self, ServerError> {
        Self::start_with(root, options, &[]).await
    }

    /// The same with further lines for `redis.conf`.
    ///
    /// # Errors
    /// As for [`Servers::start`].
    pub async fn start_with(
        root: &Path,
        options: Options,
        redis_settings: &[&str],
    ) -> Result<Self, ServerError> {
        let (redis_dir, postgres_dir) = (root.join("redis"), root.join("postgres"));
        let (redis, postgres) = tokio::try_join!(
            Redis::start_with(&redis_dir, redis_settings),
            Postgres::start(&postgres_dir, options)
        )?;
        Ok(Self { redis, postgres })
    }

    /// Stops both, and returns when both are gone.
    ///
    /// # Errors
    /// A server could not be waited for.
    pub async fn stop(&mut self) -> Result<(), ServerError> {
        let (redis, postgres) = tokio::join!(self.redis.stop(), self.postgres.stop());
        redis.and(postgres)
    }
}

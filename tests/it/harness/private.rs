//! Servers of one test alone, which may be killed, paused and restarted.

use std::fs::Permissions;
use std::ops::{Deref, DerefMut};
use std::os::unix::fs::PermissionsExt;

use quittance::dev::servers::{Options, Postgres, Redis};
use tempfile::TempDir;

/// A server and its directory. Both are gone when this is dropped.
pub(crate) struct Private<S> {
    // Before the directory: a server writes there until it has ended.
    server: S,
    _dir: TempDir,
}

impl<S> Deref for Private<S> {
    type Target = S;
    fn deref(&self) -> &S {
        &self.server
    }
}

impl<S> DerefMut for Private<S> {
    fn deref_mut(&mut self) -> &mut S {
        &mut self.server
    }
}

/// A Redis that this test may break.
pub(crate) async fn private_redis() -> Private<Redis> {
    private_redis_with(&[]).await
}

/// The same with further lines for its `redis.conf`.
pub(crate) async fn private_redis_with(settings: &[&str]) -> Private<Redis> {
    let dir = temp_dir();
    let server = Redis::start_with(&dir.path().join("redis"), settings).await.unwrap();
    Private { server, _dir: dir }
}

/// A Postgres that this test may break. Its superuser's URL: `url("postgres")`.
pub(crate) async fn private_postgres() -> Private<Postgres> {
    let dir = temp_dir();
    let options = Options { durable: false };
    let server = Postgres::start(&dir.path().join("postgres"), options).await.unwrap();
    Private { server, _dir: dir }
}

/// One that Postgres' own user may pass through, when the tests run as root.
pub(crate) fn temp_dir() -> TempDir {
    tempfile::Builder::new()
        .prefix("quittance-test-")
        .permissions(Permissions::from_mode(0o711))
        .tempdir()
        .unwrap()
}

//! A connection pool in which each call has a deadline.
//!
//! The server cancels a statement that takes too long (`statement_timeout`); a server that disappeared, or a
//! network that drops packets, does not, and TCP notices only after a long time. So a query with `&Pool` as its
//! executor fails when there is no answer for longer than the server's limit, and its connection is closed.

use std::io;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{
    PgConnection, PgPool, PgQueryResult, PgRow, PgStatement, PgTypeInfo, Postgres,
};
use sqlx::{Describe, Either, Execute, Executor, SqlStr};
use tokio::time::error::Elapsed;
use tokio::time::timeout;

/// A pool of connections whose calls have a deadline. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Pool {
    pool: PgPool,
    patience: Duration,
}

impl Pool {
    /// Wraps a pool. `patience` is the time limit of a call.
    pub(super) fn new(pool: PgPool, patience: Duration) -> Self {
        Self { pool, patience }
    }

    pub(super) async fn close(&self) {
        self.pool.close().await;
    }

    /// Number of open connections.
    pub(super) fn size(&self) -> u32 {
        self.pool.size()
    }

    /// Number of idle connections.
    pub(super) fn num_idle(&self) -> usize {
        self.pool.num_idle()
    }

    /// Most open connections.
    pub(super) fn limit(&self) -> u32 {
        self.pool.options().get_max_connections()
    }

    /// Acquires a connection for one call, within the pool's time limit. A call on it needs a time limit of its own.
    pub(super) async fn lend(&self) -> Result<Lent, sqlx::Error> {
        self.pool.acquire().await.map(|connection| Lent(Some(connection)))
    }

    /// Returns the result of a call on `lent` that was limited to [`Self::patience`].
    fn answered<T>(
        &self,
        lent: Lent,
        answer: Result<Result<T, sqlx::Error>, Elapsed>,
    ) -> Result<T, sqlx::Error> {
        let Ok(answer) = answer else { return Err(self.silent()) };
        lent.give_back();
        answer
    }

    fn silent(&self) -> sqlx::Error {
        let text = format!("no answer for {:?}", self.patience);
        sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, text))
    }
}

/// A connection that goes back to the pool only when its call was answered, with [`Lent::give_back`].
///
/// A call that is dropped on the way, by a shorter time limit of its caller or because a client has gone away,
/// leaves an unread answer on the connection, for which the pool would wait. And it may leave an open transaction:
/// the driver (sqlx 0.9) counts a transaction only once `BEGIN` was answered, so it rolls none back that was
/// dropped before. The next call on such a connection would be part of that transaction, and be lost with it.
#[derive(Debug)]
pub(super) struct Lent(Option<PoolConnection<Postgres>>);

impl Lent {
    /// The connection, for the call.
    pub(super) fn get(&mut self) -> Result<&mut PgConnection, sqlx::Error> {
        self.0.as_deref_mut().ok_or(sqlx::Error::PoolClosed)
    }

    /// Gives the connection back to the pool: its call was answered.
    pub(super) fn give_back(mut self) {
        drop(self.0.take());
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            drop(connection.detach());
        }
    }
}

impl<'p> Executor<'p> for &'_ Pool {
    type Database = Postgres;

    /// Reads all rows before it returns the first one: the deadline is for the whole answer.
    fn fetch_many<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxStream<'e, Result<Either<PgQueryResult, PgRow>, sqlx::Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let pool = self.clone();
        let all = async move {
            let mut lent = pool.lend().await?;
            let rows = lent.get()?.fetch_many(query).try_collect();
            let answer = timeout(pool.patience, rows).await;
            pool.answered(lent, answer)
        };
        let each = |all: Vec<_>| stream::iter(all.into_iter().map(Ok));
        stream::once(all).map_ok(each).try_flatten().boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxFuture<'e, Result<Option<PgRow>, sqlx::Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let pool = self.clone();
        Box::pin(async move {
            let mut lent = pool.lend().await?;
            let answer = timeout(pool.patience, lent.get()?.fetch_optional(query)).await;
            pool.answered(lent, answer)
        })
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, Result<PgStatement, sqlx::Error>>
    where
        'p: 'e,
    {
        let pool = self.clone();
        Box::pin(async move {
            let mut lent = pool.lend().await?;
            let answer = timeout(pool.patience, lent.get()?.prepare_with(sql, parameters)).await;
            pool.answered(lent, answer)
        })
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Postgres>, sqlx::Error>>
    where
        'p: 'e,
    {
        let pool = self.clone();
        Box::pin(async move {
            let mut lent = pool.lend().await?;
            let answer = timeout(pool.patience, lent.get()?.describe(sql)).await;
            pool.answered(lent, answer)
        })
    }
}

//! The one way to a connection: each call on it has a deadline.
//!
//! The server ends a statement that takes too long (`statement_timeout`); a server that is gone without
//! a word, or a way there that drops packets, ends nothing, and neither does TCP for a long time. So what
//! is asked of [`Pool`] ends by itself: a query that is given `&Pool` as its executor fails when its
//! connection is silent for longer than the server may take, and the connection is thrown away.

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

/// A pool of connections that wait for no answer for ever. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Pool {
    pool: PgPool,
    patience: Duration,
}

impl Pool {
    /// `patience`: how long a call may be without an answer.
    pub(super) fn new(pool: PgPool, patience: Duration) -> Self {
        Self { pool, patience }
    }

    /// A connection. The pool's own time limit holds for this; calls on the connection need one of their
    /// own.
    pub(super) async fn acquire(&self) -> Result<PoolConnection<Postgres>, sqlx::Error> {
        self.pool.acquire().await
    }

    pub(super) async fn close(&self) {
        self.pool.close().await;
    }

    /// Connections that are open.
    pub(super) fn size(&self) -> u32 {
        self.pool.size()
    }

    /// Those of them that are not in use.
    pub(super) fn num_idle(&self) -> usize {
        self.pool.num_idle()
    }

    /// Most of them.
    pub(super) fn limit(&self) -> u32 {
        self.pool.options().get_max_connections()
    }

    /// A connection for one call.
    async fn lend(&self) -> Result<Lent, sqlx::Error> {
        self.pool.acquire().await.map(|connection| Lent(Some(connection)))
    }

    /// What a call on `lent` came to, that was given [`Self::patience`].
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

/// A connection that goes back to the pool when its call has been answered, and not otherwise: also a call
/// that is dropped, by a shorter time limit of its caller, leaves an answer behind that nothing has read,
/// and the pool would wait for it.
#[derive(Debug)]
struct Lent(Option<PoolConnection<Postgres>>);

impl Lent {
    fn connection(&mut self) -> Result<&mut PgConnection, sqlx::Error> {
        self.0.as_deref_mut().ok_or(sqlx::Error::PoolClosed)
    }

    fn give_back(mut self) {
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

    /// Reads all rows before it hands out the first one: each is a part of the answer that the deadline
    /// is for.
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
            let rows = lent.connection()?.fetch_many(query).try_collect();
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
            let answer = timeout(pool.patience, lent.connection()?.fetch_optional(query)).await;
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
            let answer =
                timeout(pool.patience, lent.connection()?.prepare_with(sql, parameters)).await;
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
            let answer = timeout(pool.patience, lent.connection()?.describe(sql)).await;
            pool.answered(lent, answer)
        })
    }
}

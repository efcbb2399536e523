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
use sqlx::postgres::{PgPool, PgQueryResult, PgRow, PgStatement, PgTypeInfo, Postgres};
use sqlx::{Describe, Either, Execute, Executor, SqlStr, Transaction};
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

    /// Begins a transaction. Calls in it need a time limit of their own.
    pub(super) async fn begin(&self) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        timeout(self.patience, self.pool.begin()).await.unwrap_or_else(|_| Err(self.silent()))
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

    /// What a call on `connection` came to, that was given [`Self::patience`]. A connection that was silent
    /// for so long does not go back to the pool, which would wait for it too.
    fn answered<T>(
        &self,
        connection: PoolConnection<Postgres>,
        answer: Result<Result<T, sqlx::Error>, Elapsed>,
    ) -> Result<T, sqlx::Error> {
        answer.unwrap_or_else(|_| {
            drop(connection.detach());
            Err(self.silent())
        })
    }

    fn silent(&self) -> sqlx::Error {
        let text = format!("no answer for {:?}", self.patience);
        sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, text))
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
            let mut connection = pool.acquire().await?;
            let rows = connection.fetch_many(query).try_collect();
            let answer = timeout(pool.patience, rows).await;
            pool.answered(connection, answer)
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
            let mut connection = pool.acquire().await?;
            let answer = timeout(pool.patience, connection.fetch_optional(query)).await;
            pool.answered(connection, answer)
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
            let mut connection = pool.acquire().await?;
            let answer = timeout(pool.patience, connection.prepare_with(sql, parameters)).await;
            pool.answered(connection, answer)
        })
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Postgres>, sqlx::Error>>
    where
        'p: 'e,
    {
        let pool = self.clone();
        Box::pin(async move {
            let mut connection = pool.acquire().await?;
            let answer = timeout(pool.patience, connection.describe(sql)).await;
            pool.answered(connection, answer)
        })
    }
}

//! Backfills: what there is to read, how far it is, and what came of it.
//!
//! Called by whoever starts, runs and shows a backfill. A range is a list of one kind of object of one account, or a
//! part of one by time; its cursor is noted after each page that was recorded. Nothing here knows Stripe's API, or
//! what is recorded.

use serde::Serialize;
use serde_json::json;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use super::id::OperationId;
use super::read::BackfillSelection;
use super::run::Running;
use crate::audit::Actor;
use crate::columns;
use crate::connect::Store;
use crate::error::StoreError;
use quittance_domain::event::Timestamp;
use quittance_domain::id::{ObjectId, Scope};

/// A backfill that is to begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewBackfill<'a> {
    /// What it reads.
    pub selection: &'a BackfillSelection,
    /// The same as ranges.
    pub ranges: &'a [NewRange],
    /// The operator and the reason.
    pub actor: Actor<'a>,
}

/// What another backfill reads already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Busy {
    /// The account; empty for our own.
    pub account: String,
    /// The kind.
    pub kind: String,
    /// The backfill.
    pub operation: OperationId,
}

/// A range that is to be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewRange {
    /// The account; empty for our own.
    pub account: String,
    /// The kind of object, by Stripe's name.
    pub kind: &'static str,
    /// Which of its lists; none for one object, whose id is `owner`.
    pub list: Option<i32>,
    /// With which of the list's filters.
    pub filter: &'static str,
    /// The first second of `created`.
    pub created_from: Option<Timestamp>,
    /// The second of `created` after the last one.
    pub created_until: Option<Timestamp>,
    /// The kind that is read first, because it is the list of each of those objects.
    pub after_kind: Option<&'static str>,
    /// It is not read before this second.
    pub not_before: Option<i64>,
    /// The object, of a range that is one.
    pub owner: Option<String>,
}

/// A range as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRange {
    /// Its number.
    pub id: i64,
    /// The account; empty for our own.
    pub account: String,
    /// Whether its objects are live.
    pub livemode: bool,
    /// The kind of object, by Stripe's name.
    pub kind: String,
    /// Which of its lists; none for one object, whose id is `owner`.
    pub list: Option<i32>,
    /// With which of the list's filters.
    pub filter: String,
    /// The first second of `created`.
    pub created_from: Option<Timestamp>,
    /// The second of `created` after the last one.
    pub created_until: Option<Timestamp>,
    /// The object whose list was read last, of a kind that is listed by those.
    pub owner: Option<String>,
    /// The entry that was read last.
    pub after: Option<String>,
    /// When the oldest entry that was read was created.
    pub reached: Option<Timestamp>,
}

/// An object that could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewFault {
    /// Its id as Stripe wrote it; empty where it has none.
    pub id: String,
    /// Why, by a stable word.
    pub code: String,
    /// Why, in words.
    pub message: String,
}

/// What became of a page, and where its range goes on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NotedPage {
    /// Objects of the page.
    pub seen: i64,
    /// Those that have a row now.
    pub added: i64,
    /// Those whose row has changed.
    pub renewed: i64,
    /// Those that could not be read or written.
    pub faults: Vec<NewFault>,
    /// Why the range cannot be read, by a stable word and in words; none where it can.
    pub failed: Option<(String, String)>,
    /// Whether the range has been read to its end.
    pub ended: bool,
    /// What there is to read besides.
    pub ranges: Vec<NewRange>,
}

/// What a backfill has read of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct BackfillKind {
    /// The kind of object, by Stripe's name.
    pub kind: String,
    /// Objects that were read.
    pub seen: i64,
    /// Those that got a row.
    pub added: i64,
    /// Those whose row has changed.
    pub renewed: i64,
    /// Those that could not be read or written.
    pub unreadable: i64,
    /// Accounts of which it has been read, or is to be.
    pub accounts: i64,
    /// Lists, or parts of them, that are still to be read.
    pub waiting: i64,
    /// Lists, or parts of them, that could not be read.
    pub failed: i64,
    /// All that was created later has been read. Null when all has, and before the first page.
    #[serde(with = "time::serde::rfc3339::option")]
    pub reached: Option<OffsetDateTime>,
    /// Why one of the lists could not be read.
    pub error: Option<String>,
}

/// An object that a backfill could not read or write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct BackfillFault {
    /// The account; empty for our own.
    pub account: String,
    /// The kind of object, by Stripe's name.
    pub kind: String,
    /// Its id as Stripe wrote it; empty where it has none.
    pub object_id: String,
    /// Why, by a stable word.
    pub code: String,
    /// Why, in words.
    pub message: String,
}

impl Store {
    /// Records the start of a backfill with all that it reads, also in the audit log. An error in the inner result:
    /// another one that has not ended reads a part of it; nothing was recorded.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn begin_backfill(
        &self,
        new: &NewBackfill<'_>,
    ) -> Result<Result<Running, Busy>, StoreError> {
        let NewBackfill { selection, ranges, actor } = *new;
        let runner = Uuid::new_v4();
        let begun = sqlx::query!(
            r#"
            SELECT id, busy_account, busy_kind, busy_operation
            FROM quittance.begin_backfill($1, $2, $3, $4, $5, $6)
            "#,
            json!(selection),
            selection.livemode,
            json!(ranges),
            actor.name,
            actor.reason,
            runner,
        )
        .fetch_one(&self.pool)
        .await?;
        match (begun.id, begun.busy_account, begun.busy_kind, begun.busy_operation) {
            (Some(id), _, _, _) => {
                let operation = self.operation(OperationId(id)).await?;
                let lost = StoreError::Unreadable { what: "quittance.operations.id" };
                Ok(Ok(Running { operation: operation.ok_or(lost)?, runner }))
            }
            (None, Some(account), Some(kind), Some(operation)) => {
                Ok(Err(Busy { account, kind, operation: OperationId(operation) }))
            }
            (None, _, _, _) => Err(StoreError::Unreadable { what: "quittance.begin_backfill" }),
        }
    }

    /// Takes what a resumed backfill has left to read. Some: another one that has not ended reads a part of it.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn reclaim_backfill(&self, id: OperationId) -> Result<Option<Busy>, StoreError> {
        let busy = sqlx::query!(
            r#"
            SELECT account AS "account!", kind AS "kind!", operation AS "operation!"
            FROM quittance.reclaim_backfill($1)
            "#,
            id.get(),
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(busy.map(|it| Busy {
            account: it.account,
            kind: it.kind,
            operation: OperationId(it.operation),
        }))
    }

    /// Reads up to `most` ranges that can be read now, those with the fewest pages first; none of `under_way`.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn waiting_ranges(
        &self,
        id: OperationId,
        under_way: &[i64],
        most: u32,
    ) -> Result<Vec<StoredRange>, StoreError> {
        Ok(sqlx::query_as!(
            StoredRange,
            r#"
            SELECT r.id, r.account, r.livemode, r.kind, r.list, r.filter, r.created_from,
                   r.created_until, r.owner, r.after, r.reached
            FROM quittance.backfill_ranges AS r
            WHERE r.operation = $1 AND r.state = 'waiting' AND r.id <> ALL ($2)
              AND (r.not_before IS NULL OR r.not_before <= now())
              AND NOT EXISTS (SELECT FROM quittance.backfill_ranges AS first
                              WHERE first.operation = $1 AND first.kind = r.after_kind
                                AND first.account = r.account AND first.state = 'waiting')
            ORDER BY r.turns, r.id
            LIMIT $3
            "#,
            id.get(),
            under_way,
            i64::from(most),
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// Whether a range is left to be read; and when the next one of those can be that wait for a time.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn ranges_left(
        &self,
        id: OperationId,
    ) -> Result<(bool, Option<OffsetDateTime>), StoreError> {
        let left = sqlx::query!(
            r#"
            SELECT count(*) > 0 AS "left!", min(not_before) FILTER (WHERE not_before > now()) AS next
            FROM quittance.backfill_ranges
            WHERE operation = $1 AND state = 'waiting'
            "#,
            id.get(),
        )
        .fetch_one(&self.pool)
        .await?;
        Ok((left.left, left.next))
    }

    /// Notes a page that has been recorded. `range` says where it goes on. False: another process runs the operation
    /// now, or it has ended; nothing was noted.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails; nothing is noted then.
    pub async fn note_page(
        &self,
        running: &Running,
        range: &StoredRange,
        page: &NotedPage,
    ) -> Result<bool, StoreError> {
        let state = match (&page.failed, page.ended) {
            (Some(_), _) => "failed",
            (None, true) => "done",
            (None, false) => "waiting",
        };
        let (code, error) = page.failed.as_ref().map(|(code, error)| (code, error)).unzip();
        let noted = json!({
            "owner": range.owner,
            "after": range.after,
            "reached": range.reached,
            "created_from": range.created_from,
            "created_until": range.created_until,
            "state": state,
            "code": code,
            "error": error,
            "seen": page.seen,
            "added": page.added,
            "renewed": page.renewed,
            "unreadable": page.faults.len(),
            "faults": page.faults,
            "ranges": page.ranges,
        });
        Ok(sqlx::query_scalar!(
            r#"SELECT quittance.note_backfill_page($1, $2, $3, $4) AS "noted!""#,
            running.operation.id.get(),
            running.runner,
            range.id,
            noted,
        )
        .fetch_one(&self.pool)
        .await?)
    }

    /// The next object of a kind after `after`, in the order of their ids; none that is deleted.
    ///
    /// # Errors
    /// Postgres cannot be reached, the statement fails, or a stored id is none.
    pub async fn next_owner(
        &self,
        scope: &Scope,
        kind: &str,
        after: &str,
    ) -> Result<Option<ObjectId>, StoreError> {
        let id = sqlx::query_scalar!(
            r#"
            SELECT id FROM quittance.objects
            WHERE account = $1 AND livemode = $2 AND kind = $3 AND id > $4 AND NOT deleted
            ORDER BY id
            LIMIT 1
            "#,
            columns::account(scope),
            scope.mode.is_live(),
            kind,
            after,
        )
        .fetch_optional(&self.pool)
        .await?;
        let unreadable = |_| StoreError::Unreadable { what: "objects.id" };
        id.map(|id| ObjectId::parse(&id).map_err(unreadable)).transpose()
    }

    /// What a backfill has read so far, by kind.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn backfill_kinds(&self, id: OperationId) -> Result<Vec<BackfillKind>, StoreError> {
        Ok(sqlx::query_as!(
            BackfillKind,
            r#"
            SELECT kind,
                   sum(seen)::bigint AS "seen!", sum(added)::bigint AS "added!",
                   sum(renewed)::bigint AS "renewed!", sum(unreadable)::bigint AS "unreadable!",
                   count(DISTINCT account) AS "accounts!",
                   count(*) FILTER (WHERE state = 'waiting') AS "waiting!",
                   count(*) FILTER (WHERE state = 'failed') AS "failed!",
                   to_timestamp(max(reached) FILTER (WHERE state = 'waiting')) AS reached,
                   min(error) AS error
            FROM quittance.backfill_ranges
            WHERE operation = $1
            GROUP BY kind
            ORDER BY min(id)
            "#,
            id.get(),
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// Up to `most` objects that a backfill could not read or write.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn backfill_faults(
        &self,
        id: OperationId,
        most: u32,
    ) -> Result<Vec<BackfillFault>, StoreError> {
        Ok(sqlx::query_as!(
            BackfillFault,
            r#"
            SELECT account, kind, object_id, code, message FROM quittance.backfill_faults
            WHERE operation = $1
            ORDER BY kind, account, object_id
            LIMIT $2
            "#,
            id.get(),
            i64::from(most),
        )
        .fetch_all(&self.pool)
        .await?)
    }
}

//! The sweep's state: which accounts there are, how far each is, and which events were missed.
//!
//! Called by the sweep alone. It never lists anything: what Stripe says is handed in.

use serde::{Deserialize, Serialize};

use super::connect::Store;
use super::dead_event::storable_text;
use super::error::StoreError;
use super::retention::Batch;
use quittance_domain::completeness::{ListedRange, Progress, Span};
use quittance_domain::event::Timestamp;
use quittance_domain::id::{AccountId, Mode, Scope};

/// An account that is to be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SweepAccount {
    /// Which.
    pub scope: Scope,
    /// How far it is; none before the first look.
    pub progress: Option<Progress>,
    /// The version of its row, which a write demands.
    pub version: i64,
    /// How long it was to wait for this look, in milliseconds.
    pub wait_ms: i64,
}

/// An event that was missed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissedEvent {
    /// `evt_...`
    pub id: String,
    /// Its type.
    pub event_type: String,
    /// When Stripe made it.
    pub created: Timestamp,
    /// Why it was missed.
    pub reason: &'static str,
}

/// A range as its row keeps it.
#[derive(Serialize, Deserialize)]
struct StoredRange {
    from: Timestamp,
    until: Timestamp,
    fingerprint: String,
    events: u32,
    open: u32,
    due_at: Timestamp,
    closed: bool,
}

impl From<&ListedRange> for StoredRange {
    fn from(range: &ListedRange) -> Self {
        Self {
            from: range.span.from,
            until: range.span.until,
            fingerprint: range.fingerprint.clone(),
            events: range.events,
            open: range.open,
            due_at: range.due_at,
            closed: range.closed,
        }
    }
}

impl From<StoredRange> for ListedRange {
    fn from(range: StoredRange) -> Self {
        Self {
            span: Span { from: range.from, until: range.until },
            fingerprint: range.fingerprint,
            events: range.events,
            open: range.open,
            due_at: range.due_at,
            closed: range.closed,
        }
    }
}

impl Store {
    /// Makes known to the sweep what accounts there are in a mode: our own, the connected ones that have a row,
    /// and those of which an event has ended here.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails; so for all that follow.
    pub async fn discover_sweep_accounts(&self, mode: Mode) -> Result<(), StoreError> {
        sqlx::query!(
            r#"
            WITH RECURSIVE of_ledger AS (
                -- From one account to the next by the index, whatever the number of events.
                (SELECT account FROM quittance.events WHERE account <> '' ORDER BY account LIMIT 1)
                UNION ALL
                SELECT (SELECT e.account FROM quittance.events AS e
                        WHERE e.account <> '' AND e.account > l.account
                        ORDER BY e.account LIMIT 1)
                FROM of_ledger AS l WHERE l.account IS NOT NULL
            ),
            known AS (
                SELECT '' AS account
                UNION SELECT stripe_account_id FROM app.connected_accounts WHERE livemode = $1 AND NOT deleted
                UNION SELECT account FROM of_ledger WHERE account IS NOT NULL
            )
            INSERT INTO quittance.sweep_accounts (account, livemode)
            SELECT k.account, $1 FROM known AS k
            WHERE NOT EXISTS (SELECT FROM quittance.sweep_accounts AS s
                              WHERE s.account = k.account AND s.livemode = $1)
            ON CONFLICT DO NOTHING
            "#,
            mode.is_live(),
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The accounts of a mode that are due, the longest overdue first; none that has taken our access away.
    ///
    /// # Errors
    /// See [`Self::discover_sweep_accounts`]; a row that cannot be read.
    pub async fn due_sweep_accounts(
        &self,
        mode: Mode,
        most: i64,
    ) -> Result<Vec<SweepAccount>, StoreError> {
        let rows = sqlx::query!(
            r#"
            SELECT s.account, s.version, s.wait_ms, s.ranges,
                   extract(epoch FROM s.since)::bigint          AS since,
                   extract(epoch FROM s.complete_until)::bigint AS complete_until,
                   extract(epoch FROM s.listed_until)::bigint   AS listed_until
            FROM quittance.sweep_accounts AS s
            WHERE s.livemode = $1 AND s.next_at <= clock_timestamp()
              AND NOT EXISTS (
                  SELECT FROM app.connected_accounts AS c
                  WHERE c.stripe_account_id = s.account AND c.livemode = $1
                    AND (c.status = 'deauthorized' OR c.deleted))
            ORDER BY s.next_at
            LIMIT $2
            "#,
            mode.is_live(),
            most,
        )
        .fetch_all(&self.pool)
        .await?;
        let accounts = rows.into_iter().map(|row| {
            let account = match &*row.account {
                "" => None,
                text => Some(AccountId::parse(text).map_err(|_| unreadable("the account"))?),
            };
            let ranges: Vec<StoredRange> =
                serde_json::from_value(row.ranges).map_err(|_| unreadable("the ranges"))?;
            let progress = match (row.since, row.complete_until, row.listed_until) {
                (Some(since), Some(complete_until), Some(listed_until)) => Some(Progress {
                    since,
                    complete_until,
                    listed_until,
                    ranges: ranges.into_iter().map(Into::into).collect(),
                }),
                _ => None,
            };
            let scope = Scope { account, mode };
            Ok(SweepAccount { scope, progress, version: row.version, wait_ms: row.wait_ms })
        });
        accounts.collect()
    }

    /// Notes how far an account is, and when it is due again. `false`: another sweeper has written the row since
    /// it was read, so nothing was.
    ///
    /// # Errors
    /// See [`Self::discover_sweep_accounts`].
    pub async fn save_sweep(
        &self,
        account: &SweepAccount,
        progress: &Progress,
        wait_ms: i64,
        gap: Option<Span>,
    ) -> Result<bool, StoreError> {
        let ranges: Vec<StoredRange> = progress.ranges.iter().map(Into::into).collect();
        let ranges = serde_json::to_value(ranges).map_err(|_| unreadable("the ranges"))?;
        let saved = sqlx::query_scalar!(
            r#"
            WITH saved AS (
                UPDATE quittance.sweep_accounts
                SET since = to_timestamp($4), complete_until = to_timestamp($5),
                    listed_until = to_timestamp($6), ranges = $7, version = version + 1,
                    looked_at = clock_timestamp(),
                    next_at = clock_timestamp() + make_interval(secs => $8::bigint / 1000.0),
                    wait_ms = $8, error = NULL, failing_since = NULL, no_access = false
                WHERE account = $1 AND livemode = $2 AND version = $3
                RETURNING account, livemode
            ),
            given_up AS (
                INSERT INTO quittance.sweep_gaps (account, livemode, from_at, until_at)
                SELECT account, livemode, to_timestamp($9::bigint), to_timestamp($10::bigint)
                FROM saved WHERE $9::bigint IS NOT NULL
            )
            SELECT count(*) AS "count!" FROM saved
            "#,
            account_of(&account.scope),
            account.scope.mode.is_live(),
            account.version,
            progress.since as f64,
            progress.complete_until as f64,
            progress.listed_until as f64,
            ranges,
            wait_ms,
            gap.map(|gap| gap.from),
            gap.map(|gap| gap.until),
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(saved > 0)
    }

    /// Notes that a look at an account came to no end, and when it is due again. Nothing else changes.
    ///
    /// # Errors
    /// See [`Self::discover_sweep_accounts`].
    pub async fn sweep_failed(
        &self,
        account: &SweepAccount,
        error: &str,
        no_access: bool,
        wait_ms: i64,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            r#"
            UPDATE quittance.sweep_accounts
            SET error = $3, no_access = $4, failing_since = coalesce(failing_since, clock_timestamp()),
                looked_at = clock_timestamp(), wait_ms = $5,
                next_at = clock_timestamp() + make_interval(secs => $5::bigint / 1000.0)
            WHERE account = $1 AND livemode = $2
            "#,
            account_of(&account.scope),
            account.scope.mode.is_live(),
            storable_text(error),
            no_access,
            wait_ms,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Which of these events have no row in the ledger: they have not reached an end.
    ///
    /// # Errors
    /// See [`Self::discover_sweep_accounts`].
    pub async fn not_in_ledger(&self, ids: &[String]) -> Result<Vec<String>, StoreError> {
        Ok(sqlx::query_scalar!(
            r#"
            SELECT u.id AS "id!" FROM unnest($1::text[]) AS u (id)
            WHERE NOT EXISTS (SELECT FROM quittance.events AS e WHERE e.id = u.id)
            "#,
            ids,
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// Notes events that were missed and are on the queue now.
    ///
    /// # Errors
    /// See [`Self::discover_sweep_accounts`].
    pub async fn note_missed(
        &self,
        scope: &Scope,
        missed: &[MissedEvent],
    ) -> Result<(), StoreError> {
        let ids: Vec<_> = missed.iter().map(|event| event.id.clone()).collect();
        let types: Vec<_> = missed.iter().map(|event| storable_text(&event.event_type)).collect();
        let created: Vec<_> = missed.iter().map(|event| event.created).collect();
        let reasons: Vec<_> = missed.iter().map(|event| event.reason.to_owned()).collect();
        sqlx::query!(
            r#"
            INSERT INTO quittance.missed_events AS m (id, account, livemode, type, stripe_created, reason)
            SELECT u.id, $1, $2, u.type, to_timestamp(u.created), u.reason
            FROM unnest($3::text[], $4::text[], $5::bigint[], $6::text[]) AS u (id, type, created, reason)
            ON CONFLICT (id) DO UPDATE SET
                times = m.times + 1, reason = excluded.reason, last_found_at = clock_timestamp()
            "#,
            account_of(scope),
            scope.mode.is_live(),
            &ids,
            &types,
            &created,
            &reasons,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Removes up to `most` records of missed events that were found longer ago than `age`.
    ///
    /// # Errors
    /// See [`Self::discover_sweep_accounts`].
    pub async fn remove_missed(
        &self,
        age: std::time::Duration,
        most: i64,
    ) -> Result<Batch, StoreError> {
        let removed = sqlx::query!(
            r#"
            DELETE FROM quittance.missed_events WHERE id IN (
                SELECT id FROM quittance.missed_events
                WHERE last_found_at < clock_timestamp() - make_interval(secs => $1)
                ORDER BY last_found_at LIMIT $2)
            "#,
            age.as_secs_f64(),
            most,
        )
        .execute(&self.pool)
        .await?;
        let count = removed.rows_affected();
        let all = i64::try_from(count).is_ok_and(|count| count < most);
        Ok(if all { Batch::Last(count) } else { Batch::More(count) })
    }

    /// The accounts of a mode that the sweep knows and may read: our own is `''`.
    ///
    /// # Errors
    /// See [`Self::discover_sweep_accounts`].
    pub async fn readable_accounts(&self, mode: Mode) -> Result<Vec<String>, StoreError> {
        Ok(sqlx::query_scalar!(
            r#"
            SELECT s.account FROM quittance.sweep_accounts AS s
            WHERE s.livemode = $1 AND NOT EXISTS (
                SELECT FROM app.connected_accounts AS c
                WHERE c.stripe_account_id = s.account AND c.livemode = $1
                  AND (c.status = 'deauthorized' OR c.deleted))
            ORDER BY s.account
            "#,
            mode.is_live(),
        )
        .fetch_all(&self.pool)
        .await?)
    }
}

/// The account of a scope as the tables have it.
fn account_of(scope: &Scope) -> &str {
    super::columns::account(scope)
}

fn unreadable(what: &'static str) -> StoreError {
    StoreError::Unreadable { what }
}

//! Until when all of Stripe's events are here, by account: for the status and for monitoring.
//!
//! Called by whatever shows it. Accounts that have taken our access away, and those of a mode that the sweep reads
//! no longer, are left out.

use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::connect::Store;
use super::error::StoreError;

/// How complete an account is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AccountCompleteness {
    /// The connected account; empty: our own.
    pub account: String,
    /// Live or test.
    pub livemode: bool,
    /// Where the claim begins; null before the first look.
    #[serde(with = "time::serde::rfc3339::option")]
    pub since: Option<OffsetDateTime>,
    /// Every event that Stripe lists from `since` up to here is settled, ignored or dead-lettered here; null
    /// before the first look.
    #[serde(with = "time::serde::rfc3339::option")]
    pub complete_until: Option<OffsetDateTime>,
    /// How long ago that is, in seconds.
    pub behind_seconds: Option<i64>,
    /// When the sweep looked at it last.
    #[serde(with = "time::serde::rfc3339::option")]
    pub looked_at: Option<OffsetDateTime>,
    /// When it is due again.
    #[serde(with = "time::serde::rfc3339")]
    pub next_at: OffsetDateTime,
    /// Events that Stripe lists and that have not reached an end, as of the last look.
    pub open_events: i64,
    /// Why the last look came to no end.
    pub error: Option<String>,
    /// Whether Stripe refuses us the account.
    pub no_access: bool,
}

/// Events of the last 24 hours that Stripe has listed and that had not arrived, by reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct MissedCount {
    /// `not_enabled`, `disabled`, `pending`, `not_pending` or `unknown`.
    pub reason: String,
    /// How many.
    pub count: i64,
}

/// How complete everything is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Completeness {
    /// Our own account, then those connected accounts that are furthest behind.
    pub accounts: Vec<AccountCompleteness>,
    /// The number of connected accounts that the sweep looks at.
    pub connected: i64,
    /// Until when all connected accounts are complete; null where there is none.
    #[serde(with = "time::serde::rfc3339::option")]
    pub connected_until: Option<OffsetDateTime>,
    /// The longest wait between two looks at a connected account now, in seconds.
    pub longest_wait_seconds: i64,
    /// Events of the last 24 hours that the sweep had to bring, by reason.
    pub missed: Vec<MissedCount>,
    /// Time that Stripe listed no longer before it was found complete: how often that was found in the last 30 days.
    pub gaps: i64,
}

/// Watermarks for monitoring.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CompletenessGauges {
    /// Unix second until which our own account is complete; `None` before the first look.
    pub own_until: Option<i64>,
    /// The same of the connected account that is furthest behind.
    pub connected_until: Option<i64>,
    /// Seconds since the last success of each duty; `None` for one that has never succeeded.
    pub duties: Vec<(String, Option<i64>)>,
}

/// Connected accounts that are shown.
const SHOWN: i64 = 10;

impl Store {
    /// Reads how complete everything is; `None` where the sweep has never looked.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn completeness(&self) -> Result<Option<Completeness>, StoreError> {
        let Some(livemode) = self.swept_mode().await? else { return Ok(None) };
        let accounts = sqlx::query_as!(
            AccountCompleteness,
            r#"
            SELECT s.account, s.livemode, s.since, s.complete_until,
                   extract(epoch FROM clock_timestamp() - s.complete_until)::bigint AS behind_seconds,
                   s.looked_at, s.next_at, s.error, s.no_access,
                   (SELECT coalesce(sum((r ->> 'open')::bigint), 0)
                    FROM jsonb_array_elements(s.ranges) AS r)::bigint AS "open_events!"
            FROM quittance.sweep_accounts AS s
            WHERE s.livemode = $1 AND NOT s.no_access
              AND NOT EXISTS (
                  SELECT FROM app.connected_accounts AS c
                  WHERE c.stripe_account_id = s.account AND c.livemode = s.livemode
                    AND (c.status = 'deauthorized' OR c.deleted))
            ORDER BY s.account <> '', s.complete_until NULLS FIRST, s.account
            LIMIT $2
            "#,
            livemode,
            SHOWN + 1,
        )
        .fetch_all(&self.pool)
        .await?;
        let connected = sqlx::query!(
            r#"
            SELECT count(*) AS "count!", min(s.complete_until) AS until,
                   coalesce(max(s.wait_ms), 0) AS "longest!"
            FROM quittance.sweep_accounts AS s
            WHERE s.livemode = $1 AND s.account <> '' AND NOT s.no_access
              AND NOT EXISTS (
                  SELECT FROM app.connected_accounts AS c
                  WHERE c.stripe_account_id = s.account AND c.livemode = s.livemode
                    AND (c.status = 'deauthorized' OR c.deleted))
            "#,
            livemode,
        )
        .fetch_one(&self.pool)
        .await?;
        let missed = sqlx::query_as!(
            MissedCount,
            r#"
            SELECT reason, count(*) AS "count!" FROM quittance.missed_events
            WHERE last_found_at > clock_timestamp() - interval '24 hours'
            GROUP BY reason ORDER BY count(*) DESC, reason
            "#
        )
        .fetch_all(&self.pool)
        .await?;
        let gaps = sqlx::query_scalar!(
            r#"
            SELECT count(*) AS "count!" FROM quittance.sweep_gaps
            WHERE livemode = $1 AND found_at > clock_timestamp() - interval '30 days'
            "#,
            livemode,
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(Some(Completeness {
            accounts,
            connected: connected.count,
            connected_until: connected.until,
            longest_wait_seconds: connected.longest / 1_000,
            missed,
            gaps,
        }))
    }

    /// Reads the watermarks and the duties for monitoring.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub(super) async fn completeness_gauges(&self) -> Result<CompletenessGauges, StoreError> {
        let duties = sqlx::query!(
            r#"
            SELECT name, extract(epoch FROM clock_timestamp() - succeeded_at)::bigint AS age
            FROM quittance.duties ORDER BY name
            "#
        )
        .fetch_all(&self.pool)
        .await?;
        let duties = duties.into_iter().map(|duty| (duty.name, duty.age)).collect();
        let Some(livemode) = self.swept_mode().await? else {
            return Ok(CompletenessGauges { duties, ..CompletenessGauges::default() });
        };
        let until = sqlx::query!(
            r#"
            SELECT extract(epoch FROM min(s.complete_until) FILTER (WHERE s.account = ''))::bigint  AS own,
                   extract(epoch FROM min(s.complete_until) FILTER (WHERE s.account <> ''))::bigint AS connected
            FROM quittance.sweep_accounts AS s
            WHERE s.livemode = $1 AND NOT s.no_access
              AND NOT EXISTS (
                  SELECT FROM app.connected_accounts AS c
                  WHERE c.stripe_account_id = s.account AND c.livemode = s.livemode
                    AND (c.status = 'deauthorized' OR c.deleted))
            "#,
            livemode,
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(CompletenessGauges { own_until: until.own, connected_until: until.connected, duties })
    }

    /// The mode that the sweep has looked at last.
    async fn swept_mode(&self) -> Result<Option<bool>, StoreError> {
        Ok(sqlx::query_scalar!(
            r#"
            SELECT livemode FROM quittance.sweep_accounts
            WHERE looked_at IS NOT NULL ORDER BY looked_at DESC LIMIT 1
            "#
        )
        .fetch_optional(&self.pool)
        .await?)
    }
}

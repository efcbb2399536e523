//! Certificates: what a comparison of Stripe's list of events with the ledger found, one for each run.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::connect::Store;
use super::error::StoreError;

/// An event that Stripe lists and that is not here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MissingEvent {
    /// `evt_...`
    pub id: String,
    /// The connected account; empty: our own.
    pub account: String,
    /// Its type.
    #[serde(rename = "type")]
    pub event_type: String,
    /// When Stripe made it.
    #[serde(with = "time::serde::rfc3339")]
    pub created: OffsetDateTime,
}

/// An account whose list could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UnreadAccount {
    /// The connected account; empty: our own.
    pub account: String,
    /// Why.
    pub error: String,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct EventCounts {
    /// Events that Stripe lists.
    pub listed: i64,
    /// Those of them that are in the ledger: settled, ignored or dead-lettered.
    pub held: i64,
    /// Those that are in the queue.
    pub waiting: i64,
    /// Those that are neither, and younger than `sweep.grace`: their delivery may be on its way.
    pub fresh: i64,
    /// Those that are neither, and older.
    pub missing: i64,
}

/// A comparison of Stripe's list of events with the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct EventCertificate {
    /// Its number.
    pub id: i64,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Who had it made.
    pub actor: String,
    /// `own`, `connected`, `all` or an account.
    pub accounts: String,
    /// Live or test.
    pub livemode: bool,
    /// The first second of `created`, by Stripe's clock.
    #[serde(with = "time::serde::rfc3339")]
    pub from: OffsetDateTime,
    /// The second after the last one.
    #[serde(with = "time::serde::rfc3339")]
    pub until: OffsetDateTime,
    /// Accounts whose list was read to its end.
    pub compared: i64,
    /// Accounts whose list could not be read.
    pub unread: Vec<UnreadAccount>,
    /// What was found.
    #[serde(flatten)]
    pub counts: EventCounts,
    /// Those that are missing, the first thousand.
    pub missing_events: Vec<MissingEvent>,
    /// How long it took, in milliseconds.
    pub duration_ms: i64,
}

impl EventCertificate {
    /// Whether nothing is missing, and each list was read.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.counts.missing == 0 && self.unread.is_empty()
    }
}

impl Store {
    /// Keeps a certificate; the database gives it its number and its time.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn keep_event_certificate(
        &self,
        new: EventCertificate,
    ) -> Result<EventCertificate, StoreError> {
        let json = |value: serde_json::Result<serde_json::Value>| {
            value.map_err(|_| StoreError::Unreadable { what: "the certificate" })
        };
        let unread = json(serde_json::to_value(&new.unread))?;
        let missing = json(serde_json::to_value(&new.missing_events))?;
        let kept = sqlx::query!(
            r#"
            INSERT INTO quittance.event_certificates (
                actor, accounts, livemode, from_at, until_at, compared, unread, listed, held, waiting,
                fresh, missing, missing_events, duration_ms)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
            RETURNING id, at
            "#,
            new.actor,
            new.accounts,
            new.livemode,
            new.from,
            new.until,
            new.compared,
            unread,
            new.counts.listed,
            new.counts.held,
            new.counts.waiting,
            new.counts.fresh,
            new.counts.missing,
            missing,
            new.duration_ms,
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(EventCertificate { id: kept.id, at: kept.at, ..new })
    }

    /// The last certificates, newest first.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails; a row that cannot be read.
    pub async fn event_certificates(&self, most: i64) -> Result<Vec<EventCertificate>, StoreError> {
        let rows = sqlx::query!(
            r#"
            SELECT id, at, actor, accounts, livemode, from_at, until_at, compared, unread, listed, held,
                   waiting, fresh, missing, missing_events, duration_ms
            FROM quittance.event_certificates ORDER BY at DESC, id DESC LIMIT $1
            "#,
            most,
        )
        .fetch_all(&self.pool)
        .await?;
        let read = |_| StoreError::Unreadable { what: "the certificate" };
        let rows = rows.into_iter().map(|row| {
            Ok(EventCertificate {
                id: row.id,
                at: row.at,
                actor: row.actor,
                accounts: row.accounts,
                livemode: row.livemode,
                from: row.from_at,
                until: row.until_at,
                compared: row.compared,
                unread: serde_json::from_value(row.unread).map_err(read)?,
                counts: EventCounts {
                    listed: row.listed,
                    held: row.held,
                    waiting: row.waiting,
                    fresh: row.fresh,
                    missing: row.missing,
                },
                missing_events: serde_json::from_value(row.missing_events).map_err(read)?,
                duration_ms: row.duration_ms,
            })
        });
        rows.collect()
    }
}

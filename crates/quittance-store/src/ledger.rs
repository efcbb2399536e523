//! The ledger for operators: one row for each event that was processed or dead-lettered.

use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::connect::Store;
use super::error::StoreError;
use super::settlement::Outcome;
use quittance_domain::id::Mode;

/// Final status of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LedgerStatus {
    /// Processed: its object is at least as new as the event.
    Settled,
    /// There was nothing to do.
    Ignored,
    /// Dead-lettered; its dead letter has the reason.
    Dead,
}

impl LedgerStatus {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Settled, Self::Ignored, Self::Dead];

    /// `settled`, `ignored`, `dead`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Settled => "settled",
            Self::Ignored => "ignored",
            Self::Dead => "dead",
        }
    }

    /// Parses the name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|status| status.as_str() == text)
    }
}

/// Filter of events. Fields that are `None` match all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventFilter {
    /// `payment_intent.succeeded`; with a final `.*`, all types with that prefix.
    pub event_type: Option<String>,
    /// The object that the event is about.
    pub object: Option<String>,
    /// The connected account; empty for the platform's own account.
    pub account: Option<String>,
    /// Live or test.
    pub mode: Option<Mode>,
    /// Final status.
    pub status: Option<LedgerStatus>,
    /// Result of processing.
    pub outcome: Option<Outcome>,
    /// Received at this time or later.
    pub since: Option<OffsetDateTime>,
    /// Received before this time.
    pub until: Option<OffsetDateTime>,
}

/// An event's row in the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LedgerEvent {
    /// `evt_...`; `sha256:...` for a body without a readable id.
    pub id: String,
    /// Its type, if it could be read.
    #[serde(rename = "type")]
    pub event_type: Option<String>,
    /// API version of its snapshot; null for a thin event.
    pub api_version: Option<String>,
    /// The connected account; empty for the platform's own account; null if it could not be read.
    pub account: Option<String>,
    /// Live or test, if it could be read.
    pub livemode: Option<bool>,
    /// When Stripe created it, if it could be read.
    #[serde(with = "time::serde::rfc3339::option")]
    pub created: Option<OffsetDateTime>,
    /// The endpoint that accepted it; `sweep` or `replay` where no endpoint did.
    pub endpoint: String,
    /// What brought it first: `webhook`, `sweep`, `replay` or `retry`.
    pub source: String,
    /// When it was received.
    #[serde(with = "time::serde::rfc3339")]
    pub received_at: OffsetDateTime,
    /// Index of the endpoint's secret that matched, from 0.
    pub secret_index: Option<i32>,
    /// Type of its object: Stripe's `object`.
    pub object_kind: Option<String>,
    /// Id of its object.
    pub object_id: Option<String>,
    /// `settled`, `ignored` or `dead`.
    pub status: String,
    /// `applied`, `unchanged`, `covered`, `gone`, `ignored` or `deauthorized`; null for a dead one.
    pub outcome: Option<String>,
    /// When it was processed or ignored.
    #[serde(with = "time::serde::rfc3339::option")]
    pub settled_at: Option<OffsetDateTime>,
    /// Total number of attempts.
    pub attempts: i32,
}

/// Cursor of a list: the last event of the previous page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct After {
    received_at: OffsetDateTime,
    id: String,
}

impl From<&LedgerEvent> for After {
    fn from(event: &LedgerEvent) -> Self {
        Self { received_at: event.received_at, id: event.id.clone() }
    }
}

impl Store {
    /// Lists events, the last received first, up to a limit.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn events(
        &self,
        filter: &EventFilter,
        after: Option<&After>,
        limit: u32,
    ) -> Result<Vec<LedgerEvent>, StoreError> {
        let event_type = filter.event_type.as_deref();
        let family = event_type.and_then(|text| text.strip_suffix('*'));
        let exact = event_type.filter(|_| family.is_none());
        let query = sqlx::query_as!(
            LedgerEvent,
            r#"
            SELECT id, type AS event_type, api_version, account, livemode,
                   stripe_created AS created, endpoint, source, received_at, secret_index, object_kind,
                   object_id, status, outcome, settled_at, attempts
            FROM quittance.events
            WHERE ($1::text IS NULL OR type = $1)
              AND ($2::text IS NULL OR starts_with(type, $2))
              AND ($3::text IS NULL OR object_id = $3)
              AND ($4::text IS NULL OR account = $4)
              AND ($5::boolean IS NULL OR livemode = $5)
              AND ($6::text IS NULL OR status = $6)
              AND ($7::text IS NULL OR outcome = $7)
              AND ($8::timestamptz IS NULL OR received_at >= $8)
              AND ($9::timestamptz IS NULL OR received_at < $9)
              AND ($10::timestamptz IS NULL OR (received_at, id) < ($10, $11::text))
            ORDER BY received_at DESC, id DESC
            LIMIT $12
            "#,
            exact,
            family,
            filter.object.as_deref(),
            filter.account.as_deref(),
            filter.mode.map(Mode::is_live),
            filter.status.map(LedgerStatus::as_str),
            filter.outcome.map(Outcome::as_str),
            filter.since,
            filter.until,
            after.map(|after| after.received_at),
            after.map(|after| after.id.as_str()),
            i64::from(limit),
        );
        self.planned_anew(query).await
    }

    /// Reads an event; `None` if it has not been processed.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn find_event(&self, id: &str) -> Result<Option<LedgerEvent>, StoreError> {
        Ok(sqlx::query_as!(
            LedgerEvent,
            r#"
            SELECT id, type AS event_type, api_version, account, livemode,
                   stripe_created AS created, endpoint, source, received_at, secret_index, object_kind,
                   object_id, status, outcome, settled_at, attempts
            FROM quittance.events WHERE id = $1
            "#,
            id,
        )
        .fetch_optional(&self.pool)
        .await?)
    }
}

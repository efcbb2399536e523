//! Reads what is recorded of events and objects, in one round trip and from one snapshot.

use std::collections::BTreeSet;

use serde_json::Value;
use sqlx::types::Json;
use tokio::time::timeout;

use super::columns;
use super::connect::Store;
use super::error::StoreError;
use quittance_domain::event::Timestamp;
use quittance_domain::id::EventId;
use quittance_domain::object::{Row, Subject};
use quittance_redaction::Redacted;

/// Recorded state of events and of objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The events that are settled or ignored. A dead-lettered event is not among them: it is processed again when it
    /// is received again.
    pub settled: BTreeSet<EventId>,
    /// The rows of the subjects in their order; `None` if there is no row.
    pub rows: Vec<Option<Row>>,
    /// For each subject: when its account was deauthorized, if it was, by Stripe's clock.
    pub access_ended: Vec<Option<Timestamp>>,
    /// For each subject with notifications that are withheld: by when the state that they tell of had been seen, by
    /// Stripe's clock.
    pub withheld: Vec<Option<Timestamp>>,
}

impl Store {
    /// Reads the ledger for the events and the rows of the subjects.
    ///
    /// # Errors
    /// Postgres cannot be reached, the statement fails, or this binary does not know a stored value.
    pub async fn load(
        &self,
        events: &[&EventId],
        subjects: &[Subject],
    ) -> Result<Loaded, StoreError> {
        let events: Vec<String> = events.iter().map(|id| id.as_str().to_owned()).collect();
        let accounts: Vec<String> =
            subjects.iter().map(|s| columns::account(&s.scope).to_owned()).collect();
        let livemodes: Vec<bool> = subjects.iter().map(|s| s.scope.mode.is_live()).collect();
        let kinds: Vec<String> = subjects.iter().map(|s| s.kind.as_str().to_owned()).collect();
        let ids: Vec<String> = subjects.iter().map(|s| s.id.as_str().to_owned()).collect();
        // The LIMITs make each lookup use the key: a plan made while the tables were empty would
        // join whole tables, and the session would keep it.
        let mut connection = self.connection().await?;
        let query = sqlx::query!(
            r#"
            -- What is settled is said once, with the first object.
            SELECT CASE WHEN coalesce(s.nth, 1) = 1 THEN l.settled ELSE '{}' END AS "settled!",
                   s.nth                                               AS "nth?",
                   o.version                                           AS "version?",
                   extract(epoch FROM o.observed_at)::bigint           AS "observed_at?",
                   extract(epoch FROM o.seen_by)::bigint               AS "seen_by?",
                   o.deleted                                           AS "deleted?",
                   o.recorded                                          AS "recorded?",
                   extract(epoch FROM o.withheld_at)::bigint           AS "withheld_at?",
                   extract(epoch FROM a.ended)::bigint                 AS "access_ended?"
            FROM (
                SELECT ARRAY(
                    SELECT e.id
                    FROM unnest($1::text[]) AS wanted (id)
                    CROSS JOIN LATERAL (
                        SELECT id FROM quittance.events
                        WHERE id = wanted.id AND status IN ('settled', 'ignored')
                        LIMIT 1
                    ) AS e
                ) AS settled
            ) AS l
            LEFT JOIN unnest($2::text[], $3::boolean[], $4::text[], $5::text[]) WITH ORDINALITY
                AS s (account, livemode, kind, id, nth) ON true
            LEFT JOIN LATERAL (
                SELECT version, observed_at, seen_by, deleted, recorded, withheld_at
                FROM quittance.objects
                WHERE account = s.account AND livemode = s.livemode AND kind = s.kind AND id = s.id
                LIMIT 1
            ) AS o ON true
            LEFT JOIN LATERAL (
                SELECT CASE WHEN recorded ->> 'status' = 'deauthorized' THEN observed_at END AS ended
                FROM quittance.objects
                WHERE account = s.account AND livemode = s.livemode AND kind = 'account'
                  AND id = s.account
                LIMIT 1
            ) AS a ON true
            ORDER BY s.nth
            "#,
            &events,
            &accounts,
            &livemodes,
            &kinds,
            &ids,
        );
        let answer = timeout(self.patience, query.fetch_all(connection.get()?)).await;
        let found = self.answered(connection, answer)?;

        let settled = found.first().map(|row| row.settled.iter());
        let settled = settled
            .into_iter()
            .flatten()
            .map(|id| EventId::parse(id).map_err(|_| StoreError::Unreadable { what: "events.id" }))
            .collect::<Result<_, _>>()?;
        let mut rows = Vec::with_capacity(subjects.len());
        for (subject, found) in subjects.iter().zip(&found) {
            let (Some(version), Some(observed_at), Some(seen_by), Some(deleted)) =
                (found.version, found.observed_at, found.seen_by, found.deleted)
            else {
                rows.push(None);
                continue;
            };
            let stored = found.recorded.as_ref();
            let recorded =
                stored.map(|stored| columns::recorded(subject.kind, stored)).transpose()?;
            rows.push(Some(Row { version, observed_at, seen_by, deleted, recorded }));
        }
        let ended = |n: usize| found.get(n).and_then(|row| row.access_ended);
        let access_ended = (0..subjects.len()).map(ended).collect();
        let withheld = |n: usize| found.get(n).and_then(|row| row.withheld_at);
        let withheld = (0..subjects.len()).map(withheld).collect();
        Ok(Loaded { settled, rows, access_ended, withheld })
    }

    /// Reads the JSON of an object at this version. `None`: the row was written since, or it is a tombstone.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn kept(&self, subject: &Subject, version: i64) -> Result<Option<Value>, StoreError> {
        let mut connection = self.connection().await?;
        let query = sqlx::query_scalar!(
            r#"
            SELECT o.data AS "data!"
            FROM quittance.objects AS o
            WHERE o.account = $1 AND o.livemode = $2 AND o.kind = $3 AND o.id = $4
              AND o.version = $5 AND NOT o.deleted AND o.data IS NOT NULL
            "#,
            columns::account(&subject.scope),
            subject.scope.mode.is_live(),
            subject.kind.as_str(),
            subject.id.as_str(),
            version,
        );
        let answer = timeout(self.patience, query.fetch_optional(connection.get()?)).await;
        self.answered(connection, answer)
    }

    /// Whether the row of an object, at this version, contains each of these JSON values.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn holds(
        &self,
        subject: &Subject,
        version: i64,
        snapshots: &[&Redacted],
    ) -> Result<bool, StoreError> {
        let snapshots: Vec<Json<&Value>> = snapshots.iter().map(|it| Json(&***it)).collect();
        let mut connection = self.connection().await?;
        let query = sqlx::query_scalar!(
            r#"
            SELECT o.data = ALL ($6::jsonb[]) AS "held!"
            FROM quittance.objects AS o
            WHERE o.account = $1 AND o.livemode = $2 AND o.kind = $3 AND o.id = $4
              AND o.version = $5 AND NOT o.deleted AND o.data IS NOT NULL
            "#,
            columns::account(&subject.scope),
            subject.scope.mode.is_live(),
            subject.kind.as_str(),
            subject.id.as_str(),
            version,
            &snapshots as _,
        );
        let answer = timeout(self.patience, query.fetch_optional(connection.get()?)).await;
        Ok(self.answered(connection, answer)?.unwrap_or(false))
    }

    /// For each object, whether its row contains this JSON. False where there is no row, or a tombstone.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn hold(&self, objects: &[(&Subject, &Redacted)]) -> Result<Vec<bool>, StoreError> {
        let of = |each: fn(&Subject) -> &str| -> Vec<String> {
            objects.iter().map(|(subject, _)| each(subject).to_owned()).collect()
        };
        let livemodes: Vec<bool> = objects.iter().map(|(s, _)| s.scope.mode.is_live()).collect();
        let data: Vec<Json<&Value>> = objects.iter().map(|(_, raw)| Json(&***raw)).collect();
        let mut connection = self.connection().await?;
        let query = sqlx::query_scalar!(
            r#"
            SELECT coalesce(o.data = w.data AND NOT o.deleted, false) AS "held!"
            FROM unnest($1::text[], $2::boolean[], $3::text[], $4::text[], $5::jsonb[]) WITH ORDINALITY
                AS w (account, livemode, kind, id, data, nth)
            LEFT JOIN LATERAL (
                SELECT data, deleted FROM quittance.objects
                WHERE account = w.account AND livemode = w.livemode AND kind = w.kind AND id = w.id
                LIMIT 1
            ) AS o ON true
            ORDER BY w.nth
            "#,
            &of(|subject| columns::account(&subject.scope)),
            &livemodes,
            &of(|subject| subject.kind.as_str()),
            &of(|subject| subject.id.as_str()),
            &data as _,
        );
        let answer = timeout(self.patience, query.fetch_all(connection.get()?)).await;
        self.answered(connection, answer)
    }
}

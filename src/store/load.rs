//! What is recorded, read in one round trip and from one snapshot.

use super::columns::{self, Stored};
use super::connect::Store;
use super::error::StoreError;
use crate::domain::id::EventId;
use crate::domain::object::{Row, Subject};

/// What is recorded of an event and of the objects that it asks us to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// Whether the event is at its good end. A dead one is not: it is tried again when it comes
    /// again.
    pub settled: bool,
    /// One for each subject, in their order; none where there is no row.
    pub rows: Vec<Option<Row>>,
}

impl Store {
    /// Reads the ledger for the event and the rows of the subjects.
    ///
    /// # Errors
    /// Postgres, or a stored value that this binary does not know.
    pub async fn load(
        &self,
        event: Option<&EventId>,
        subjects: &[Subject],
    ) -> Result<Loaded, StoreError> {
        let event = event.map(EventId::as_str);
        let accounts: Vec<String> =
            subjects.iter().map(|s| columns::account(&s.scope).to_owned()).collect();
        let livemodes: Vec<bool> = subjects.iter().map(|s| s.scope.mode.is_live()).collect();
        let kinds: Vec<String> = subjects.iter().map(|s| s.kind.as_str().to_owned()).collect();
        let ids: Vec<String> = subjects.iter().map(|s| s.id.as_str().to_owned()).collect();
        // The LIMITs keep each look-up a look-up by key: a plan that was made while the tables
        // were empty would else join them whole, and the session would keep it.
        let found = sqlx::query!(
            r#"
            SELECT coalesce(l.status IN ('settled', 'ignored'), false) AS "settled!",
                   s.nth                                               AS "nth?",
                   o.version                                           AS "version?",
                   extract(epoch FROM o.observed_at)::bigint           AS "observed_at?",
                   o.deleted                                           AS "deleted?",
                   coalesce(p.status, c.status, r.status)              AS "status?",
                   c.amount_refunded                                   AS "amount_refunded?"
            FROM (SELECT $1::text AS id) AS e
            LEFT JOIN LATERAL (
                SELECT status FROM quittance.events WHERE id = e.id LIMIT 1
            ) AS l ON true
            LEFT JOIN unnest($2::text[], $3::boolean[], $4::text[], $5::text[]) WITH ORDINALITY
                AS s (account, livemode, kind, id, nth) ON true
            LEFT JOIN LATERAL (
                SELECT version, observed_at, deleted FROM quittance.objects
                WHERE account = s.account AND livemode = s.livemode AND kind = s.kind AND id = s.id
                LIMIT 1
            ) AS o ON true
            LEFT JOIN LATERAL (
                SELECT status FROM app.payments
                WHERE s.kind = 'payment_intent' AND stripe_payment_intent_id = s.id
                  AND stripe_account = s.account AND livemode = s.livemode
                LIMIT 1
            ) AS p ON true
            LEFT JOIN LATERAL (
                SELECT status, amount_refunded FROM app.charges
                WHERE s.kind = 'charge' AND stripe_charge_id = s.id
                  AND stripe_account = s.account AND livemode = s.livemode
                LIMIT 1
            ) AS c ON true
            LEFT JOIN LATERAL (
                SELECT status FROM app.refunds
                WHERE s.kind = 'refund' AND stripe_refund_id = s.id
                  AND stripe_account = s.account AND livemode = s.livemode
                LIMIT 1
            ) AS r ON true
            ORDER BY s.nth
            "#,
            event,
            &accounts,
            &livemodes,
            &kinds,
            &ids,
        )
        .fetch_all(&self.pool)
        .await?;

        let settled = found.first().is_some_and(|row| row.settled);
        let mut rows = Vec::with_capacity(subjects.len());
        for (subject, found) in subjects.iter().zip(&found) {
            let (Some(version), Some(observed_at), Some(deleted)) =
                (found.version, found.observed_at, found.deleted)
            else {
                rows.push(None);
                continue;
            };
            let stored = found
                .status
                .as_deref()
                .map(|status| Stored { status, amount_refunded: found.amount_refunded });
            let recorded =
                stored.map(|stored| columns::recorded(subject.kind, &stored)).transpose()?;
            rows.push(Some(Row { version, observed_at, deleted, recorded }));
        }
        Ok(Loaded { settled, rows })
    }
}

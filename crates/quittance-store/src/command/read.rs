//! Reads commands: by id, by key, by reference, by state; and the objects that they made.

use serde_json::json;
use uuid::Uuid;

use super::stored::{StoredCommand, StoredRow, query_commands};
use crate::connect::Store;
use crate::error::StoreError;
use quittance_domain::command::{CommandKind, CommandState};
use quittance_domain::status_word::Vocabulary as _;

/// Which commands to list; all that is set must fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CommandFilter<'a> {
    /// Only those in this state.
    pub state: Option<CommandState>,
    /// Only those of this caller.
    pub caller: Option<&'a str>,
    /// Only those that change or refund this payment.
    pub target: Option<&'a str>,
    /// Only those that were written before this one: the next page.
    pub before: Option<Uuid>,
}

impl Store {
    /// A command by its id.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn command(&self, id: Uuid) -> Result<Option<StoredCommand>, StoreError> {
        self.one_command(Some(id), None).await
    }

    /// A command by its caller and the key that they chose.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn command_by_key(
        &self,
        caller: &str,
        key: &str,
    ) -> Result<Option<StoredCommand>, StoreError> {
        self.one_command(None, Some((caller, key))).await
    }

    /// Reads a command by its id, or by its caller and key: one round trip, because each request of the API needs it
    /// up to twice.
    async fn one_command(
        &self,
        id: Option<Uuid>,
        of: Option<(&str, &str)>,
    ) -> Result<Option<StoredCommand>, StoreError> {
        let row = query_commands!(
            "SELECT",
            r#"NULL::timestamptz AS sent_before
            FROM quittance.commands
            WHERE id = coalesce($1, (
                SELECT k.id FROM quittance.commands AS k
                WHERE k.caller = $2 AND k.idempotency_key = $3))
            "#,
            id,
            of.map(|(caller, _)| caller),
            of.map(|(_, key)| key),
        )
        .fetch_optional(&self.pool)
        .await?;
        row.map(TryInto::try_into).transpose()
    }

    /// Commands, newest first.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn list_commands(
        &self,
        filter: &CommandFilter<'_>,
        most: u32,
    ) -> Result<Vec<StoredCommand>, StoreError> {
        let query = query_commands!(
            "SELECT",
            r#"NULL::timestamptz AS sent_before
            FROM quittance.commands
            WHERE ($1::text IS NULL OR state = $1)
              AND ($2::text IS NULL OR caller = $2)
              AND ($3::text IS NULL OR target = $3)
              AND ($4::uuid IS NULL OR (created_at, id) < (
                  SELECT b.created_at, b.id FROM quittance.commands AS b WHERE b.id = $4))
            ORDER BY created_at DESC, id DESC
            LIMIT $5
            "#,
            filter.state.map(CommandState::word),
            filter.caller,
            filter.target,
            filter.before,
            i64::from(most),
        );
        let rows = self.planned_anew(query).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// The command of a caller that has a reference now.
    ///
    /// # Errors
    /// Postgres.
    pub async fn command_of_reference(
        &self,
        caller: &str,
        kind: CommandKind,
        livemode: bool,
        reference: &str,
    ) -> Result<Option<Uuid>, StoreError> {
        let found = sqlx::query_scalar!(
            r#"
            SELECT id FROM quittance.commands
            WHERE caller = $1 AND kind = $2 AND livemode = $3 AND reference = $4 AND holds_reference
            "#,
            caller,
            kind.as_str(),
            livemode,
            reference,
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(found)
    }

    /// What an object that a command has made is called, if its row is here: by the metadata that each of
    /// them carries.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn made_by_command(
        &self,
        kind: CommandKind,
        id: Uuid,
    ) -> Result<Option<String>, StoreError> {
        let by = json!({ "quittance_command": id });
        let found = sqlx::query_scalar!(
            r#"
            SELECT made.id AS "id!"
            FROM (
                SELECT stripe_payment_intent_id AS id FROM app.payments
                WHERE $1 = 'create_payment' AND metadata @> $2
                UNION ALL
                SELECT stripe_refund_id FROM app.refunds
                WHERE $1 = 'create_refund' AND metadata @> $2
                UNION ALL
                SELECT stripe_customer_id FROM app.customers
                WHERE $1 = 'create_customer' AND metadata @> $2
                UNION ALL
                SELECT stripe_checkout_session_id FROM app.checkout_sessions
                WHERE $1 = 'create_checkout' AND metadata @> $2
                UNION ALL
                SELECT stripe_setup_intent_id FROM app.setup_intents
                WHERE $1 = 'create_setup' AND metadata @> $2
                UNION ALL
                SELECT stripe_subscription_id FROM app.subscriptions
                WHERE $1 = 'create_subscription' AND metadata @> $2
            ) AS made
            LIMIT 1
            "#,
            kind.as_str(),
            by,
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(found)
    }
}

//! Reads an object of our own account by a name that a client of the API gives it: Stripe's id, the id of its
//! row, or the reference of the command that made it.

use super::connect::Store;
use super::error::StoreError;
use quittance_domain::command::CommandKind;

/// The row of an object by Stripe's id or by its own. `$select` is the query up to its table, `$key` the column
/// with Stripe's id.
macro_rules! own_object {
    ($store:expr, $row:ident, $select:literal, $key:literal, $id:expr) => {
        sqlx::query_as!(
            $row,
            $select + " WHERE (" + $key + " = $1 OR id = $2) AND stripe_account = '' LIMIT 1",
            $id,
            uuid::Uuid::parse_str($id).ok(),
        )
        .fetch_optional(&$store.pool)
        .await
    };
}
pub(super) use own_object;

impl Store {
    /// Stripe's id of the object that has a caller's reference now; `kind` is the command that makes such objects.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn object_of_reference(
        &self,
        caller: &str,
        kind: CommandKind,
        reference: &str,
    ) -> Result<Option<String>, StoreError> {
        let found = sqlx::query_scalar!(
            r#"
            SELECT object_id FROM quittance.commands
            WHERE caller = $1 AND kind = $2 AND reference = $3 AND holds_reference
            ORDER BY created_at DESC
            LIMIT 1
            "#,
            caller,
            kind.as_str(),
            reference,
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(found.flatten())
    }
}

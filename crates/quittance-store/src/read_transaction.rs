//! Queries with many optional filters, for operators.

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Map;
use sqlx::{Connection as _, Postgres};
use tokio::time::timeout;

use super::connect::Store;
use super::error::StoreError;

impl Store {
    /// Runs a query with many optional filters, planned for its parameters.
    ///
    /// The best index depends on the filters that are set. After a few calls, a session would reuse one generic plan
    /// for all of them, so this plans each call anew.
    ///
    /// # Errors
    /// Postgres cannot be reached, fails, or does not answer within the time limit of a statement.
    pub(super) async fn planned_anew<'q, F, O>(
        &self,
        query: Map<'q, Postgres, F, PgArguments>,
    ) -> Result<Vec<O>, StoreError>
    where
        F: FnMut(PgRow) -> Result<O, sqlx::Error> + Send,
        O: Send + Unpin,
    {
        let mut connection = self.connection().await?;
        let asked = async {
            let mut transaction = connection.get()?.begin().await?;
            sqlx::query!(
                r#"SELECT set_config('plan_cache_mode', 'force_custom_plan', true) AS "mode!""#
            )
            .fetch_one(&mut *transaction)
            .await?;
            let rows = query.fetch_all(&mut *transaction).await?;
            transaction.commit().await?;
            Ok(rows)
        };
        let answer = timeout(self.patience, asked).await;
        self.answered(connection, answer)
    }
}

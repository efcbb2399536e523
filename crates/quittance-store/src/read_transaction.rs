//! How people's questions are put to Postgres.

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Map;
use sqlx::{Connection as _, Postgres};
use tokio::time::timeout;

use super::connect::Store;
use super::error::StoreError;

impl Store {
    /// The answer to one question with many optional filters.
    ///
    /// Which index serves such a question depends on the filters that are given. A session that has
    /// asked it a few times would keep one plan for all of them, so here each is planned anew.
    ///
    /// # Errors
    /// Postgres; also where it is silent for longer than a statement may take.
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
            let mut transaction = connection.begin().await?;
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

//! How people's questions are put to Postgres.

use sqlx::{Postgres, Transaction};

use super::connect::Store;
use super::error::StoreError;

impl Store {
    /// A transaction for one question with many optional filters.
    ///
    /// Which index serves such a question depends on the filters that are given. A session that has
    /// asked it a few times would keep one plan for all of them, so here each is planned anew.
    pub(super) async fn looking(&self) -> Result<Transaction<'static, Postgres>, StoreError> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query!(
            r#"SELECT set_config('plan_cache_mode', 'force_custom_plan', true) AS "mode!""#
        )
        .fetch_one(&mut *transaction)
        .await?;
        Ok(transaction)
    }
}

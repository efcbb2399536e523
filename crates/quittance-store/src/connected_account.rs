//! Check of a connected account before a destination charge.

use time::OffsetDateTime;

use super::connect::Store;
use super::error::StoreError;
use quittance_domain::id::{AccountId, Mode};

/// Whether money may be sent to a connected account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permission {
    /// Whether a destination charge to it will succeed.
    pub allowed: bool,
    /// Why it will not; `None` if it will.
    pub why_not: Option<String>,
    /// Age of the answer; `None`: the account was never seen.
    pub as_of: Option<OffsetDateTime>,
    /// Until when Stripe wants what is due, if it says so.
    pub deadline: Option<OffsetDateTime>,
    /// What Stripe wants of the account, as Stripe names it.
    pub due: Vec<String>,
}

impl Store {
    /// Calls `app.can_receive_payments`.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn can_receive_payments(
        &self,
        account: &AccountId,
        mode: Mode,
    ) -> Result<Permission, StoreError> {
        let answer = sqlx::query_as!(
            Permission,
            r#"
            SELECT p.allowed AS "allowed!", p.why_not, p.as_of, a.deadline,
                   ARRAY(SELECT DISTINCT unnest(a.currently_due || a.past_due) ORDER BY 1) AS "due!"
            FROM app.can_receive_payments($1, $2) AS p
            LEFT JOIN app.connected_accounts AS a
                ON a.stripe_account_id = $1 AND a.livemode = $2
            "#,
            account.as_str(),
            mode.is_live(),
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(answer)
    }
}

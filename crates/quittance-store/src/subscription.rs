//! A subscription as its row has it, with its items: what a client of the API sees.

use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use super::connect::Store;
use super::error::StoreError;
use super::own_object::own_object;

/// A row of `app.subscriptions`.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SubscriptionRow {
    /// Stripe's id.
    pub id: String,
    /// The row's own id.
    pub quittance_id: Uuid,
    /// Stripe's status.
    pub status: String,
    /// Who pays.
    pub customer: String,
    /// Three letters in lower case.
    pub currency: String,
    /// `charge_automatically` or `send_invoice`.
    pub collection_method: String,
    /// When the present period began.
    #[serde(with = "time::serde::rfc3339::option")]
    pub current_period_start: Option<OffsetDateTime>,
    /// When money is next due.
    #[serde(with = "time::serde::rfc3339::option")]
    pub current_period_end: Option<OffsetDateTime>,
    /// When its trial ends, or ended.
    #[serde(with = "time::serde::rfc3339::option")]
    pub trial_end: Option<OffsetDateTime>,
    /// Whether it ends with its present period.
    pub cancel_at_period_end: bool,
    /// When it will be canceled.
    #[serde(with = "time::serde::rfc3339::option")]
    pub cancel_at: Option<OffsetDateTime>,
    /// When its end was asked for.
    #[serde(with = "time::serde::rfc3339::option")]
    pub canceled_at: Option<OffsetDateTime>,
    /// When it ended.
    #[serde(with = "time::serde::rfc3339::option")]
    pub ended_at: Option<OffsetDateTime>,
    /// What it is paid with; none: the customer's default method.
    pub default_payment_method: Option<String>,
    /// `in_...`
    pub latest_invoice: Option<String>,
    /// Your own link to your rows.
    pub metadata: Value,
    /// Whether it is in live mode.
    pub livemode: bool,
    /// When Stripe made it.
    #[serde(with = "time::serde::rfc3339")]
    pub created: OffsetDateTime,
    /// Stripe's clock when it was last asked.
    #[serde(with = "time::serde::rfc3339")]
    pub observed_at: OffsetDateTime,
}

/// A row of `app.subscription_items`.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SubscriptionItemRow {
    /// `si_...`
    pub id: String,
    /// `price_...`
    pub price: String,
    /// `prod_...`
    pub product: String,
    /// How many; none where use is metered.
    pub quantity: Option<i64>,
    /// When its present period ends.
    #[serde(with = "time::serde::rfc3339")]
    pub current_period_end: OffsetDateTime,
}

impl Store {
    /// A subscription of our own account by Stripe's id or by its row's.
    ///
    /// # Errors
    /// Postgres.
    pub async fn subscription(&self, id: &str) -> Result<Option<SubscriptionRow>, StoreError> {
        Ok(own_object!(
            self,
            SubscriptionRow,
            r#"
            SELECT stripe_subscription_id AS id, id AS quittance_id, status, customer, currency,
                   collection_method, current_period_start, current_period_end, trial_end,
                   cancel_at_period_end, cancel_at, canceled_at, ended_at, default_payment_method,
                   latest_invoice, metadata, livemode, stripe_created AS created, observed_at
            FROM app.subscriptions"#,
            "stripe_subscription_id",
            id
        )?)
    }

    /// The items of a subscription, oldest first.
    ///
    /// # Errors
    /// Postgres.
    pub async fn items_of(
        &self,
        subscription: &str,
    ) -> Result<Vec<SubscriptionItemRow>, StoreError> {
        Ok(sqlx::query_as!(
            SubscriptionItemRow,
            r#"
            SELECT stripe_subscription_item_id AS id, price, product, quantity, current_period_end
            FROM app.subscription_items
            WHERE subscription = $1 AND stripe_account = ''
            ORDER BY stripe_created, stripe_subscription_item_id
            "#,
            subscription,
        )
        .fetch_all(&self.pool)
        .await?)
    }
}

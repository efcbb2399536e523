//! A payment as its row has it, with its charges and refunds: what a client of the API sees.

use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use super::connect::Store;
use super::error::StoreError;
use super::own_object::own_object;
use quittance_domain::command::refundable::Refundable;

/// A row of `app.payments`.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct PaymentRow {
    /// Stripe's id.
    pub id: String,
    /// The row's own id.
    pub quittance_id: Uuid,
    /// In the currency's smallest unit.
    pub amount: i64,
    /// Three letters in lower case.
    pub currency: String,
    /// Stripe's status.
    pub status: String,
    /// What can still be captured.
    pub amount_capturable: i64,
    /// What has been received.
    pub amount_received: i64,
    /// What went back, as its charges say.
    pub amount_refunded: i64,
    /// Who pays.
    pub customer: Option<String>,
    /// `automatic`, `automatic_async` or `manual`.
    pub capture_method: String,
    /// Why the last attempt failed: `card_declined`, ...
    pub failure_code: Option<String>,
    /// The bank's finer word.
    pub failure_decline_code: Option<String>,
    /// What the customer has to do next.
    pub next_action: Option<String>,
    /// The connected account of a destination charge.
    pub transfer_destination: Option<String>,
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

/// A row of `app.refunds`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct RefundRow {
    /// Stripe's id.
    pub id: String,
    /// What goes back.
    pub amount: i64,
    /// Its currency.
    pub currency: String,
    /// Stripe's status.
    pub status: String,
    /// Why.
    pub reason: Option<String>,
    /// When Stripe made it.
    #[serde(with = "time::serde::rfc3339")]
    pub created: OffsetDateTime,
}

/// A row of `app.charges`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ChargeRow {
    /// Stripe's id.
    pub id: String,
    /// What was tried.
    pub amount: i64,
    /// What was captured of it.
    pub amount_captured: i64,
    /// What went back of it.
    pub amount_refunded: i64,
    /// Stripe's status.
    pub status: String,
    /// Why it failed.
    pub failure_code: Option<String>,
}

impl Store {
    /// A payment of our own account by Stripe's id or by its row's.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn payment(&self, id: &str) -> Result<Option<PaymentRow>, StoreError> {
        Ok(own_object!(
            self,
            PaymentRow,
            r#"
            SELECT stripe_payment_intent_id AS id, id AS quittance_id, amount, currency, status,
                   amount_capturable, amount_received, amount_refunded, customer, capture_method,
                   failure_code, failure_decline_code, next_action, transfer_destination, metadata,
                   livemode, stripe_created AS created, observed_at
            FROM app.payments"#,
            "stripe_payment_intent_id",
            id
        )?)
    }

    /// What is known of a payment's money, with the refunds that are under way; none where there is no such
    /// payment.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn money_of(&self, payment: &str) -> Result<Option<Refundable>, StoreError> {
        let row = sqlx::query!(
            "SELECT received, refunded, under_way FROM quittance.money_of($1)",
            payment,
        )
        .fetch_optional(&self.pool)
        .await?;
        let row = row.and_then(|row| Some((row.received?, row.refunded?, row.under_way?)));
        Ok(row.map(|(received, refunded, under_way)| Refundable { received, refunded, under_way }))
    }

    /// Whether Stripe chooses the methods of a payment, and whether those may redirect the customer:
    /// `automatic_payment_methods` as the payment shows it.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn automatic_methods(
        &self,
        payment: &str,
        livemode: bool,
    ) -> Result<(bool, Option<String>), StoreError> {
        let row = sqlx::query!(
            r#"
            SELECT coalesce((data -> 'automatic_payment_methods' -> 'enabled')::boolean, false)
                       AS "enabled!",
                   data -> 'automatic_payment_methods' ->> 'allow_redirects' AS redirects
            FROM quittance.objects
            WHERE account = '' AND livemode = $2 AND kind = 'payment_intent' AND id = $1
            "#,
            payment,
            livemode,
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map_or((false, None), |row| (row.enabled, row.redirects)))
    }

    /// The payment that a charge belongs to.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn payment_of_charge(&self, charge: &str) -> Result<Option<String>, StoreError> {
        let found = sqlx::query_scalar!(
            "SELECT payment_intent FROM app.charges WHERE stripe_charge_id = $1 AND stripe_account = ''",
            charge,
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(found.flatten())
    }

    /// The charges of a payment, oldest first.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn charges_of(&self, payment: &str) -> Result<Vec<ChargeRow>, StoreError> {
        Ok(sqlx::query_as!(
            ChargeRow,
            r#"
            SELECT stripe_charge_id AS id, amount, amount_captured, amount_refunded, status, failure_code
            FROM app.charges WHERE payment_intent = $1
            ORDER BY stripe_created, stripe_charge_id
            "#,
            payment,
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// The refunds of a payment, oldest first.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn refunds_of(&self, payment: &str) -> Result<Vec<RefundRow>, StoreError> {
        Ok(sqlx::query_as!(
            RefundRow,
            r#"
            SELECT stripe_refund_id AS id, amount, currency, status, reason, stripe_created AS created
            FROM app.refunds WHERE payment_intent = $1
            ORDER BY stripe_created, stripe_refund_id
            "#,
            payment,
        )
        .fetch_all(&self.pool)
        .await?)
    }
}

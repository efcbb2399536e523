//! Lists of objects: by customer, by metadata, by kind.

use serde::Serialize;
use serde_json::{Value, json};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::read::ObjectKey;
use crate::connect::Store;
use crate::error::StoreError;
use quittance_domain::id::Mode;
use quittance_domain::object::Kind;

/// Filter of objects. At least one of `customer`, `metadata` and `kind` is set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ObjectFilter {
    /// Objects of this customer, and the customer.
    pub customer: Option<String>,
    /// Objects whose metadata have this key with this value.
    pub metadata: Option<(String, String)>,
    /// Objects of this kind.
    pub kind: Option<Kind>,
    /// The connected account; empty for the platform's own account.
    pub account: Option<String>,
    /// Live or test.
    pub mode: Option<Mode>,
}

/// An entry of a list of objects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Found {
    /// The object's id and scope.
    #[serde(flatten)]
    pub key: ObjectKey,
    /// Its status by the state machine; null for a kind without one.
    pub status: Option<String>,
    /// Whether it is deleted at Stripe.
    pub deleted: bool,
    /// Its customer.
    pub customer: Option<String>,
    /// Its amount in the currency's smallest unit, if it has one.
    pub amount: Option<i64>,
    /// Its currency, if it has one.
    pub currency: Option<String>,
    /// When Stripe created it.
    #[serde(with = "time::serde::rfc3339::option")]
    pub created: Option<OffsetDateTime>,
    /// When it was last fetched, by Stripe's clock.
    #[serde(with = "time::serde::rfc3339")]
    pub observed_at: OffsetDateTime,
    /// When it was last written.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
    /// Version of the row; incremented by each write.
    pub version: i64,
}

/// Its columns.
struct Record {
    kind: String,
    id: String,
    account: String,
    livemode: bool,
    status: Option<String>,
    deleted: bool,
    customer: Option<String>,
    amount: Option<i64>,
    currency: Option<String>,
    created: Option<OffsetDateTime>,
    observed_at: OffsetDateTime,
    updated_at: OffsetDateTime,
    version: i64,
}

impl From<Record> for Found {
    fn from(r: Record) -> Self {
        let Record { kind, id, account, livemode, .. } = r;
        Self {
            key: ObjectKey { kind, id, account, livemode },
            status: r.status,
            deleted: r.deleted,
            customer: r.customer,
            amount: r.amount,
            currency: r.currency,
            created: r.created,
            observed_at: r.observed_at,
            updated_at: r.updated_at,
            version: r.version,
        }
    }
}

/// Kinds with an index on their customer.
fn knows_customer(kind: Kind) -> bool {
    match kind {
        Kind::Customer
        | Kind::PaymentIntent
        | Kind::Charge
        | Kind::SetupIntent
        | Kind::CheckoutSession
        | Kind::PaymentMethod
        | Kind::Subscription
        | Kind::SubscriptionSchedule
        | Kind::Invoice => true,
        Kind::Refund
        | Kind::Dispute
        | Kind::Payout
        | Kind::Account
        | Kind::Product
        | Kind::Price
        | Kind::Mirrored(_) => false,
    }
}

/// Kinds with an index on their metadata.
fn knows_metadata(kind: Kind) -> bool {
    match kind {
        Kind::Customer
        | Kind::PaymentIntent
        | Kind::SetupIntent
        | Kind::CheckoutSession
        | Kind::PaymentMethod
        | Kind::Subscription
        | Kind::Invoice
        | Kind::Product => true,
        Kind::Charge
        | Kind::Refund
        | Kind::Dispute
        | Kind::Payout
        | Kind::Account
        | Kind::Price
        | Kind::SubscriptionSchedule
        | Kind::Mirrored(_) => false,
    }
}

impl Store {
    /// Lists objects, up to a limit. By customer or metadata: the last created first. By kind alone, or for a kind
    /// without an index for the filter: by descending id. Without a kind, only kinds with such an index are
    /// searched. `after` is the last object of the previous page.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn find_objects(
        &self,
        filter: &ObjectFilter,
        after: Option<&ObjectKey>,
        limit: u32,
    ) -> Result<Vec<Found>, StoreError> {
        let metadata = filter.metadata.as_ref().map(|(key, value)| {
            let mut pair = serde_json::Map::new();
            pair.insert(key.clone(), json!(value));
            Value::Object(pair)
        });
        let records = match (&filter.customer, &metadata, filter.kind) {
            (Some(customer), _, kind) if kind.is_none_or(knows_customer) => {
                self.of_customer(filter, customer, metadata.as_ref(), after, limit).await?
            }
            (_, Some(metadata), kind) if kind.is_none_or(knows_metadata) => {
                self.with_metadata(filter, metadata, after, limit).await?
            }
            (_, _, Some(kind)) => {
                self.of_kind(filter, kind, metadata.as_ref(), after, limit).await?
            }
            (_, _, None) => Vec::new(),
        };
        Ok(records.into_iter().map(Found::from).collect())
    }

    async fn of_customer(
        &self,
        filter: &ObjectFilter,
        customer: &str,
        metadata: Option<&Value>,
        after: Option<&ObjectKey>,
        limit: u32,
    ) -> Result<Vec<Record>, StoreError> {
        let query = sqlx::query_file_as!(
            Record,
            "src/object/of_customer.sql",
            customer,
            metadata,
            filter.kind.map(Kind::as_str),
            filter.account.as_deref(),
            filter.mode.map(Mode::is_live),
            after.map(|key| key.kind.as_str()),
            after.map(|key| key.id.as_str()),
            after.map(|key| key.account.as_str()),
            after.map(|key| key.livemode),
            i64::from(limit),
        );
        self.planned_anew(query).await
    }

    async fn with_metadata(
        &self,
        filter: &ObjectFilter,
        metadata: &Value,
        after: Option<&ObjectKey>,
        limit: u32,
    ) -> Result<Vec<Record>, StoreError> {
        let query = sqlx::query_file_as!(
            Record,
            "src/object/with_metadata.sql",
            metadata,
            filter.customer.as_deref(),
            filter.kind.map(Kind::as_str),
            filter.account.as_deref(),
            filter.mode.map(Mode::is_live),
            after.map(|key| key.kind.as_str()),
            after.map(|key| key.id.as_str()),
            after.map(|key| key.account.as_str()),
            after.map(|key| key.livemode),
            i64::from(limit),
        );
        self.planned_anew(query).await
    }

    async fn of_kind(
        &self,
        filter: &ObjectFilter,
        kind: Kind,
        metadata: Option<&Value>,
        after: Option<&ObjectKey>,
        limit: u32,
    ) -> Result<Vec<Record>, StoreError> {
        let query = sqlx::query_file_as!(
            Record,
            "src/object/of_kind.sql",
            kind.as_str(),
            filter.customer.as_deref(),
            metadata,
            filter.account.as_deref(),
            filter.mode.map(Mode::is_live),
            after.map(|key| key.id.as_str()),
            after.map(|key| key.account.as_str()),
            after.map(|key| key.livemode),
            i64::from(limit),
        );
        self.planned_anew(query).await
    }
}

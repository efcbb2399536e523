//! Reads of one object: its row, and the attempt that wrote it.

use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::columns;
use crate::connect::Store;
use crate::error::StoreError;
use quittance_domain::id::{AccountId, Mode, Scope, from_url_segment, url_segment};
use quittance_domain::mirror::Parent;
use quittance_domain::object::{Kind, Subject};

/// Key of an object: kind, id, account and mode.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, ToSchema)]
pub struct ObjectKey {
    /// Stripe's `object`.
    pub kind: String,
    /// Stripe's id.
    pub id: String,
    /// The connected account; empty for the platform's own account.
    pub account: String,
    /// Live or test.
    pub livemode: bool,
}

/// Name of the platform's own account in cursors.
const OWN: &str = "own";

impl From<&Subject> for ObjectKey {
    fn from(subject: &Subject) -> Self {
        Self {
            kind: subject.kind.as_str().to_owned(),
            id: subject.id.as_str().to_owned(),
            account: columns::account(&subject.scope).to_owned(),
            livemode: subject.scope.mode.is_live(),
        }
    }
}

impl ObjectKey {
    /// The object as the reconciler names it; `None` for a kind that is not handled. `owner` is its parent, for kinds
    /// that cannot be fetched without it.
    #[must_use]
    pub fn subject(&self, owner: Option<Parent>) -> Option<Subject> {
        let account = match self.account.as_str() {
            "" => None,
            account => Some(AccountId::parse(account).ok()?),
        };
        let kind = Kind::parse(&self.kind)?;
        Some(Subject {
            scope: Scope { account, mode: Mode::from_livemode(self.livemode) },
            kind,
            id: kind.parse_id(&self.id).ok()?,
            owner,
        })
    }

    /// The object as the cursor of a list: `KIND/ACCOUNT/MODE/ID`, with `own` for the platform's own account and
    /// the id percent-encoded.
    #[must_use]
    pub fn cursor(&self) -> String {
        let account = if self.account.is_empty() { OWN } else { &self.account };
        let mode = Mode::from_livemode(self.livemode);
        format!("{}/{account}/{mode}/{}", self.kind, url_segment(&self.id))
    }

    /// Parses a [`Self::cursor`].
    #[must_use]
    pub fn from_cursor(text: &str) -> Option<Self> {
        let mut parts = text.splitn(4, '/');
        let (kind, account) = (parts.next()?, parts.next()?);
        let livemode = match parts.next()? {
            "live" => true,
            "test" => false,
            _ => return None,
        };
        let account = if account == OWN { "" } else { account };
        let id = from_url_segment(parts.next()?)?;
        Some(Self { kind: kind.into(), id: id.into(), account: account.into(), livemode })
    }

    /// Its name in the audit log.
    #[must_use]
    pub fn target(&self) -> String {
        format!("object:{}", self.id)
    }
}

/// The current row of an object.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ObjectRow {
    /// Key of the object.
    #[serde(flatten)]
    pub key: ObjectKey,
    /// Version of the row; incremented by each write.
    pub version: i64,
    /// When the fetch of this version started, by Stripe's clock, rounded down to the second.
    #[serde(with = "time::serde::rfc3339")]
    pub observed_at: OffsetDateTime,
    /// When this version was written.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
    /// Whether the object is deleted at Stripe; then the other fields are its last known state.
    pub deleted: bool,
    /// Its status by the state machine; null for a kind without one.
    pub status: Option<String>,
    /// The event that caused the fetch; null if an operator or a command caused it, and for rows that were upgraded.
    pub cause: Option<String>,
    /// Its redacted JSON.
    #[schema(value_type = Option<Object>)]
    pub data: Option<Value>,
}

/// The row of an object in `app`.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct TypedRow {
    /// The table: `app.payments`.
    pub table: String,
    /// Its columns.
    #[schema(value_type = Object)]
    pub columns: Value,
}

/// The attempt that wrote a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Origin {
    /// The event that caused the fetch.
    pub event: String,
    /// Its type.
    pub event_type: Option<String>,
    /// When the attempt started.
    #[serde(with = "time::serde::rfc3339")]
    pub started_at: OffsetDateTime,
    /// The worker that made it.
    pub worker: String,
    /// Stripe's `Request-Id` of the fetch.
    pub request_id: Option<String>,
    /// The trace that it is part of.
    pub trace_id: Option<String>,
}

impl Store {
    /// Reads the rows of all objects with this id and one of these kinds, in the given account and mode or in all of
    /// them.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn objects_named(
        &self,
        kinds: &[Kind],
        id: &str,
        account: Option<&str>,
        mode: Option<Mode>,
    ) -> Result<Vec<ObjectRow>, StoreError> {
        let kinds: Vec<String> = kinds.iter().map(|kind| kind.as_str().to_owned()).collect();
        let rows = sqlx::query!(
            r#"
            SELECT kind, id, account, livemode, version, observed_at, updated_at, deleted,
                   recorded ->> 'status' AS status, cause, data
            FROM quittance.objects
            WHERE kind = ANY ($1) AND id = $2
              AND ($3::text IS NULL OR account = $3) AND ($4::boolean IS NULL OR livemode = $4)
            ORDER BY array_position($1, kind), account, livemode DESC
            "#,
            &kinds,
            id,
            account,
            mode.map(Mode::is_live),
        )
        .fetch_all(&self.pool)
        .await?;
        let rows = rows.into_iter().map(|row| ObjectRow {
            key: ObjectKey {
                kind: row.kind,
                id: row.id,
                account: row.account,
                livemode: row.livemode,
            },
            version: row.version,
            observed_at: row.observed_at,
            updated_at: row.updated_at,
            deleted: row.deleted,
            status: row.status,
            cause: row.cause,
            data: row.data,
        });
        Ok(rows.collect())
    }

    /// Lists the objects with this id that events name, whether processed, dead-lettered or still in the queue. For
    /// objects without a row.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn objects_spoken_of(
        &self,
        id: &str,
        account: Option<&str>,
        mode: Option<Mode>,
    ) -> Result<Vec<ObjectKey>, StoreError> {
        Ok(sqlx::query_as!(
            ObjectKey,
            r#"
            SELECT DISTINCT object_kind AS "kind!", object_id AS "id!", account AS "account!",
                   livemode AS "livemode!"
            FROM (
                SELECT object_kind, object_id, account, livemode
                FROM quittance.events WHERE object_id = $1
                UNION ALL
                SELECT object_kind, object_id, account, livemode
                FROM quittance.attempts WHERE object_id = $1
            ) AS spoken
            WHERE object_kind IS NOT NULL AND account IS NOT NULL AND livemode IS NOT NULL
              AND ($2::text IS NULL OR account = $2) AND ($3::boolean IS NULL OR livemode = $3)
            ORDER BY 1, 2, 3, 4
            "#,
            id,
            account,
            mode.map(Mode::is_live),
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// Reads the row in `app` of an object; `None` for a mirrored kind, and if there is no row.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn typed_row(&self, key: &ObjectKey) -> Result<Option<TypedRow>, StoreError> {
        let found = sqlx::query!(
            r#"
            SELECT k.app_table::text AS "table!", quittance.typed_row($1, $2, $3, $4) AS columns
            FROM quittance.kinds AS k WHERE k.kind = $3
            "#,
            key.account,
            key.livemode,
            key.kind,
            key.id,
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(found.and_then(|row| Some(TypedRow { table: row.table, columns: row.columns? })))
    }

    /// Reads the attempt that wrote the version that an event caused.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn origin(&self, event: &str) -> Result<Option<Origin>, StoreError> {
        Ok(sqlx::query_as!(
            Origin,
            r#"
            SELECT a.event_id AS event, e.type AS "event_type?", a.started_at, a.worker,
                   a.request_id, a.trace_id
            FROM quittance.attempts AS a
            LEFT JOIN quittance.events AS e ON e.id = a.event_id
            WHERE a.event_id = $1 AND a.outcome NOT IN ('failed', 'dead')
            ORDER BY a.id DESC
            LIMIT 1
            "#,
            event,
        )
        .fetch_optional(&self.pool)
        .await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_a_list_is_a_text_and_back() {
        for (account, livemode, id, cursor) in [
            ("", false, "pi_1", "payment_intent/own/test/pi_1"),
            ("acct_1", true, "a/b own\u{fc}", "payment_intent/acct_1/live/a%2Fb%20own%C3%BC"),
        ] {
            let (kind, account) = ("payment_intent".to_owned(), account.to_owned());
            let key = ObjectKey { kind, id: id.to_owned(), account, livemode };
            assert_eq!(key.cursor(), cursor);
            assert_eq!(ObjectKey::from_cursor(cursor), Some(key));
        }
        for wrong in ["", "pi_1", "payment_intent/pi_1", "charge/own/x/ch_1", "charge/own/test"] {
            assert_eq!(ObjectKey::from_cursor(wrong), None, "{wrong}");
        }
    }
}

//! Compares a row with the object at Stripe. Writes nothing.

use serde::Serialize;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use utoipa::ToSchema;

use crate::domain::event::Event;
use crate::domain::failure::Failure;
use crate::domain::id::Mode;
use crate::domain::object::{Kind, Subject};
use crate::reconcile::{Fault, Looked, Reconciler};
use crate::store::object::{ObjectKey, ObjectRow, TypedRow};
use crate::store::{Change, NewState, Store, StoreError};

/// A field that differs.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Difference {
    /// Where: `status`, `last_payment_error.code`, `items.data[0].quantity`; a column of a table as
    /// `app.payments.status`, where it differs from the object's own JSON.
    pub field: String,
    /// What we have; null where it is missing.
    #[schema(value_type = Value)]
    pub ours: Value,
    /// What Stripe has; null where it is missing.
    #[schema(value_type = Value)]
    pub stripes: Value,
}

/// Result of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The row is what Stripe says.
    Same,
    /// It is not.
    Different,
    /// We have no row.
    Unknown,
    /// Stripe says that the object is deleted, and we have it alive.
    Deleted,
    /// Our row says that the object is deleted, which is final: Stripe was not asked.
    Tombstone,
    /// The account took our access back: Stripe was not asked.
    Deauthorized,
}

impl Verdict {
    /// In a word or two, for people.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Same => "the row is what Stripe says",
            Self::Different => "the row is not what Stripe says",
            Self::Unknown => "there is no row yet",
            Self::Deleted => "Stripe says that it is deleted",
            Self::Tombstone => "the row is a tombstone, which is final; Stripe was not asked",
            Self::Deauthorized => "its account took our access back; Stripe was not asked",
        }
    }
}

/// A row and the truth beside each other.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Comparison {
    /// Which object.
    pub object: ObjectKey,
    /// What it comes to.
    pub verdict: Verdict,
    /// The version of our row.
    pub version: Option<i64>,
    /// Stripe's clock when our row was fetched.
    #[serde(with = "time::serde::rfc3339::option")]
    pub observed_at: Option<OffsetDateTime>,
    /// Stripe's clock now.
    #[serde(with = "time::serde::rfc3339::option")]
    pub looked_at: Option<OffsetDateTime>,
    /// Stripe's `Request-Id` of this look.
    pub request_id: Option<String>,
    /// Our status.
    pub status: Option<String>,
    /// The status by what Stripe says.
    pub new_status: Option<String>,
    /// Whether our state machine thinks that change impossible. It would be applied all the same.
    pub anomalous: bool,
    /// The fields that differ. What is never stored is not compared.
    pub differences: Vec<Difference>,
    /// The notifications that a reconciliation would send.
    pub would_notify: Vec<String>,
}

/// An object could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// Stripe, or Postgres on the way there.
    #[error("{}", .0.failure.message())]
    Look(Box<Fault>),
    /// Postgres.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl LookError {
    /// What failed, where it was the look: another one may work.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Look(fault) => Some(&fault.failure),
            Self::Store(_) => None,
        }
    }
}

impl From<Fault> for LookError {
    fn from(fault: Fault) -> Self {
        Self::Look(Box::new(fault))
    }
}

/// Asks Stripe about an object and says what a reconciliation would change, because of `event` or of
/// none. Writes nothing.
///
/// # Errors
/// Stripe or Postgres.
pub async fn compare(
    store: &Store,
    reconciler: &Reconciler,
    subject: &Subject,
    event: Option<&Event>,
) -> Result<Comparison, LookError> {
    let object = ObjectKey::from(subject);
    let row = current(store, &object).await?;
    let looked = reconciler.look(subject, event).await.map_err(LookError::from)?;
    let mut comparison = Comparison {
        verdict: Verdict::Same,
        version: row.as_ref().map(|row| row.version),
        observed_at: row.as_ref().map(|row| row.observed_at),
        looked_at: None,
        request_id: None,
        status: row.as_ref().and_then(|row| row.status.clone()),
        new_status: None,
        anomalous: false,
        differences: Vec::new(),
        would_notify: Vec::new(),
        object,
    };
    match looked {
        Looked::Buried => comparison.verdict = Verdict::Tombstone,
        Looked::Deauthorized => comparison.verdict = Verdict::Deauthorized,
        Looked::Seen { change, request_id } => {
            comparison.request_id = request_id;
            let typed = store.typed_row(&comparison.object).await?;
            seen(&mut comparison, store, row.as_ref(), typed, *change);
        }
    }
    Ok(comparison)
}

/// The row of an object by its whole name.
pub(super) async fn current(
    store: &Store,
    key: &ObjectKey,
) -> Result<Option<ObjectRow>, StoreError> {
    let kinds: Vec<_> = Kind::parse(&key.kind).into_iter().collect();
    let mode = Mode::from_livemode(key.livemode);
    let rows = store.objects_named(&kinds, &key.id, Some(&key.account), Some(mode)).await?;
    Ok(rows.into_iter().next())
}

fn seen(
    comparison: &mut Comparison,
    store: &Store,
    row: Option<&ObjectRow>,
    typed: Option<TypedRow>,
    change: Change,
) {
    comparison.looked_at = OffsetDateTime::from_unix_timestamp(change.observed_at).ok();
    match &change.state {
        NewState::Deleted => comparison.verdict = Verdict::Deleted,
        NewState::Present { transition, notifications, .. } => {
            comparison.anomalous = transition.kind.as_str() == "anomalous";
            comparison.would_notify =
                notifications.iter().map(|it| it.topic.as_str().to_owned()).collect();
            let would = store.would_write(change);
            comparison.new_status = would.status;
            let ours = row.and_then(|row| row.data.as_ref());
            if let (Some(ours), Some(stripes)) = (ours, &would.data) {
                comparison.differences = difference(ours, stripes);
            }
            if let (Some(TypedRow { table, columns: ours }), Some(stripes)) =
                (&typed, &would.columns)
            {
                comparison.differences.extend(columns(table, ours, stripes));
            }
            comparison.verdict = match (row, comparison.differences.is_empty()) {
                (None, _) => Verdict::Unknown,
                (Some(_), true) => Verdict::Same,
                (Some(_), false) => Verdict::Different,
            };
        }
    }
}

/// The fields in which two documents differ, in the order of their names. A field that is null and
/// one that is missing are the same.
#[must_use]
pub fn difference(ours: &Value, stripes: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    walk(String::new(), ours, stripes, &mut found);
    found
}

fn walk(field: String, ours: &Value, stripes: &Value, found: &mut Vec<Difference>) {
    match (ours, stripes) {
        (Value::Object(mine), Value::Object(theirs)) => {
            let mut names: Vec<&String> = mine.keys().chain(theirs.keys()).collect();
            names.sort_unstable();
            names.dedup();
            for name in names {
                let path = if field.is_empty() { name.clone() } else { format!("{field}.{name}") };
                walk(path, &ours[name], &stripes[name], found);
            }
        }
        (Value::Array(mine), Value::Array(theirs)) => {
            for at in 0..mine.len().max(theirs.len()) {
                walk(format!("{field}[{at}]"), &ours[at], &stripes[at], found);
            }
        }
        (ours, stripes) if ours == stripes => {}
        (ours, stripes) => {
            found.push(Difference { field, ours: ours.clone(), stripes: stripes.clone() });
        }
    }
}

/// The columns that are not what would be written. They are made of the JSON, so they differ from
/// it only when another program wrote to them.
fn columns(table: &str, ours: &Value, stripes: &Map<String, Value>) -> Vec<Difference> {
    // What names the row, and what each write raises.
    const OWN: &[&str] = &["id", "account", "livemode", "version", "observed_at"];
    let mut found = Vec::new();
    for (name, theirs) in stripes.iter().filter(|(name, _)| !OWN.contains(&name.as_str())) {
        let Some(mine) = ours.get(name) else { continue };
        if !same_column(mine, theirs) {
            let field = format!("{table}.{name}");
            found.push(Difference { field, ours: mine.clone(), stripes: theirs.clone() });
        }
    }
    found
}

/// A time is a number on its way into a column, and a text on its way out.
fn same_column(ours: &Value, stripes: &Value) -> bool {
    match (ours, stripes) {
        (Value::String(text), Value::Number(number)) => OffsetDateTime::parse(text, &Rfc3339)
            .is_ok_and(|at| Some(at.unix_timestamp()) == number.as_i64()),
        (ours, stripes) => ours == stripes,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_difference_names_the_field_and_both_sides() {
        let ours = json!({"status": "processing", "a": {"b": [1, 2], "same": 1}, "gone": true});
        let theirs = json!({"status": "succeeded", "a": {"b": [1, 3, 4], "same": 1}, "new": "x"});
        let found = difference(&ours, &theirs);
        let lines: Vec<_> =
            found.iter().map(|d| format!("{} {} {}", d.field, d.ours, d.stripes)).collect();
        assert_eq!(
            lines,
            [
                "a.b[1] 2 3",
                "a.b[2] null 4",
                "gone true null",
                "new null \"x\"",
                "status \"processing\" \"succeeded\"",
            ]
        );
    }

    #[test]
    fn what_is_missing_and_what_is_null_are_the_same() {
        assert_eq!(difference(&json!({"a": null}), &json!({})), []);
    }

    #[test]
    fn a_column_that_another_program_wrote_is_found() {
        let row = json!({"status": "canceled", "canceled_at": "1970-01-01T00:01:40+00:00"});
        let truth = json!({"status": "succeeded", "canceled_at": 100, "version": 5});
        let Value::Object(truth) = truth else { panic!("an object") };
        let found = columns("app.payments", &row, &truth);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].field, "app.payments.status");
    }
}

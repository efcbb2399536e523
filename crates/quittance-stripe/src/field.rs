//! From Stripe's values to those of the domain, field by field.

use std::collections::HashMap;
use std::fmt::Display;

use serde_json::Value;
use stripe_types::{Expandable, Object};

use crate::domain::id::{AccountId, ObjectId};
use crate::domain::money::Currency;
use crate::domain::transition;

use super::error::StripeError;

/// A value that the rules do not know, and where it stands.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unfit {
    field: &'static str,
    value: String,
    problem: String,
}

impl Unfit {
    fn new(field: &'static str, value: &str, problem: impl Display) -> Self {
        // These fields hold short words and ids; whatever is longer is none of them.
        let value = value.chars().take(64).collect();
        Self { field, value, problem: problem.to_string() }
    }

    pub(crate) fn into_error(self, request_id: Option<&str>) -> StripeError {
        let Self { field, value, problem } = self;
        let request_id = request_id.map(str::to_owned);
        StripeError::UnknownValue { field, value, problem, request_id }
    }
}

/// A status. One that Stripe added later has no place in the state machine, so nobody can say what
/// it means: the job waits among the dead letters for a version that knows it.
pub(crate) fn status<S: transition::Status>(field: &'static str, text: &str) -> Result<S, Unfit> {
    S::parse(text).ok_or_else(|| unknown_status(field, text))
}

/// The fault of a status that has no place in the rules.
pub(crate) fn unknown_status(field: &'static str, text: &str) -> Unfit {
    Unfit::new(field, text, "a status that this version does not know")
}

pub(crate) fn currency(
    field: &'static str,
    currency: &stripe_types::Currency,
) -> Result<Currency, Unfit> {
    let text = currency.to_string();
    Currency::parse(&text).map_err(|error| Unfit::new(field, &text, error))
}

/// The id of something that may have been expanded.
pub(crate) fn id_text<T>(it: Option<&Expandable<T>>) -> Option<&str>
where
    T: Object,
    T::Id: AsRef<str>,
{
    it.map(|it| it.id().as_ref())
}

pub(crate) fn object_id(
    field: &'static str,
    text: Option<&str>,
) -> Result<Option<ObjectId>, Unfit> {
    text.map(|text| ObjectId::parse(text).map_err(|error| Unfit::new(field, text, error)))
        .transpose()
}

/// The id of something that is always there.
pub(crate) fn required_id(field: &'static str, text: &str) -> Result<ObjectId, Unfit> {
    ObjectId::parse(text).map_err(|error| Unfit::new(field, text, error))
}

/// A number of things. Postgres has no unsigned integers.
pub(crate) fn count(field: &'static str, count: Option<u64>) -> Result<Option<i64>, Unfit> {
    let signed = |count: u64| {
        i64::try_from(count).map_err(|error| Unfit::new(field, &count.to_string(), error))
    };
    count.map(signed).transpose()
}

/// Puts a field where there is none: for answers of an older shape.
pub(crate) fn fill(object: &mut Value, key: &str, value: impl FnOnce() -> Value) {
    if let Some(fields) = object.as_object_mut() {
        fields.entry(key).or_insert_with(value);
    }
}

pub(crate) fn account_id(
    field: &'static str,
    text: Option<&str>,
) -> Result<Option<AccountId>, Unfit> {
    text.map(|text| AccountId::parse(text).map_err(|error| Unfit::new(field, text, error)))
        .transpose()
}

/// Metadata in a fixed order, so that equal metadata are equal.
pub(crate) fn metadata(map: HashMap<String, String>) -> Vec<(String, String)> {
    let mut pairs: Vec<_> = map.into_iter().collect();
    pairs.sort_unstable();
    pairs
}

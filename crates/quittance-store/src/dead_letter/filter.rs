//! Filter of dead letters.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};

use super::group_key::GroupKey;
use super::id::DeadLetterId;
use super::state::{DeadLetterReason, DeadLetterSource, DeadLetterState};

/// Filter of dead letters: all fields that are set must match; without any, all dead letters match.
/// `quittance.letters_where` defines the meaning of each field.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Dead letters with these numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ids: Option<Vec<DeadLetterId>>,
    /// Dead letters of this group.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub group: Option<GroupKey>,
    /// Dead letters in this state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<DeadLetterState>,
    /// Events, or deliveries of notifications.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<DeadLetterSource>,
    /// Events of this type, or notifications of this topic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_type: Option<String>,
    /// Dead letters of objects of this kind: `payment_intent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object_kind: Option<String>,
    /// Dead letters of this object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object_id: Option<String>,
    /// Dead letters of this customer and its objects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    /// Dead letters of this connected account; empty: of the platform's own account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Dead letters of live or of test mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub livemode: Option<bool>,
    /// Dead letters of this webhook endpoint, or of this destination.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Dead letters with this reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<DeadLetterReason>,
    /// Dead letters whose last failure has this class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Dead letters whose last failure has this code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Dead letters whose message contains this text, in any case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Dead letters last dead-lettered before this time.
    #[serde(skip_serializing_if = "Option::is_none", with = "time::serde::rfc3339::option")]
    pub older_than: Option<OffsetDateTime>,
    /// Dead letters last dead-lettered after this time.
    #[serde(skip_serializing_if = "Option::is_none", with = "time::serde::rfc3339::option")]
    pub newer_than: Option<OffsetDateTime>,
    /// Dead letters with at least this many attempts in total.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_attempts: Option<i32>,
}

impl Filter {
    /// Open dead letters.
    #[must_use]
    pub fn open() -> Self {
        Self { state: Some(DeadLetterState::Open), ..Self::default() }
    }

    /// Dead letters with these numbers.
    #[must_use]
    pub fn of(ids: &[DeadLetterId]) -> Self {
        Self { ids: Some(ids.to_vec()), ..Self::default() }
    }

    /// Whether a field other than the state is set.
    #[must_use]
    pub fn is_narrow(&self) -> bool {
        Self { state: None, ..self.clone() } != Self::default()
    }

    /// As `quittance.letters_where` takes it.
    pub(crate) fn to_json(&self) -> Value {
        // Serializing this type cannot fail.
        let mut json = serde_json::to_value(self).unwrap_or_default();
        if let (Some(group), Some(fields)) = (&self.group, json.as_object_mut()) {
            fields.remove("group");
            fields.insert("fingerprint".to_owned(), group.fingerprint.as_str().into());
            match &group.event_type {
                Some(event_type) => {
                    fields.insert("event_type".to_owned(), event_type.as_str().into())
                }
                None => fields.insert("untyped".to_owned(), true.into()),
            };
        }
        json
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_says_only_what_was_asked_for_and_comes_back_from_its_text() {
        assert_eq!(serde_json::to_string(&Filter::default()).unwrap(), "{}");
        let filter = Filter {
            ids: Some(vec![DeadLetterId(3)]),
            group: Some("0a1b2c3d4e5f:charge.failed".parse().unwrap()),
            state: Some(DeadLetterState::Snoozed),
            livemode: Some(false),
            older_than: Some(OffsetDateTime::UNIX_EPOCH),
            ..Filter::default()
        };
        let text = serde_json::to_string(&filter).unwrap();
        assert_eq!(serde_json::from_str::<Filter>(&text).unwrap(), filter, "{text}");
        assert!(serde_json::from_str::<Filter>(r#"{"colour":"red"}"#).is_err());
    }

    #[test]
    fn a_group_becomes_the_two_columns_that_it_is_made_of() {
        let of = |key: &str| {
            let filter = Filter { group: Some(key.parse().unwrap()), ..Filter::default() };
            filter.to_json()
        };
        assert_eq!(
            of("0a1b2c3d4e5f:charge.failed"),
            serde_json::json!({"fingerprint": "0a1b2c3d4e5f", "event_type": "charge.failed"})
        );
        assert_eq!(
            of("0a1b2c3d4e5f:-"),
            serde_json::json!({"fingerprint": "0a1b2c3d4e5f", "untyped": true})
        );
    }
}

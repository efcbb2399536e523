//! Names of groups of dead letters.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::{PartialSchema, ToSchema};

/// Placeholder for the type of an event that could not be read.
const UNTYPED: &str = "-";

/// Name of a group: its fingerprint and type of event, `0a1b2c3d4e5f:payment_intent.succeeded`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GroupKey {
    /// Fingerprint of the cause.
    pub fingerprint: String,
    /// The type of event, or the topic; `None` if it could not be read.
    pub event_type: Option<String>,
}

/// Error for a text that is no name of a group.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a group is named by fingerprint and type, 0a1b2c3d4e5f:payment_intent.succeeded")]
pub struct GroupKeyError;

impl fmt::Display for GroupKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.fingerprint, self.event_type.as_deref().unwrap_or(UNTYPED))
    }
}

impl FromStr for GroupKey {
    type Err = GroupKeyError;

    fn from_str(text: &str) -> Result<Self, GroupKeyError> {
        let (fingerprint, event_type) = text.split_once(':').ok_or(GroupKeyError)?;
        if fingerprint.is_empty() || event_type.is_empty() {
            return Err(GroupKeyError);
        }
        let event_type = Some(event_type).filter(|it| *it != UNTYPED).map(str::to_owned);
        Ok(Self { fingerprint: fingerprint.to_owned(), event_type })
    }
}

impl TryFrom<String> for GroupKey {
    type Error = GroupKeyError;

    fn try_from(text: String) -> Result<Self, GroupKeyError> {
        text.parse()
    }
}

impl From<GroupKey> for String {
    fn from(key: GroupKey) -> Self {
        key.to_string()
    }
}

// In the API it is a string.
impl PartialSchema for GroupKey {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        String::schema()
    }
}

impl ToSchema for GroupKey {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_comes_back_from_its_name() {
        for name in ["0a1b2c3d4e5f:payment_intent.succeeded", "0a1b2c3d4e5f:-"] {
            assert_eq!(name.parse::<GroupKey>().unwrap().to_string(), name);
        }
        for wrong in ["", "0a1b", ":x", "0a1b:"] {
            assert_eq!(wrong.parse::<GroupKey>(), Err(GroupKeyError), "{wrong}");
        }
    }
}

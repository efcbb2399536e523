//! Events in attempts and dead letters, which may not have been readable.

use sha2::{Digest as _, Sha256};

use quittance_domain::event::{Event, Timestamp, is_storable_time};
use quittance_domain::id::Scope;

/// An event that may not have been readable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadEvent {
    /// Its id; [`DeadEvent::unreadable`] makes one for a body without an id.
    pub key: String,
    /// Its type.
    pub event_type: Option<String>,
    /// API version of its snapshot.
    pub api_version: Option<String>,
    /// Its account and mode.
    pub scope: Option<Scope>,
    /// When Stripe created it.
    pub created: Option<Timestamp>,
    /// Stripe's `object`.
    pub object_kind: Option<String>,
    /// The object's id.
    pub object_id: Option<String>,
}

impl DeadEvent {
    /// Creates the event of a body without a readable id. Its id is the hash of the body, so that the same body is one
    /// dead letter however often it is received.
    #[must_use]
    pub fn unreadable(body: &[u8]) -> Self {
        Self {
            key: format!("sha256:{}", sha256(body)),
            event_type: None,
            api_version: None,
            scope: None,
            created: None,
            object_kind: None,
            object_id: None,
        }
    }
}

/// Longest text that is certain to fit into an index.
const LONGEST: usize = 255;

/// Converts a text to one that Postgres and its indexes can store.
pub(crate) fn storable_text(text: &str) -> String {
    text.replace('\0', "\u{fffd}").chars().take(LONGEST).collect()
}

impl DeadEvent {
    /// Converts the values to ones that Postgres can store: an unreadable event may contain anything.
    pub(crate) fn storable(&self) -> Self {
        let text = |text: &String| storable_text(text);
        Self {
            key: text(&self.key),
            event_type: self.event_type.as_ref().map(text),
            api_version: self.api_version.as_ref().map(text),
            scope: self.scope.clone(),
            created: self.created.filter(|at| is_storable_time(*at)),
            object_kind: self.object_kind.as_ref().map(text),
            object_id: self.object_id.as_ref().map(text),
        }
    }
}

impl From<&Event> for DeadEvent {
    fn from(event: &Event) -> Self {
        let about = event.about.as_ref();
        Self {
            key: event.id.as_str().to_owned(),
            event_type: Some(event.event_type.to_string()),
            api_version: event.api_version.as_deref().map(str::to_owned),
            scope: Some(event.scope.clone()),
            created: Some(event.created),
            object_kind: about.map(|about| about.object.to_string()),
            object_id: about.and_then(|about| about.id.as_ref()).map(|id| id.as_str().to_owned()),
        }
    }
}

/// The SHA-256 of a body, in hexadecimal.
pub(crate) fn sha256(body: &[u8]) -> String {
    hex::encode(Sha256::digest(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unreadable_body_has_one_key() {
        assert_eq!(
            DeadEvent::unreadable(b"abc").key,
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}

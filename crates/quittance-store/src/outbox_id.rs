//! The stable ids of what the outbox tells: they follow from the fact, so a fact has one id
//! however often, and by whomever, it is told.

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::domain::id::EventId;
use crate::domain::notification::Topic;
use crate::domain::object::Subject;

use super::columns::account;

/// Of a state fact: the change of one object to one version makes it true once.
pub(super) fn of_state(subject: &Subject, version: i64, topic: Topic) -> Uuid {
    hash(&[
        "state",
        account(&subject.scope),
        subject.scope.mode.as_str(),
        subject.kind.as_str(),
        subject.id.as_str(),
        &version.to_string(),
        topic.as_str(),
    ])
}

/// Of an occurrence: one event tells it once.
pub(super) fn of_occurrence(event: &EventId, topic: Topic) -> Uuid {
    hash(&["occurrence", event.as_str(), topic.as_str()])
}

fn hash(parts: &[&str]) -> Uuid {
    // No part can hold a line break: ids are printable, the rest are words of ours.
    let digest: [u8; 32] = Sha256::digest(parts.join("\n")).into();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    // Version 8: "made by a rule of our own" (RFC 9562).
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::{Mode, ObjectId, Scope};
    use crate::domain::object::Kind;

    fn subject(id: &str) -> Subject {
        let scope = Scope { account: None, mode: Mode::Live };
        Subject { scope, kind: Kind::PaymentIntent, id: ObjectId::parse(id).unwrap(), owner: None }
    }

    #[test]
    fn the_id_of_a_fact_never_changes() {
        // Consumers keep these ids to deduplicate by. Computed with another program.
        assert_eq!(
            of_state(&subject("pi_1"), 3, Topic::PaymentSucceeded).to_string(),
            "355bfc5e-7dcc-8f66-84bc-5ddd5d3d0584"
        );
        assert_eq!(
            of_occurrence(&EventId::parse("evt_1").unwrap(), Topic::PaymentAttemptFailed)
                .to_string(),
            "45485f4d-6262-8ef0-9918-f927b53697ef"
        );
    }

    #[test]
    fn another_version_or_topic_or_object_is_another_fact() {
        let ids = [
            of_state(&subject("pi_1"), 3, Topic::PaymentSucceeded),
            of_state(&subject("pi_1"), 4, Topic::PaymentSucceeded),
            of_state(&subject("pi_2"), 3, Topic::PaymentSucceeded),
            of_state(&subject("pi_1"), 3, Topic::PaymentCanceled),
        ];
        let distinct: std::collections::HashSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len());
    }
}

//! Stable ids of notifications. An id is derived from what the notification says, so it is the same however
//! often, and by whichever worker, the notification is written.

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use quittance_domain::event::Timestamp;
use quittance_domain::id::EventId;
use quittance_domain::notification::Topic;
use quittance_domain::object::Subject;

use super::columns::account;

/// The id of a state notification: the change of one object to one version makes it true once.
///
/// It includes the time of the observation, because the same version number is assigned again after an older
/// backup was restored, perhaps to another state; with the same id, a consumer would take it for a duplicate.
pub(super) fn of_state(
    subject: &Subject,
    version: i64,
    observed_at: Timestamp,
    topic: Topic,
) -> Uuid {
    hash(&[
        "state",
        account(&subject.scope),
        subject.scope.mode.as_str(),
        subject.kind.as_str(),
        subject.id.as_str(),
        &version.to_string(),
        &observed_at.to_string(),
        topic.as_str(),
    ])
}

/// The id of an occurrence: there is one for each event.
pub(super) fn of_occurrence(event: &EventId, topic: Topic) -> Uuid {
    hash(&["occurrence", event.as_str(), topic.as_str()])
}

fn hash(parts: &[&str]) -> Uuid {
    // No part can contain a line break: ids are printable, the rest are constants.
    let digest: [u8; 32] = Sha256::digest(parts.join("\n")).into();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    // Version 8: vendor-specific (RFC 9562).
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;
    use quittance_domain::id::{Mode, ObjectId, Scope};
    use quittance_domain::object::Kind;

    fn subject(id: &str) -> Subject {
        let scope = Scope { account: None, mode: Mode::Live };
        Subject { scope, kind: Kind::PaymentIntent, id: ObjectId::parse(id).unwrap(), owner: None }
    }

    #[test]
    fn the_id_of_a_notification_never_changes() {
        // Consumers keep these ids to deduplicate by. Computed with another program.
        assert_eq!(
            of_state(&subject("pi_1"), 3, 1_700_000_000, Topic::PaymentSucceeded).to_string(),
            "6305f680-8f7a-8e0d-b8cb-2ff6ccc098b5"
        );
        assert_eq!(
            of_occurrence(&EventId::parse("evt_1").unwrap(), Topic::PaymentAttemptFailed)
                .to_string(),
            "45485f4d-6262-8ef0-9918-f927b53697ef"
        );
    }

    #[test]
    fn another_version_topic_object_or_observation_has_another_id() {
        let ids = [
            of_state(&subject("pi_1"), 3, 5, Topic::PaymentSucceeded),
            of_state(&subject("pi_1"), 4, 5, Topic::PaymentSucceeded),
            of_state(&subject("pi_2"), 3, 5, Topic::PaymentSucceeded),
            of_state(&subject("pi_1"), 3, 5, Topic::PaymentCanceled),
            // The same version, made anew after a restore.
            of_state(&subject("pi_1"), 3, 6, Topic::PaymentSucceeded),
        ];
        let distinct: std::collections::HashSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len());
    }
}

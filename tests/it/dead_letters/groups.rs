//! Causes rather than dead letters.

use quittance::ops::dead_letters;
use quittance::store::dead_letter::{DeadLetterState, Filter};

use super::{GIVEN, Given, JANE, dead_letter, given};
use crate::harness::TestDatabase;

#[tokio::test]
async fn dead_letters_of_one_cause_are_a_group_whatever_ids_their_messages_name() {
    let db = TestDatabase::migrated().await;
    let said = |message| Given { message, ..GIVEN };
    let first = given(&db, "evt_1", said("no such charge: ch_1")).await;
    given(&db, "evt_2", said("no such charge: ch_22")).await;
    let other_type = Given { event_type: Some("charge.succeeded"), ..said("no such charge: ch_3") };
    given(&db, "evt_3", other_type).await;
    given(&db, "evt_4", said("no such refund: re_4")).await;
    given(&db, "evt_5", Given { event_type: None, ..said("no such charge: ch_5") }).await;
    let newest = given(&db, "evt_6", said("no such charge: ch_6")).await;

    let found = dead_letters::groups(&db.store, &Filter::open()).await.unwrap();
    assert_eq!((found.dead_letters, found.groups.len()), (6, 4));
    let largest = &found.groups[0];
    assert_eq!((largest.count, largest.example), (3, newest));
    assert_eq!(
        (&*largest.cause, &*largest.code, &*largest.class),
        ("no such charge: …", "stripe_resource_missing", "permanent")
    );
    assert_eq!(largest.event_type.as_deref(), Some("charge.failed"));
    assert_eq!(largest.group, dead_letter(&db, first).await.group);
    // Each group names exactly its dead letters.
    for group in &found.groups {
        let filter = Filter { group: Some(group.group.clone()), ..Filter::open() };
        assert_eq!(super::ids(&db, &filter).await.len(), usize::try_from(group.count).unwrap());
    }
}

#[tokio::test]
async fn a_group_says_since_when_until_when_in_which_hours_and_in_what_states() {
    let db = TestDatabase::migrated().await;
    let at = |set| Given { set, ..GIVEN };
    given(
        &db,
        "evt_1",
        at("died_at = now() - interval '10 minutes', created_at = now() - interval '9 days'"),
    )
    .await;
    given(&db, "evt_2", at("died_at = now() - interval '70 minutes'")).await;
    given(&db, "evt_3", at("died_at = now() - interval '23 hours 30 minutes'")).await;
    given(&db, "evt_4", at("died_at = now() - interval '24 hours 30 minutes'")).await;
    given(&db, "evt_5", at("died_at = now() + interval '1 minute'")).await;
    given(
        &db,
        "evt_6",
        at("snoozed_until = now() + interval '1 hour', died_at = now() - interval '7 days'"),
    )
    .await;
    let discarded = given(&db, "evt_7", at("died_at = now() - interval '7 days'")).await;
    dead_letters::discard(&db.store, &[discarded], JANE).await.unwrap();

    let all = dead_letters::groups(&db.store, &Filter::default()).await.unwrap();
    let [group] = &all.groups[..] else { panic!("{all:?}") };
    let mut hours = vec![0; 24];
    (hours[23], hours[22], hours[0]) = (2, 1, 1);
    assert_eq!(group.hourly, hours);
    assert_eq!((group.states.open, group.states.snoozed, group.states.discarded), (5, 1, 1));
    assert_eq!(group.count, 7);
    assert!((group.last_seen - group.first_seen).whole_days() == 9);

    let of = async |state| {
        let filter = Filter { state: Some(state), ..Filter::default() };
        dead_letters::groups(&db.store, &filter).await.unwrap().dead_letters
    };
    assert_eq!(of(DeadLetterState::Open).await, 5);
    assert_eq!(of(DeadLetterState::Snoozed).await, 1);
    assert_eq!(of(DeadLetterState::Discarded).await, 1);
}

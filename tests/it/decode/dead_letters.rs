//! A dead letter is the last place that an event can go to, so it takes whatever it is given.

use bytes::Bytes;
use quittance::domain::failure::{Class, Failure};
use quittance::store::dead_letter::DeadEvent;
use quittance::store::{Attempt, Receipt};
use serde_json::json;

use crate::harness::TestDatabase;
use crate::store::dead_letters::dead_letter;
use crate::store::given::attempt;

/// Texts that Postgres, its JSON or its indexes refuse.
fn odd_texts() -> [String; 4] {
    ["a\0b".into(), "\0".into(), "\u{fffd}\u{10ffff}".into(), "ß".repeat(20_000)]
}

#[tokio::test]
async fn whatever_is_known_of_an_event_its_dead_letter_is_stored() {
    let db = TestDatabase::migrated().await;
    let bodies: [&[u8]; 7] = [
        b"",
        b"\xff\0\xfe",
        br#"{"a":"\ud83d","b\u0000":"\u0000"}"#,
        br#"{"n":1e999}"#,
        br#"{"n":-1.7e308,"m":123456789012345678901234567890}"#,
        br#"{"data":{"object":{"object":"customer","id":"a\u0000b"}}}"#,
        &[b'['; 1 << 16],
    ];
    let times = [i64::MIN, i64::MAX, 253_402_300_800, -1];
    let mut written = 0;
    for (n, text) in odd_texts().into_iter().enumerate() {
        for (time, body) in times.into_iter().cycle().zip(bodies) {
            let mut dead_letter = dead_letter("evt_1");
            dead_letter.event = DeadEvent {
                // The key is what it is told apart by.
                key: format!("{n}-{written}-{text}"),
                event_type: Some(text.clone()),
                api_version: Some(text.clone()),
                created: Some(time),
                object_kind: Some(text.clone()),
                object_id: Some(text.clone()),
                ..dead_letter.event
            };
            dead_letter.receipt = Receipt {
                source: "webhook",
                endpoint: text.clone(),
                received_at_ms: time,
                secret_index: Some(u32::MAX),
            };
            dead_letter.attempt = Attempt {
                number: u32::MAX,
                started_at_ms: time,
                duration_ms: i64::MAX,
                worker: text.clone(),
                request_id: Some(text.clone()),
                trace_id: Some(text.clone()),
                failure: None,
            };
            dead_letter.failure = Failure {
                class: Class::Permanent,
                code: text.clone(),
                chain: vec![text.clone(), text.clone()],
                request_id: Some(text.clone()),
                should_retry: None,
            };
            dead_letter.body = Bytes::copy_from_slice(body);
            let noted = db.store.record_attempt(&dead_letter.event, &dead_letter.attempt).await;
            noted.unwrap_or_else(|error| panic!("{error}: {dead_letter:?}"));
            // Twice: what is there already must not make it fail either.
            for _ in 0..2 {
                let id = db.store.dead_letter(&dead_letter).await;
                let id = id.unwrap_or_else(|error| panic!("{error}: {dead_letter:?}"));
                assert!(id.is_some());
            }
            written += 1;
        }
    }
    assert_eq!(db.count("quittance.dead_letters").await, written);
}

#[tokio::test]
async fn a_body_with_half_a_character_is_kept() {
    let db = TestDatabase::migrated().await;
    let mut dead_letter = dead_letter("evt_1");
    dead_letter.attempt = attempt();
    dead_letter.body = Bytes::from_static(br#"{"id":"evt_1","text":"no \ud83d"}"#);
    let id = db.store.dead_letter(&dead_letter).await.unwrap().unwrap();
    let kept = db.store.find_dead_letter(id).await.unwrap().unwrap();
    assert_eq!(kept.payload, Some(json!({"id": "evt_1", "text": "no \u{fffd}"})));
}

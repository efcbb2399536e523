//! Nothing secret is stored, whichever way it comes in.

use bytes::Bytes;
use quittance::domain::failure::{Class, Failure};
use quittance::domain::kinds::payment::PaymentStatus;
use quittance::store::dead_letter::{DeadEvent, DeadLetterReason, NewDeadLetter};
use quittance::store::{Attempt, NewState};
use serde_json::json;

use super::given::*;
use crate::harness::TestDatabase;

#[tokio::test]
async fn a_client_secret_is_stored_nowhere() {
    const SECRET: &str = "pi_1_secret_SESAME";
    let db = TestDatabase::migrated().await;
    let url = format!("https://hooks.stripe.com/r?client_secret={SECRET}&source=src_1");
    let failed = Attempt {
        failure: Some(Failure {
            class: Class::Permanent,
            code: "x".into(),
            chain: vec!["outer".into(), format!("invalid type: string \"{SECRET}\"")],
            request_id: None,
            should_retry: None,
        }),
        ..attempt()
    };

    let mut change = first("pi_1", 100, payment(PaymentStatus::RequiresAction));
    if let NewState::Present { raw, .. } = &mut change.state {
        *raw = kept(json!({
            "client_secret": SECRET,
            "next_action": {"redirect_to_url": {"url": url}},
            "charges": [{"payment_intent": {"client_secret": SECRET, "kept": "KEPT"}}],
        }));
    }
    let mut settled = succeeded("evt_1");
    settled.attempt = failed.clone();
    apply(&db.store, settlement(change, vec![settled])).await;
    db.store.record_attempt(&DeadEvent::unreadable(b"evt_2"), &failed).await.unwrap();
    let bodies = [
        Bytes::from(json!({"data": {"object": {"client_secret": SECRET}}}).to_string()),
        Bytes::from(format!("not JSON {SECRET}")),
    ];
    for body in bodies {
        let dead_letter = NewDeadLetter {
            event: DeadEvent::unreadable(&body),
            receipt: receipt(),
            lane: "live".into(),
            reason: DeadLetterReason::Undecodable,
            attempt: attempt(),
            failure: failed.failure.clone().unwrap(),
            body,
        };
        assert!(db.store.dead_letter(&dead_letter).await.unwrap().is_some());
    }

    let all = db.everything().await;
    assert!(all.contains("KEPT") && all.contains("src_1"), "nothing was stored at all");
    assert!(!all.contains("SESAME"), "{all}");
}

#[tokio::test]
async fn a_nul_character_is_stored_as_its_replacement() {
    let db = TestDatabase::migrated().await;
    let mut change = first("pi_1", 100, payment(PaymentStatus::Succeeded));
    if let NewState::Present { raw, .. } = &mut change.state {
        *raw = kept(json!({"description": "a\u{0}b"}));
    }
    apply(&db.store, settlement(change, vec![])).await;
    let row = db.json("quittance.objects", "true").await;
    assert_eq!(row["data"]["description"], "a\u{fffd}b");
}

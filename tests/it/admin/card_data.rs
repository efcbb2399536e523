//! What an operator types is looked at for card data, like what a program sends to the API.

use serde_json::json;

use super::site::{OPERATOR, Site};
use crate::harness::{Logs, Options};
use tracing::level_filters::LevelFilter;

const CARDS: &[&str] = &["4242424242424242", "5555 5555 5555 4444", "3782-822463-10005"];

#[tokio::test]
async fn a_card_number_that_an_operator_types_is_refused_and_is_nowhere_afterwards() {
    let logs = Logs::capture(LevelFilter::TRACE);
    let mut site = Site::acting(Options { workers: 0, ..Options::default() }).await;
    site.app.may_leave_work();
    site.given_up(2).await;
    let payment = site.app.pays("pm_card_visa");
    let cookie = site.sign_in(OPERATOR).await;
    let token = site.page("/queue", &cookie).await.form_token();
    for card in CARDS {
        let reason = format!("the customer of {card} called");
        for (path, more) in [
            ("/queue/pause", vec![("lane", "live")]),
            ("/dead-letters/act", vec![("verb", "discard"), ("id", "1")]),
            ("/dead-letters/bulk", vec![("verb", "discard"), ("count", "2"), ("typed", "2")]),
            (&format!("/payments/{payment}/refund"), vec![("typed", "20.00"), ("seen", "none")]),
        ] {
            let form = [&[("form_token", token.as_str()), ("reason", &reason)], &more[..]].concat();
            let refused = site.post(path, &cookie, &form).await;
            assert_eq!(refused.status, 400, "{path}: {refused:?}");
            assert!(refused.text.contains("something like a card number"), "{path}: {refused:?}");
            assert!(!refused.text.contains(card), "{path}: {refused:?}");
        }
        for (path, body) in [
            ("/queue/pause", json!({"reason": reason})),
            ("/dead-letters/discard", json!({"ids": [1], "reason": reason})),
            ("/operations", json!({"verb": "discard", "count": 2, "reason": reason})),
            ("/dead-letters/preview", json!({"verb": "retry", "selection": {"text": card}})),
        ] {
            let refused = site.call("POST", path, OPERATOR, &body).await;
            let problem = refused.json();
            assert_eq!((refused.status, &problem["code"]), (400, &json!("card_data")), "{path}");
            assert!(!refused.text.contains(card), "{path}: {refused:?}");
        }
    }
    let stored = site.app.db.everything().await;
    let all = logs.text();
    let ours: Vec<_> = all.lines().filter(|line| line.contains("\"target\":\"quittance")).collect();
    let logged = ours.join("\n");
    assert!(logged.contains("refused a request that holds card data"));
    for card in CARDS {
        assert!(!stored.contains(card) && !logged.contains(card), "{card}");
    }
    assert_eq!(site.app.db.count("quittance.audit_log").await, 0);

    // A long number that is no card's is a good reason.
    let form =
        [("form_token", token.as_str()), ("lane", "live"), ("reason", "case 4242424242424241")];
    assert_eq!(site.post("/queue/pause", &cookie, &form).await.status, 303);
}

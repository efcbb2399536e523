//! An event, read again.

use quittance::domain::id::{AccountId, EventId, Mode, Scope};
use serde_json::{Value, json};

use super::client;
use super::server::{Server, answer};

fn scope(account: Option<&str>) -> Scope {
    let account = account.map(|account| AccountId::parse(account).unwrap());
    Scope { account, mode: Mode::Test }
}

fn event(id: &str) -> Value {
    json!({"id": id, "object": "event", "type": "charge.failed", "livemode": false})
}

#[tokio::test]
async fn an_event_of_a_connected_account_names_it_as_a_webhook_would() {
    let server = Server::replying([answer(200, &[], event("evt_1"))]).await;
    let id = EventId::parse("evt_1").unwrap();
    let found = client(&server.base).event(&scope(Some("acct_7")), &id).await.unwrap();
    let [seen] = &server.seen()[..] else { panic!("one request") };
    assert_eq!(seen.line, "GET /v1/events/evt_1 HTTP/1.1");
    assert_eq!(seen.header("stripe-account"), Some("acct_7"));
    let body: Value = serde_json::from_slice(&found.body).unwrap();
    assert_eq!((&body["account"], &body["type"]), (&json!("acct_7"), &json!("charge.failed")));
    assert_eq!(found.request_id.as_deref(), Some("req_test"));
}

#[tokio::test]
async fn an_answer_about_another_event_is_refused() {
    let server = Server::replying([answer(200, &[], event("evt_2"))]).await;
    let id = EventId::parse("evt_1").unwrap();
    let refused = client(&server.base).event(&scope(None), &id).await.err().unwrap();
    assert!(refused.to_string().contains("evt_2"), "{refused}");
}

//! A subscription is read with all of its items, or not at all.

use quittance::domain::object::{Kind, Observed};
use quittance::stripe_api::FetchedState;
use serde_json::{Value, json};

use super::server::{Server, answer};
use super::{client, of_account, subject};

fn item(id: &str) -> Value {
    json!({
        "id": id, "object": "subscription_item", "created": 1, "current_period_start": 1,
        "current_period_end": 2, "discounts": [], "metadata": {}, "quantity": 1,
        "subscription": "sub_1",
        "plan": {
            "id": "price_1", "object": "plan", "active": true, "billing_scheme": "per_unit",
            "created": 1, "currency": "eur", "interval": "month", "interval_count": 1,
            "livemode": false, "usage_type": "licensed",
        },
        "price": {
            "id": "price_1", "object": "price", "active": true, "billing_scheme": "per_unit",
            "created": 1, "currency": "eur", "livemode": false, "metadata": {},
            "product": "prod_1", "type": "recurring", "unit_amount": 900,
        },
    })
}

fn list(ids: &[&str], has_more: bool) -> Value {
    let data: Vec<_> = ids.iter().map(|id| item(id)).collect();
    json!({"object": "list", "data": data, "has_more": has_more, "url": "/v1/subscription_items"})
}

fn subscription(items: Value) -> Value {
    json!({
        "id": "sub_1", "object": "subscription", "automatic_tax": {"enabled": false},
        "billing_cycle_anchor": 1, "billing_mode": {"type": "classic"}, "billing_schedules": [],
        "cancel_at_period_end": false, "collection_method": "charge_automatically", "created": 1,
        "currency": "eur", "customer": "cus_1", "discounts": [],
        "invoice_settings": {"issuer": {"type": "self"}}, "items": items, "livemode": false,
        "metadata": {}, "start_date": 1, "status": "active",
    })
}

#[tokio::test]
async fn a_list_that_goes_on_is_read_in_one_piece_and_in_the_same_name() {
    let shown = subscription(list(&["si_1"], true));
    let all = list(&["si_1", "si_2", "si_3"], false);
    let server = Server::replying([answer(200, &[], shown), answer(200, &[], &all)]).await;
    let of = of_account(subject(Kind::Subscription, "sub_1"), "acct_7");
    let fetched = client(&server.base).fetch(&of).await.unwrap();
    let FetchedState::Present { observed: Observed::Subscription(it), raw } = fetched.state else {
        panic!("a subscription")
    };
    assert_eq!(it.items.len(), 3);
    assert_eq!(raw["items"], all, "what is kept is whole too");
    let seen = server.seen();
    assert_eq!(seen[0].line, "GET /v1/subscriptions/sub_1 HTTP/1.1");
    assert!(seen[1].line.starts_with("GET /v1/subscription_items?"), "{}", seen[1].line);
    assert!(seen[1].line.contains("subscription=sub_1"), "{}", seen[1].line);
    assert!(seen.iter().all(|seen| seen.header("stripe-account") == Some("acct_7")));
}

#[tokio::test]
async fn a_list_that_is_whole_is_not_asked_for_again() {
    let shown = subscription(list(&["si_1", "si_2"], false));
    let server = Server::replying([answer(200, &[], shown)]).await;
    client(&server.base).fetch(&subject(Kind::Subscription, "sub_1")).await.unwrap();
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_list_without_an_end_is_refused_rather_than_cut() {
    let shown = subscription(list(&["si_1"], true));
    let endless = list(&["si_1", "si_2"], true);
    let server = Server::replying([answer(200, &[], shown), answer(200, &[], endless)]).await;
    let fetched = client(&server.base).fetch(&subject(Kind::Subscription, "sub_1")).await;
    let text = fetched.unwrap_err().to_string();
    assert!(text.contains("items.has_more: more than 100 items"), "{text}");
}

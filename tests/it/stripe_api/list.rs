//! A page of a list: a hundred objects with one request, each as a fetch would bring it.

use quittance::domain::id::{Mode, Scope};
use quittance::domain::object::{Kind, Observed};
use quittance::stripe_api::{CreatedRange, FetchedState, Page, PageRequest, StripeError};
use serde_json::{Value, json};

use super::server::{DATE_UNIX, Server, answer};
use super::{client, intent};

async fn page(server: &Server, kind: Kind, account: Option<&str>) -> Result<Page, StripeError> {
    let account = account.map(|id| quittance::domain::id::AccountId::parse(id).unwrap());
    let list = &kind.listing().lists[0];
    let wanted = PageRequest {
        kind,
        list,
        filter: list.filters[0],
        owner: None,
        scope: &Scope { account, mode: Mode::Test },
        created: CreatedRange { from: Some(5), until: None },
        after: None,
    };
    client(&server.base).list(&wanted).await
}

fn list(data: &[Value], has_more: bool) -> Value {
    json!({"object": "list", "data": data, "has_more": has_more, "url": "/v1/x"})
}

#[tokio::test]
async fn each_entry_is_checked_redacted_and_timed_by_the_page() {
    let mut strange = intent("pi_3");
    strange["amount"] = json!("much");
    let mut live = intent("pi_4");
    live["livemode"] = json!(true);
    let data = [intent("pi_1"), intent("pi_2"), strange, live, json!({"object": "payment_intent"})];
    let server = Server::replying([answer(200, &[], list(&data, false))]).await;
    let page = page(&server, Kind::PaymentIntent, Some("acct_7")).await.unwrap();
    assert_eq!(page.next, None);
    let ids: Vec<_> = page.entries.iter().map(|entry| (&*entry.id, entry.found.is_ok())).collect();
    assert_eq!(
        ids,
        [("pi_1", true), ("pi_2", true), ("pi_3", false), ("pi_4", false), ("", false)],
        "what cannot be read says nothing of the others"
    );
    let (subject, fetched) = page.entries[0].found.as_ref().unwrap();
    assert_eq!(subject.scope.account.as_ref().unwrap().as_str(), "acct_7");
    assert!((DATE_UNIX - 2..=DATE_UNIX).contains(&fetched.observed_at));
    assert_eq!(fetched.seen_by, DATE_UNIX + 1);
    let FetchedState::Present { observed: Observed::PaymentIntent(it), raw } = &fetched.state
    else {
        panic!("a payment")
    };
    assert_eq!((it.amount, raw.get("client_secret")), (1099, None), "it is stripped");
    let seen = server.seen();
    assert_eq!(seen[0].line, "GET /v1/payment_intents?limit=100&created%5Bgte%5D=5 HTTP/1.1");
    assert_eq!(seen[0].header("stripe-account"), Some("acct_7"));
}

#[tokio::test]
async fn the_next_page_is_named_and_a_page_without_one_to_go_on_from_is_refused() {
    let server = Server::replying([answer(200, &[], list(&[intent("pi_9")], true))]).await;
    let first = page(&server, Kind::PaymentIntent, None).await.unwrap();
    assert_eq!(first.next.as_deref(), Some("pi_9"));
    for broken in [
        list(&[], true),
        json!({"data": [], "object": "list"}),
        json!({"object": "list", "has_more": false}),
        Value::Null,
    ] {
        let server = Server::replying([answer(200, &[], broken)]).await;
        let refused = page(&server, Kind::PaymentIntent, None).await;
        assert!(matches!(refused, Err(StripeError::Undecodable { .. })), "{refused:?}");
    }
}

#[tokio::test]
async fn the_lists_inside_an_entry_are_read_to_their_end() {
    let refund = |id: &str| {
        json!({"id": id, "object": "refund", "amount": 1, "charge": "ch_1", "created": 1,
               "currency": "eur", "status": "succeeded"})
    };
    let charge = json!({
        "id": "ch_1", "object": "charge", "amount": 5, "amount_captured": 5, "amount_refunded": 2,
        "captured": true, "created": 1, "currency": "eur", "disputed": false, "livemode": false,
        "metadata": {}, "paid": true, "refunded": false, "status": "succeeded",
        "refunds": list(&[refund("re_1")], true),
    });
    let whole = list(&[refund("re_1"), refund("re_2")], false);
    let answers =
        [answer(200, &[], list(std::slice::from_ref(&charge), false)), answer(200, &[], &whole)];
    let server = Server::replying(answers).await;
    let page = page(&server, Kind::Charge, None).await.unwrap();
    let (_, fetched) = page.entries[0].found.as_ref().unwrap();
    assert_eq!(fetched.raw().unwrap()["refunds"]["data"], whole["data"]);
    assert!(server.seen()[1].line.starts_with("GET /v1/charges/ch_1/refunds?limit=100"));
}

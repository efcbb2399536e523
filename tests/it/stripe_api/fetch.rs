//! Requests that are sent, and what a good answer becomes.

use quittance::config;
use quittance::domain::object::{Kind, Observed};
use quittance::stripe_api::{FetchedState, Transport, api_version};
use serde_json::json;
use stripe_core::payment_intent::RetrievePaymentIntent;

use super::server::{DATE_UNIX, Server, answer};
use super::{KEY, client, intent, of_account, payment, settings, subject};

#[tokio::test]
async fn a_request_says_who_asks_in_which_version() {
    let server = Server::replying([answer(200, &[], intent("pi_1"))]).await;
    client(&server.base).fetch(&payment("pi_1")).await.unwrap();
    let [seen] = &server.seen()[..] else { panic!("one request") };
    assert_eq!(seen.line, "GET /v1/payment_intents/pi_1 HTTP/1.1");
    assert_eq!(seen.header("authorization"), Some(format!("Bearer {KEY}").as_str()));
    assert_eq!(seen.header("stripe-version"), Some(api_version()));
    assert_eq!(seen.header("stripe-account"), None);
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(seen.header("user-agent"), Some(format!("quittance/{version}").as_str()));
}

#[tokio::test]
async fn an_object_of_a_connected_account_is_asked_for_in_its_name() {
    let server = Server::replying([answer(200, &[], intent("pi_1"))]).await;
    let subject = of_account(payment("pi_1"), "acct_7");
    client(&server.base).fetch(&subject).await.unwrap();
    assert_eq!(server.seen()[0].header("stripe-account"), Some("acct_7"));
}

#[tokio::test]
async fn a_slash_at_the_end_of_the_base_url_does_no_harm() {
    let server = Server::replying([answer(200, &[], intent("pi_1"))]).await;
    client(&format!("{}/", server.base)).fetch(&payment("pi_1")).await.unwrap();
    assert_eq!(server.seen()[0].line, "GET /v1/payment_intents/pi_1 HTTP/1.1");
}

fn charge(id: &str) -> serde_json::Value {
    json!({
        "id": id, "object": "charge", "amount": 5, "amount_captured": 5, "amount_refunded": 2,
        "billing_details": {}, "captured": true, "created": 1, "currency": "jpy",
        "disputed": false, "livemode": false, "metadata": {}, "paid": true, "refunded": false,
        "status": "succeeded",
    })
}

#[tokio::test]
async fn each_kind_is_read_from_its_own_endpoint() {
    let refund = json!({
        "id": "re_1", "object": "refund", "amount": 2, "created": 1, "currency": "jpy",
        "charge": "ch_1", "status": "pending",
    });
    let replies = [charge("ch_1"), refund].map(|body| answer(200, &[], body));
    let server = Server::replying(replies).await;
    let client = client(&server.base);

    let fetched = client.fetch(&subject(Kind::Charge, "ch_1")).await.unwrap();
    let FetchedState::Present { observed: Observed::Charge(charge), .. } = fetched.state else {
        panic!("a charge")
    };
    assert_eq!((charge.amount_refunded, charge.currency.as_str()), (2, "jpy"));

    let fetched = client.fetch(&subject(Kind::Refund, "re_1")).await.unwrap();
    let FetchedState::Present { observed: Observed::Refund(refund), .. } = fetched.state else {
        panic!("a refund")
    };
    assert_eq!(refund.charge.unwrap().as_str(), "ch_1");

    let lines: Vec<_> = server.seen().into_iter().map(|seen| seen.line).collect();
    assert_eq!(lines, ["GET /v1/charges/ch_1 HTTP/1.1", "GET /v1/refunds/re_1 HTTP/1.1"]);
}

/// A payment that shows its latest charge whole, and the two as they answer for themselves.
fn with_charge(id: &str) -> (serde_json::Value, serde_json::Value, serde_json::Value) {
    let charge = charge(id);
    let mut payment = intent("pi_1");
    payment["latest_charge"] = json!(id);
    let mut both = payment.clone();
    both["latest_charge"] = charge.clone();
    (both, payment, charge)
}

#[tokio::test]
async fn a_payment_brings_its_latest_charge_as_if_each_had_been_asked_for() {
    let (both, alone, charge) = with_charge("ch_1");
    let replies = [both, alone, charge].map(|body| answer(200, &[], body));
    let server = Server::replying(replies).await;
    let client = client(&server.base);
    let wanted = [subject(Kind::Charge, "ch_0"), subject(Kind::Charge, "ch_1")];
    let (payment, brought) =
        client.fetch_with_charge(&self::payment("pi_1"), &wanted).await.unwrap();
    assert_eq!(payment, client.fetch(&self::payment("pi_1")).await.unwrap());
    let alone = client.fetch(&wanted[1]).await.unwrap();
    assert_eq!(brought, Some((wanted[1].clone(), alone)));
    let asked = &server.seen()[0].line;
    assert_eq!(asked, "GET /v1/payment_intents/pi_1?expand[0]=latest_charge HTTP/1.1");
}

#[tokio::test]
async fn a_charge_that_nobody_wants_or_nobody_can_read_leaves_the_payment_as_it_is() {
    let (both, _, _) = with_charge("ch_2");
    let (mut unreadable, _, _) = with_charge("ch_1");
    unreadable["latest_charge"]["amount"] = json!("a lot");
    let none = intent("pi_1");
    let replies = [both, unreadable, none].map(|body| answer(200, &[], body));
    let server = Server::replying(replies).await;
    let client = client(&server.base);
    let wanted = [subject(Kind::Charge, "ch_1")];
    for id in [Some("ch_2"), Some("ch_1"), None] {
        let fetched = client.fetch_with_charge(&payment("pi_1"), &wanted).await;
        let (payment, None) = fetched.unwrap() else { panic!("no charge came along") };
        let FetchedState::Present { raw, .. } = payment.state else { panic!("a payment") };
        assert_eq!(raw["latest_charge"].as_str(), id);
    }
}

#[tokio::test]
async fn a_key_that_may_not_read_charges_reads_the_payment() {
    let refused = json!({"error": {"type": "invalid_request_error", "message": "rak_charge_read"}});
    let server =
        Server::replying([answer(403, &[], refused), answer(200, &[], intent("pi_1"))]).await;
    let wanted = [subject(Kind::Charge, "ch_1")];
    let client = client(&server.base);
    let (_, charge) = client.fetch_with_charge(&payment("pi_1"), &wanted).await.unwrap();
    assert_eq!(charge, None);
    assert_eq!(server.seen()[1].line, "GET /v1/payment_intents/pi_1 HTTP/1.1");
}

#[tokio::test]
async fn requests_one_after_the_other_share_a_connection() {
    let replies = (0..20).map(|_| answer(200, &[], intent("pi_1")));
    let server = Server::replying(replies).await;
    let client = client(&server.base);
    for _ in 0..20 {
        client.fetch(&payment("pi_1")).await.unwrap();
    }
    assert_eq!((server.seen().len(), server.connections()), (20, 1));
}

#[tokio::test]
async fn a_refusal_keeps_its_connection_too() {
    let server = Server::replying([answer(500, &[], "{}"), answer(200, &[], intent("pi_1"))]).await;
    let client = client(&server.base);
    client.fetch(&payment("pi_1")).await.unwrap_err();
    client.fetch(&payment("pi_1")).await.unwrap();
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_fetch_is_dated_on_stripes_clock_and_not_on_ours() {
    let server = Server::replying([answer(200, &[], intent("pi_1"))]).await;
    let fetched = client(&server.base).fetch(&payment("pi_1")).await.unwrap();
    // The round trip took some time, so the fetch began in an earlier second than the answer's.
    assert!(fetched.observed_at < DATE_UNIX, "{}", fetched.observed_at);
    assert_eq!(fetched.request_id.as_deref(), Some("req_test"));
}

#[tokio::test]
async fn the_answer_is_kept_as_it_came_but_for_its_secrets() {
    let mut sent = intent("pi_1");
    sent["a_field_of_tomorrow"] = json!({"x": [1, null, "ü"]});
    let server = Server::replying([answer(200, &[], &sent)]).await;
    let fetched = client(&server.base).fetch(&payment("pi_1")).await.unwrap();
    let FetchedState::Present { raw, observed } = fetched.state else { panic!("present") };
    sent.as_object_mut().unwrap().remove("client_secret");
    assert_eq!(*raw, sent);
    assert!(matches!(observed, Observed::PaymentIntent(it) if it.amount_received == 1099));
}

#[tokio::test]
async fn a_deleted_object_is_told_apart() {
    let gone = json!({"id": "pi_1", "object": "payment_intent", "deleted": true});
    let server = Server::replying([answer(200, &[], gone)]).await;
    let fetched = client(&server.base).fetch(&payment("pi_1")).await.unwrap();
    assert_eq!(fetched.state, FetchedState::Deleted);
}

#[tokio::test]
async fn a_missing_object_is_a_fault_whatever_its_id() {
    let missing = || json!({"error": {"code": "resource_missing", "message": "No such thing"}});
    let replies = [answer(404, &[], missing()), answer(404, &[], missing())];
    let server = Server::replying(replies).await;
    let client = client(&server.base);
    for id in ["card_1", "pm_1"] {
        let fault = client.fetch(&subject(Kind::PaymentMethod, id)).await.unwrap_err();
        assert_eq!(fault.failure().code, "stripe_resource_missing", "{id}");
    }
}

#[tokio::test]
async fn every_typed_request_of_async_stripe_can_be_sent() {
    let server = Server::replying([answer(200, &[], intent("pi_1"))]).await;
    let transport = Transport::new(&settings(&server.base)).unwrap();
    let request = RetrievePaymentIntent::new("pi_1").expand(vec!["latest_charge".to_owned()]);
    let intent = request.send(&transport).await.unwrap();
    assert_eq!(intent.id.as_str(), "pi_1");
    let line = &server.seen()[0].line;
    assert_eq!(line, "GET /v1/payment_intents/pi_1?expand[0]=latest_charge HTTP/1.1");
}

#[tokio::test]
async fn nothing_that_can_be_printed_holds_the_key_or_a_client_secret() {
    let server = Server::replying([
        answer(200, &[], intent("pi_1")),
        answer(401, &[], json!({"error": {"message": format!("Invalid API Key: {KEY}")}})),
    ])
    .await;
    let settings: config::Stripe = settings(&server.base);
    let client = client(&server.base);
    let fetched = client.fetch(&payment("pi_1")).await.unwrap();
    let error = client.fetch(&payment("pi_1")).await.unwrap_err();
    let printed =
        format!("{settings:?} {client:?} {fetched:?} {error:?} {error} {:?}", error.failure());
    assert!(!printed.contains(KEY), "{printed}");
    assert!(!printed.contains("hush"), "{printed}");
}

//! Keys, accounts, headers and errors.

use stripe_simulator::Config;

use super::harness::Api;

#[tokio::test]
async fn answers_carry_stripes_headers() {
    let api = Api::start().await;
    api.sim.clock().freeze();
    let reply = api.get("/v1/account").await;
    assert_eq!(reply.status, 200);
    assert!(reply.header("request-id").unwrap().starts_with("req_"));
    assert_eq!(reply.header("stripe-version"), Some("2026-09-30.endive"));
    let date = reply.header("date").unwrap();
    let format = time::macros::format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    let date = time::PrimitiveDateTime::parse(date, format).unwrap().assume_utc();
    assert_eq!(date.unix_timestamp(), api.sim.clock().now(), "the simulator's own clock");
    let other = api.get("/v1/account").await;
    assert_ne!(reply.header("request-id"), other.header("request-id"));
}

#[tokio::test]
async fn a_missing_or_wrong_key_is_401_and_never_shown() {
    let api = Api::start().await;
    for key in ["Bearer sk_test_wrong_1234", "Bearer ", "Basic abc"] {
        let reply = api.send("GET", "/v1/account", "", &[("authorization", key)]).await.unwrap();
        assert_eq!(reply.status, 401, "{key}");
        assert!(!reply.text("/error/message").contains("wrong_1234"));
    }
}

#[tokio::test]
async fn unknown_paths_objects_and_versions_are_refused() {
    let api = Api::start().await;
    assert_eq!(api.get("/v1/nonsense").await.status, 404);
    let none = api.get("/v1/payment_intents/pi_none").await;
    assert_eq!((none.status, none.text("/error/code")), (404, "resource_missing"));
    let old = [("stripe-version", "yesterday")];
    assert_eq!(api.send("GET", "/v1/account", "", &old).await.unwrap().status, 400);
    let missing = api.post("/v1/payment_intents", "currency=eur").await;
    assert_eq!(missing.text("/error/code"), "parameter_missing");
    assert_eq!(missing.text("/error/param"), "amount");
    assert_eq!(missing.header("stripe-should-retry"), Some("false"));
    let unknown = api.post("/v1/payment_intents", "amount=100&currency=eur&colour=blue").await;
    assert_eq!(unknown.text("/error/code"), "parameter_unknown");
}

#[tokio::test]
async fn accounts_and_modes_see_nothing_of_each_other() {
    let config = Config { other_key: Some("sk_live_other".into()), ..Config::default() };
    let api = Api::with(config).await;
    let own = format!("/v1/payment_intents/{}", api.paid());
    let connected = [("stripe-account", "acct_1C")];
    let live = [("authorization", "Bearer sk_live_other")];
    assert_eq!(api.get(&own).await.status, 200);
    assert_eq!(api.send("GET", &own, "", &connected).await.unwrap().status, 404);
    assert_eq!(api.send("GET", &own, "", &live).await.unwrap().status, 404);

    let form = "amount=100&currency=eur";
    let made = api.send("POST", "/v1/payment_intents", form, &live).await.unwrap();
    assert_eq!(made.body["livemode"], true);
    let made = api.send("POST", "/v1/payment_intents", form, &connected).await.unwrap();
    assert_eq!(made.header("stripe-account"), Some("acct_1C"));
    let account = api.send("GET", "/v1/account", "", &connected).await.unwrap();
    assert_eq!(account.text("/id"), "acct_1C");

    api.sim.revoke("acct_1C");
    let gone = api.send("GET", "/v1/account", "", &connected).await.unwrap();
    assert_eq!((gone.status, gone.text("/error/code")), (403, "account_invalid"));
}

#[tokio::test]
async fn a_deleted_object_says_so_and_is_in_no_list() {
    let api = Api::start().await;
    let payment = api.paid();
    assert!(api.sim.platform().delete(&payment));
    let gone = api.get(&format!("/v1/payment_intents/{payment}")).await;
    assert_eq!(
        gone.body,
        serde_json::json!({
            "id": payment, "object": "payment_intent", "deleted": true
        })
    );
    assert!(api.get("/v1/payment_intents").await.ids().is_empty());
    assert!(api.sim.truth(stripe_simulator::Kind::PaymentIntent).is_empty());
}

#[tokio::test]
async fn requests_are_counted_by_endpoint_and_status() {
    let api = Api::start().await;
    let payment = api.paid();
    api.get(&format!("/v1/payment_intents/{payment}")).await;
    api.get("/v1/payment_intents/pi_none").await;
    let stats = api.sim.stats();
    let row = |status| {
        let endpoint = "GET /v1/payment_intents/{id}";
        let mut rows = stats.requests.iter();
        rows.find(|row| row.endpoint == endpoint && row.status == Some(status)).unwrap().count
    };
    assert_eq!((row(200), row(404), stats.requests_to(None)), (1, 1, 2));
}

#[tokio::test]
async fn a_request_that_is_refused_leaves_no_trace() {
    let api = Api::start().await;
    for form in [
        "amount=100&currency=eur&expand[]=nonsense",
        "amount=100&currency=eur&confirm=true",
        "amount=100&currency=eur&payment_method=pm_none",
        "amount=0&currency=eur",
        "amount=100&currency=euro",
    ] {
        assert_eq!(api.post("/v1/payment_intents", form).await.status, 400, "{form}");
    }
    assert!(api.event_types().is_empty());
    assert!(api.sim.truth(stripe_simulator::Kind::PaymentIntent).is_empty());
}

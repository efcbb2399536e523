//! The chaos profile, setting by setting.

use std::collections::BTreeSet;
use std::time::Duration;

use stripe_simulator::{Chaos, Config, Kind, Retries};

use super::harness::{Api, until};
use super::receiver::Receiver;

async fn with_chaos(change: impl FnOnce(&mut Chaos)) -> (Api, Receiver) {
    let retries = Retries {
        first_gap: Duration::from_millis(1),
        max_gap: Duration::from_millis(4),
        max_attempts: None,
    };
    let api = Api::with(Config { retries, seed: 7, ..Config::default() }).await;
    let receiver = Receiver::start().await;
    api.sim.add_endpoint(receiver.endpoint());
    api.sim.set_chaos(change);
    (api, receiver)
}

#[tokio::test]
async fn duplicates_arrive_and_are_counted() {
    let (api, receiver) = with_chaos(|chaos| {
        chaos.duplicates = 0.5;
        chaos.duplicates_within = Duration::from_millis(5);
    })
    .await;
    for _ in 0..20 {
        api.paid();
    }
    api.sim.wait_all_acknowledged().await.unwrap();
    let received = receiver.received();
    let distinct: BTreeSet<&str> = received.iter().map(|one| one.id()).collect();
    assert_eq!(distinct.len(), 80);
    let counts = api.sim.stats().webhooks;
    assert_eq!(counts.sent, received.len() as u64);
    assert_eq!(counts.duplicates, received.len() as u64 - 80);
    assert!(counts.duplicates > 10, "{counts:?}");
    assert_eq!(counts.acknowledged, 80);
}

#[tokio::test]
async fn reordering_changes_the_order_and_loses_nothing() {
    let (api, receiver) =
        with_chaos(|chaos| chaos.reorder_within = Duration::from_millis(30)).await;
    for _ in 0..20 {
        api.paid();
    }
    api.sim.wait_all_acknowledged().await.unwrap();
    let (mut arrived, mut events) = (receiver.accepted(), api.event_types());
    assert_ne!(arrived, events);
    arrived.sort();
    events.sort();
    assert_eq!(arrived, events);
}

#[tokio::test]
async fn forgeries_never_carry_a_true_signature_and_need_no_answer() {
    let (api, receiver) = with_chaos(|chaos| chaos.forged = 1.0).await;
    for _ in 0..5 {
        api.paid();
    }
    api.sim.wait_all_acknowledged().await.unwrap();
    let received = receiver.received();
    let refused = received.iter().filter(|one| one.status == 400).count();
    assert_eq!((refused, receiver.accepted().len()), (20, 20));
    let only_v0 = received.iter().filter(|one| !one.signature.contains("v1=")).count();
    assert!(only_v0 > 0 && only_v0 < 20, "of both sorts");
    let counts = api.sim.stats().webhooks;
    assert_eq!((counts.forged, counts.forged_accepted, counts.failed), (20, 0, 0));
}

#[tokio::test]
async fn signatures_can_be_old() {
    let (api, receiver) = with_chaos(|chaos| chaos.signature_age = 3600).await;
    api.sim.platform().emit("x.y", serde_json::json!({}));
    api.sim.wait_all_acknowledged().await.unwrap();
    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    assert!(receiver.received()[0].t() <= now - 3600);
}

#[tokio::test]
async fn some_snapshots_are_of_an_old_version() {
    let (api, receiver) = with_chaos(|chaos| chaos.old_snapshots = 0.5).await;
    for _ in 0..10 {
        api.paid();
    }
    api.sim.wait_all_acknowledged().await.unwrap();
    let received = receiver.received();
    let old = received.iter().filter(|one| one.event["api_version"] == "2020-08-27").count();
    assert!(old > 0 && old < received.len());
}

#[tokio::test]
async fn a_limited_request_says_why_and_seldom_when() {
    let (api, _) = with_chaos(|chaos| chaos.rate_limited = 1.0).await;
    let reply = api.get("/v1/account").await;
    assert_eq!((reply.status, reply.text("/error/code")), (429, "rate_limit"));
    let reasons = ["endpoint-rate", "global-rate", "endpoint-concurrency", "global-concurrency"];
    assert!(reasons.contains(&reply.header("stripe-rate-limited-reason").unwrap()));
    assert_eq!(reply.header("retry-after"), None);
    assert_eq!(reply.header("stripe-should-retry"), Some("true"));
    api.sim.set_chaos(|chaos| chaos.retry_after = 1.0);
    assert_eq!(api.get("/v1/account").await.header("retry-after"), Some("1"));
}

#[tokio::test]
async fn an_endpoint_has_a_rate_of_its_own() {
    let (api, _) = with_chaos(|chaos| chaos.endpoint_rate = Some(1)).await;
    let payment = format!("/v1/payment_intents/{}", api.paid());
    let mut limited = false;
    while !limited {
        let reply = api.get(&payment).await;
        limited = reply.status == 429;
        if limited {
            assert_eq!(reply.header("stripe-rate-limited-reason"), Some("endpoint-rate"));
        }
    }
    assert_eq!(api.get("/v1/account").await.status, 200, "another endpoint has its own");
}

#[tokio::test]
async fn an_account_has_a_rate_over_all_its_endpoints() {
    let (api, _) = with_chaos(|chaos| chaos.account_rate = Some(2)).await;
    let mut limited = None;
    while limited.is_none() {
        for path in ["/v1/payment_intents", "/v1/charges", "/v1/refunds"] {
            let reply = api.get(path).await;
            limited = limited.or((reply.status == 429).then_some(reply));
        }
    }
    let limited = limited.unwrap();
    assert_eq!(limited.header("stripe-rate-limited-reason"), Some("global-rate"));
    let other = [("stripe-account", "acct_1")];
    let reply = api.send("GET", "/v1/charges", "", &other).await.unwrap();
    assert_eq!(reply.status, 200, "another account has its own");
}

#[tokio::test]
async fn a_500_is_stripes_own_fault_and_changes_nothing() {
    let (api, _) = with_chaos(|chaos| chaos.server_errors = 1.0).await;
    let reply = api.post("/v1/payment_intents", "amount=100&currency=eur").await;
    assert_eq!((reply.status, reply.text("/error/type")), (500, "api_error"));
    assert_eq!(reply.header("stripe-should-retry"), Some("true"));
    assert!(api.sim.truth(Kind::PaymentIntent).is_empty());
}

#[tokio::test]
async fn a_request_that_hangs_is_never_answered() {
    let (api, _) = with_chaos(|chaos| chaos.hangs = 1.0).await;
    let request = api.send("GET", "/v1/account", "", &[]);
    tokio::pin!(request);
    tokio::select! {
        biased;
        _ = &mut request => panic!("it was answered"),
        () = until(|| api.sim.stats().requests_to(None) == 1) => {}
    }
    api.sim.shutdown().await;
    assert!(request.await.is_err(), "it ends only with the simulator");
}

#[tokio::test]
async fn a_reset_ends_the_connection_before_or_after_the_deed() {
    let (api, _) = with_chaos(|chaos| chaos.resets = 1.0).await;
    for _ in 0..20 {
        let reply = api.send("POST", "/v1/payment_intents", "amount=100&currency=eur", &[]).await;
        assert!(reply.is_err());
    }
    let made = api.sim.truth(Kind::PaymentIntent).len();
    assert!(made > 0 && made < 20, "{made} of 20 took effect");
    api.sim.set_chaos(|chaos| *chaos = Chaos::default());
    assert_eq!(api.get("/v1/account").await.status, 200);
}

#[tokio::test]
async fn the_api_can_be_down_and_its_keys_refused() {
    let (api, _) = with_chaos(|chaos| chaos.down = true).await;
    assert!(api.send("GET", "/v1/account", "", &[]).await.is_err());
    api.sim.set_chaos(|chaos| {
        chaos.down = false;
        chaos.reject_keys = true;
    });
    assert_eq!(api.get("/v1/account").await.status, 401);
    api.sim.set_chaos(|chaos| chaos.reject_keys = false);
    assert_eq!(api.get("/v1/account").await.status, 200);
}

#[tokio::test]
async fn the_same_seed_makes_the_same_chaos() {
    let run = async || {
        let (api, _) = with_chaos(|chaos| {
            chaos.rate_limited = 0.3;
            chaos.server_errors = 0.3;
        })
        .await;
        let mut statuses = Vec::new();
        for _ in 0..30 {
            statuses.push(api.get("/v1/account").await.status);
        }
        statuses
    };
    let (one, other) = (run().await, run().await);
    assert_eq!(one, other);
    assert_eq!(BTreeSet::from_iter(one), BTreeSet::from([200, 429, 500]));
}

//! Messages about a server that is in the way: which one, why, and what to do.

use quittance::stripe_api::api_version;
use serde_json::json;
use stripe_simulator::{Simulator, WebhookEndpoint};
use tokio::net::TcpListener;

use crate::harness::{Ended, Program, TestDatabase, queue_name, redis_url, within};
use crate::mirror::stripe::Stripe;

const DESTINATIONS: &str = "/v2/core/event_destinations?limit=100&include=webhook_endpoint.url";

/// Port 1 of this machine: nobody listens there.
const NOBODY: &str = "http://127.0.0.1:1";

async fn check_online(base: &str) -> Ended {
    let env = [
        ("STRIPE_SECRET_KEY", "sk_test_hush"),
        ("STRIPE_API_BASE", base),
        ("QUITTANCE__STRIPE__ACCOUNT", "acct_1"),
    ];
    let ended = Program::run(&["config", "check", "--online"], &env).await;
    assert!(!ended.stdout.contains("hush") && !ended.stderr.contains("hush"), "{ended:?}");
    ended
}

/// A Stripe that refuses whatever a check asks.
async fn refusing(status: u16, message: &str) -> Stripe {
    let stripe = Stripe::start().await;
    for path in ["/v1/account", "/v1/webhook_endpoints?limit=100", DESTINATIONS] {
        stripe.say(path, status, json!({"error": {"message": message}}));
    }
    stripe
}

#[tokio::test]
async fn a_check_asks_stripe_and_warns_of_what_does_not_fit() {
    let stripe = Stripe::start().await;
    stripe.put("/v1/account", json!({"object": "account", "id": "acct_2"}));
    let endpoint = json!({
        "object": "webhook_endpoint", "id": "we_1", "api_version": "2019-01-01",
        "url": "https://shop.example/webhooks/stripe", "status": "enabled",
    });
    let page = json!({"object": "list", "data": [endpoint]});
    stripe.put("/v1/webhook_endpoints?limit=100", page);
    stripe.put(DESTINATIONS, json!({"data": [], "next_page_url": null}));
    let ended = check_online(&stripe.base).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let said = &ended.stderr;
    assert!(said.contains("warning: stripe.secret_key belongs to acct_2"), "{said}");
    assert!(
        said.contains("warning: we_1 (endpoint \"default\") sends snapshots of version 2019-01-01"),
        "{said}"
    );
}

#[tokio::test]
async fn a_check_says_what_stripe_sends_here_and_what_it_never_will() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let version = Some(api_version().to_owned());
    let stripe = Simulator::start(listener, stripe_simulator::Config::default()).unwrap();
    let url = "https://shop.example/webhooks/stripe";
    let new = |enabled_events: &[&str]| WebhookEndpoint {
        api_version: version.clone(),
        enabled_events: enabled_events.iter().map(|name| (*name).to_owned()).collect(),
        ..WebhookEndpoint::new(url, "whsec_x")
    };
    let check = async |here: &str| {
        let env = [
            ("STRIPE_SECRET_KEY", stripe.secret_key()),
            ("STRIPE_API_BASE", stripe.base_url()),
            ("QUITTANCE__INGRESS__PUBLIC_URL", here),
        ];
        let ended = Program::run(&["config", "check", "--online"], &env).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.stderr
    };
    let none = check("").await;
    assert!(none.contains("warning: Stripe has no webhook endpoint in test mode"), "{none}");

    stripe.add_endpoint(new(&["charge.failed", "charge.succeeded"]));
    let some = check("https://shop.example").await;
    assert!(some.contains("warning: no endpoint sends these events"), "{some}");
    assert!(some.contains("payment_intent (all ") && some.contains("charge.updated"), "{some}");
    assert!(!some.contains("charge.failed"), "{some}");
    let elsewhere = check("https://other.example").await;
    let nothing = "warning: nothing in test mode sends to https://other.example/webhooks/stripe";
    assert!(elsewhere.contains(nothing) && elsewhere.contains(url), "{elsewhere}");

    stripe.add_endpoint(WebhookEndpoint { is_destination: true, ..new(&["*"]) });
    let all = check("https://shop.example").await;
    assert!(!all.contains("warning") && all.contains("ok: ed_"), "{all}");
}

#[tokio::test]
async fn a_check_with_a_key_that_may_not_see_the_account_succeeds() {
    let stripe = refusing(403, "The provided key does not have the permission").await;
    let ended = check_online(&stripe.base).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("not seen: the account could not be seen"), "{ended:?}");
    assert!(!ended.stderr.contains("warning"), "{ended:?}");
}

#[tokio::test]
async fn a_check_fails_where_stripe_refuses_the_key_or_is_not_there() {
    let stripe = refusing(401, "Invalid API Key provided: sk_test_***hush").await;
    let refused = check_online(&stripe.base).await;
    assert_eq!(refused.code, Some(3), "{refused:?}");
    assert!(refused.stderr.contains("Stripe answered 401"), "{refused:?}");
    let alone = check_online(NOBODY).await;
    assert_eq!(alone.code, Some(1), "{alone:?}");
    for ended in [refused, alone] {
        assert!(ended.stderr.contains("stripe.api_base, from"), "{ended:?}");
        assert!(ended.stderr.contains("stripe.secret_key"), "{ended:?}");
    }
}

#[tokio::test]
async fn a_schema_that_was_never_made_is_said_by_every_command() {
    let db = TestDatabase::empty().await;
    let (url, redis, queue) = (db.url(), redis_url(), queue_name());
    let env = [
        ("DATABASE_URL", &*url),
        ("REDIS_URL", &redis),
        ("QUITTANCE__QUEUE__NAME", &queue),
        ("STRIPE_SECRET_KEY", "sk_test_x"),
        ("STRIPE_API_BASE", NOBODY),
        ("QUITTANCE__ADMIN__LISTEN", "127.0.0.1:0"),
    ];
    for args in [
        &["events", "list"][..],
        &["audit", "list"],
        &["objects", "show", "pi_1"],
        &["dead-letters", "list"],
        &["operations", "list"],
        &["outbox", "status"],
        &["events", "replay", "evt_1"],
        &["reconcile", "pi_1", "--test"],
        &["status"],
        &["admin"],
        &["worker"],
    ] {
        let ended = within("the schema's fault", Program::run(args, &env)).await;
        assert_eq!(ended.code, Some(4), "{args:?}: {ended:?}");
        let said = format!("{}{}", ended.stdout, ended.stderr);
        assert!(said.contains("schema is at nothing"), "{args:?}: {said}");
        assert!(said.contains("`quittance migrate`"), "{args:?}: {said}");
        assert!(!said.contains("at line"), "{args:?}: {said}");
    }
}

#[tokio::test]
async fn what_postgres_says_is_shown_without_the_lines_of_its_own_source() {
    let db = TestDatabase::migrated().await;
    db.execute("ALTER TABLE quittance.audit_log RENAME TO elsewhere").await;
    let ended = Program::run(&["audit", "list"], &[("DATABASE_URL", &db.url())]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("\"quittance.audit_log\" does not exist"), "{ended:?}");
    assert!(!ended.stderr.contains("at line"), "{ended:?}");
}

#[tokio::test]
async fn why_no_connection_to_postgres_can_be_opened_is_said() {
    let (redis, queue) = (redis_url(), queue_name());
    let env = [
        ("DATABASE_URL", "postgres://jane:hush@127.0.0.1:1/quittance"),
        ("REDIS_URL", &*redis),
        ("QUITTANCE__QUEUE__NAME", &queue),
        ("QUITTANCE__DATABASE__ACQUIRE_TIMEOUT", "200ms"),
        ("STRIPE_SECRET_KEY", "sk_test_x"),
        ("STRIPE_API_BASE", NOBODY),
    ];
    for args in [&["events", "list"][..], &["migrate"], &["status"]] {
        let ended = Program::run(args, &env).await;
        assert_eq!(ended.code, Some(1), "{args:?}: {ended:?}");
        let said = format!("{}{}", ended.stdout, ended.stderr);
        assert!(said.contains("Connection refused"), "{args:?}: {said}");
    }
    let mut worker = Program::start(&["worker"], &env);
    worker.says("paused: dependency is down").await;
    assert!(worker.logged.contains("Connection refused"), "{}", worker.logged);
}

#[tokio::test]
async fn a_migration_does_not_wait_for_a_postgres_that_says_nothing() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("postgres://x@{}/x?sslmode=disable", silent.local_addr().unwrap());
    let env = [("DATABASE_URL", &*url), ("QUITTANCE__DATABASE__ACQUIRE_TIMEOUT", "200ms")];
    let ended = within("its end", Program::run(&["migrate"], &env)).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("no connection to postgres at 127.0.0.1:"), "{ended:?}");
    assert!(ended.stderr.contains("within 200ms"), "{ended:?}");
}

#[tokio::test]
async fn a_look_that_stripe_limits_is_tried_again() {
    let stripe = Stripe::start().await;
    stripe.say("/v1/payment_intents/pi_1", 429, json!({"error": {"message": "slower"}}));
    let db = TestDatabase::migrated().await;
    let (url, redis, queue) = (db.url(), redis_url(), queue_name());
    let env = [
        ("DATABASE_URL", &*url),
        ("REDIS_URL", &redis),
        ("QUITTANCE__QUEUE__NAME", &queue),
        ("STRIPE_SECRET_KEY", "sk_test_x"),
        ("STRIPE_API_BASE", &stripe.base),
    ];
    let ended = within("its end", Program::run(&["reconcile", "pi_1", "--test"], &env)).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(stripe.asked().len(), 5, "{ended:?}");
}

#[tokio::test]
async fn a_stripe_that_refuses_the_key_is_named_with_its_setting_and_what_to_try() {
    let stripe = Stripe::start().await;
    let refusal = || json!({"error": {"message": "Invalid API Key provided"}});
    for path in ["/v1/payment_intents/pi_1", "/v1/events/evt_1", "/v1/accounts/acct_1"] {
        stripe.say(path, 401, refusal());
    }
    let db = TestDatabase::migrated().await;
    let (url, redis, queue) = (db.url(), redis_url(), queue_name());
    let env = [
        ("DATABASE_URL", &*url),
        ("REDIS_URL", &redis),
        ("QUITTANCE__QUEUE__NAME", &queue),
        ("STRIPE_SECRET_KEY", "sk_test_x"),
        ("STRIPE_API_BASE", &stripe.base),
    ];
    for args in [
        &["reconcile", "pi_1", "--test"][..],
        &["events", "replay", "evt_1"],
        &["accounts", "check", "acct_1", "--test", "--refresh"],
    ] {
        let ended = Program::run(args, &env).await;
        assert_eq!(ended.code, Some(1), "{args:?}: {ended:?}");
        let said = &ended.stderr;
        assert!(said.contains(&format!("server:  {}", stripe.base)), "{args:?}: {said}");
        assert!(said.contains("stripe.api_base, from the environment"), "{args:?}: {said}");
        assert!(said.contains("`quittance config check --online`"), "{args:?}: {said}");
        assert!(said.contains("https://status.stripe.com"), "{args:?}: {said}");
    }
}

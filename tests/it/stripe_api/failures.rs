//! Classes of a bad answer, or of none.

use std::sync::Arc;
use std::time::Duration;

use quittance::config::Secret;
use quittance::domain::failure::{Class, Dependency, Failure};
use quittance::domain::id::Mode;
use quittance::domain::object::Subject;
use quittance::stripe_api::{Client, Unlimited};
use serde_json::json;
use tokio::net::TcpListener;

use super::server::{Reply, Server, answer, undated};
use super::{client, intent, of_account, payment, settings};

const DOWN: Class = Class::Unavailable(Dependency::Stripe);
const OUR_FAULT: Class = Class::Misconfigured(Dependency::Stripe);

async fn fails(reply: Reply, subject: &Subject) -> Failure {
    let server = Server::replying([reply]).await;
    client(&server.base).fetch(subject).await.unwrap_err().failure()
}

async fn fails_with(reply: Reply) -> (Class, String) {
    let failure = fails(reply, &payment("pi_1")).await;
    (failure.class, failure.code)
}

fn error(code: &str) -> serde_json::Value {
    json!({"error": {"type": "invalid_request_error", "code": code, "message": "No."}})
}

#[tokio::test]
async fn a_server_error_may_pass() {
    for status in [500, 502, 503, 504] {
        let (class, code) = fails_with(answer(status, &[], "<h1>oops</h1>")).await;
        assert_eq!((class, code.as_str()), (Class::Transient, "stripe_server_error"));
    }
}

#[tokio::test]
async fn a_wrong_key_is_our_fault_and_no_job_s() {
    let (class, code) = fails_with(answer(401, &[], error(""))).await;
    assert_eq!((class, code.as_str()), (OUR_FAULT, "stripe_key_refused"));
    let (class, code) = fails_with(answer(403, &[], error(""))).await;
    assert_eq!((class, code.as_str()), (OUR_FAULT, "stripe_permission_missing"));
}

#[tokio::test]
async fn a_connected_account_that_left_concerns_its_own_jobs_alone() {
    let subject = of_account(payment("pi_1"), "acct_7");
    let failure = fails(answer(403, &[], error("account_invalid")), &subject).await;
    assert_eq!(
        (failure.class, failure.code.as_str()),
        (Class::Permanent, "stripe_account_access_lost")
    );
}

#[tokio::test]
async fn a_missing_object_is_final_and_keeps_stripes_words() {
    let headers = [("Stripe-Should-Retry", "false")];
    let failure = fails(answer(404, &headers, error("resource_missing")), &payment("pi_1")).await;
    assert_eq!(
        (failure.class, failure.code.as_str()),
        (Class::Permanent, "stripe_resource_missing")
    );
    assert_eq!(failure.request_id.as_deref(), Some("req_test"));
    assert_eq!(failure.should_retry, Some(false));
    assert_eq!(failure.message(), "Stripe answered 404 resource_missing: No.");
}

#[tokio::test]
async fn a_rate_limit_hands_on_the_wait_that_stripe_asks_for() {
    let (class, _) = fails_with(answer(429, &[("Retry-After", "7")], error("rate_limit"))).await;
    assert_eq!(class, Class::RateLimited { retry_after: Some(Duration::from_secs(7)) });
    let (class, _) = fails_with(answer(429, &[], error("rate_limit"))).await;
    assert_eq!(class, Class::RateLimited { retry_after: None });
}

#[tokio::test]
async fn contention_on_one_object_is_no_rate_limit() {
    let (class, code) = fails_with(answer(429, &[], error("lock_timeout"))).await;
    assert_eq!((class, code.as_str()), (Class::Transient, "stripe_lock_timeout"));
}

#[tokio::test]
async fn nobody_listening_means_that_stripe_is_down() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let failure = client(&base).fetch(&payment("pi_1")).await.unwrap_err().failure();
    assert_eq!((failure.class, failure.code.as_str()), (DOWN, "stripe_unreachable"));
    assert!(failure.chain.len() > 1, "the whole chain is kept: {:?}", failure.chain);
}

#[tokio::test]
async fn tls_that_cannot_be_agreed_on_means_that_stripe_is_down() {
    let server = Server::replying([]).await;
    let base = server.base.replace("http://", "https://");
    let failure = client(&base).fetch(&payment("pi_1")).await.unwrap_err().failure();
    assert_eq!((failure.class, failure.code.as_str()), (DOWN, "stripe_unreachable"));
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_given_up() {
    let server = Server::replying([Reply::Hang]).await;
    let mut settings = settings(&server.base);
    settings.timeout = Duration::from_millis(50);
    let client = Client::new(&settings, Arc::new(Unlimited)).unwrap();
    let failure = client.fetch(&payment("pi_1")).await.unwrap_err().failure();
    assert_eq!((failure.class, failure.code.as_str()), (Class::Transient, "stripe_timeout"));
}

#[tokio::test]
async fn an_answer_that_is_cut_off_may_be_asked_for_again() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"id\": ";
    for text in ["", "HTTP/1.1 200", head] {
        let server = Server::replying([Reply::SayAndClose(text.to_owned())]).await;
        let failure = client(&server.base).fetch(&payment("pi_1")).await.unwrap_err().failure();
        assert_eq!(
            (failure.class, failure.code.as_str()),
            (Class::Transient, "stripe_connection_lost"),
            "{text:?}"
        );
        assert_eq!(server.seen().len(), 1, "nothing is asked twice by itself");
    }
}

#[tokio::test]
async fn an_answer_without_end_is_not_read() {
    let body = " ".repeat(8 * 1024 * 1024 + 1);
    let (class, code) = fails_with(answer(200, &[], body)).await;
    assert_eq!((class, code.as_str()), (Class::Permanent, "stripe_answer_too_long"));
}

#[tokio::test]
async fn a_page_in_the_answer_s_place_may_go_away() {
    let (class, code) = fails_with(answer(200, &[], "<html>Sign in to the Wi-Fi</html>")).await;
    assert_eq!((class, code.as_str()), (Class::Transient, "stripe_not_json"));
}

#[tokio::test]
async fn an_object_of_another_shape_names_the_field() {
    let mut it = intent("pi_1");
    it["transfer_data"] = json!({"destination": 7});
    it["amount"] = json!({"value": 7});
    let failure = fails(answer(200, &[], it), &payment("pi_1")).await;
    assert_eq!((failure.class, failure.code.as_str()), (Class::Permanent, "stripe_undecodable"));
    assert!(
        failure.message().contains("cannot decode the answer: amount: "),
        "{}",
        failure.message()
    );
}

#[tokio::test]
async fn another_object_than_the_one_asked_for_is_refused() {
    let (class, code) = fails_with(answer(200, &[], intent("pi_2"))).await;
    assert_eq!((class, code.as_str()), (Class::Permanent, "stripe_wrong_object"));
    let mut live = intent("pi_1");
    live["livemode"] = json!(true);
    let (class, code) = fails_with(answer(200, &[], live)).await;
    assert_eq!((class, code.as_str()), (Class::Permanent, "stripe_wrong_object"));
}

#[tokio::test]
async fn state_of_unknown_age_is_never_used() {
    let (class, code) = fails_with(undated(200, &[], intent("pi_1"))).await;
    assert_eq!((class, code.as_str()), (OUR_FAULT, "stripe_undated"));
    let (class, code) = fails_with(undated(200, &[("Date", "now")], intent("pi_1"))).await;
    assert_eq!((class, code.as_str()), (OUR_FAULT, "stripe_undated"));
}

#[tokio::test]
async fn a_key_of_the_other_mode_is_noticed_before_anything_is_asked() {
    let server = Server::replying([]).await;
    let ask = async |key: &str, subject: &Subject| {
        let mut settings = settings(&server.base);
        settings.secret_key = Secret::new(key);
        let client = Client::new(&settings, Arc::new(Unlimited)).unwrap();
        let error = client.fetch(subject).await.unwrap_err();
        assert_eq!(error.failure().class, Class::Permanent);
        error.is_of_other_mode()
    };
    let own = payment("pi_1");
    let connected = of_account(payment("pi_1"), "acct_7");
    let mut live = connected.clone();
    live.scope.mode = Mode::Live;

    assert!(ask("sk_live_1", &own).await);
    assert!(ask("sk_test_1", &live).await);
    // A live Connect endpoint does get test events; they must not stop the live ones.
    assert!(!ask("sk_live_1", &connected).await);
    assert_eq!(server.connections(), 0);
}

#[test]
fn settings_that_cannot_work_are_refused_at_once() {
    let refused = |change: fn(&mut quittance::config::Stripe)| {
        let mut settings = settings("https://api.stripe.com");
        change(&mut settings);
        Client::new(&settings, Arc::new(Unlimited)).unwrap_err().to_string()
    };
    assert_eq!(
        refused(|s| s.api_base = "api.stripe.com".into()),
        "stripe.api_base is no http:// or https:// URL"
    );
    assert_eq!(refused(|s| s.api_base = "http://a b".into()), "stripe.api_base is no URL");
    assert_eq!(refused(|s| s.secret_key = Secret::default()), "stripe.secret_key is not set");
    assert_eq!(
        refused(|s| s.secret_key = Secret::new("sk_test_1\n")),
        "stripe.secret_key holds a character that no key has"
    );
}

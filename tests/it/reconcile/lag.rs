//! Stripe's API lags behind its own events: what is read too early is read again.

use std::time::Duration;

use quittance::domain::failure::Class;
use quittance::reconcile::{Fault, Reconciler, Settled};
use serde_json::{Value, json};

use super::environment::{TestEnvironment, payment, settle};
use crate::harness::{App, Options, stripes_examples};

/// The event that a payment has come so far, made so many seconds ago.
fn event_of(id: &str, object: &Value, seconds_ago: i64) -> Value {
    let created = time::OffsetDateTime::now_utc().unix_timestamp() - seconds_ago;
    json!({
        "id": id, "object": "event", "type": "payment_intent.succeeded", "created": created,
        "livemode": false, "api_version": quittance::stripe_api::api_version(),
        "data": {"object": object},
    })
}

fn paid(id: &str) -> Value {
    let mut it = payment(id, "succeeded");
    it["latest_charge"] = json!(format!("ch_of_{id}"));
    it
}

fn code(result: &Result<Settled, Fault>) -> &str {
    result.as_ref().map_or_else(|fault| fault.failure.code.as_str(), |_| "settled")
}

fn is_early(result: &Result<Settled, Fault>) -> bool {
    matches!(result, Err(fault) if matches!(fault.failure.class, Class::TooEarly { .. }))
}

/// Settles an event about `pi_1`, whose object is answered like this; nobody asks for more.
async fn settle_with(
    env: &mut TestEnvironment,
    reconciler: &Reconciler,
    event: &Value,
    answer: &Value,
) -> Result<Settled, Fault> {
    let settling = settle(reconciler, event);
    env.asked().await.answer(answer);
    settling.await.unwrap()
}

#[tokio::test]
async fn an_answer_that_is_older_than_its_event_is_asked_for_again_and_tells_nothing() {
    let mut env = TestEnvironment::set().await;
    let reconciler = env.with(&[]);
    let event = event_of("evt_1", &paid("pi_1"), 0);
    let mut uncharged = paid("pi_1");
    uncharged["latest_charge"] = Value::Null;
    for stale in [payment("pi_1", "processing"), uncharged] {
        let early = settle_with(&mut env, &reconciler, &event, &stale).await;
        assert!(is_early(&early), "{early:?}");
        assert_eq!(code(&early), "answer_behind_event");
        assert_eq!(env.db.count("app.payments").await, 0);
        assert_eq!(env.db.count("quittance.outbox").await, 0);
    }
    settle_with(&mut env, &reconciler, &event, &paid("pi_1")).await.unwrap();
    let row = env.db.json("app.payments", "true").await;
    assert_eq!(json!([row["status"], row["latest_charge"]]), json!(["succeeded", "ch_of_pi_1"]));
    let told = env.db.rows("SELECT topic FROM quittance.outbox").await;
    assert_eq!(told, [json!({"topic": "payment.succeeded"})]);
}

#[tokio::test]
async fn an_answer_that_is_later_than_its_event_is_taken_at_once() {
    let mut env = TestEnvironment::set().await;
    let reconciler = env.with(&[]);
    let mut failed = payment("pi_1", "requires_payment_method");
    failed["last_payment_error"] = json!({"type": "card_error", "code": "card_declined"});
    let processing = event_of("evt_1", &payment("pi_1", "processing"), 0);
    settle_with(&mut env, &reconciler, &processing, &failed).await.unwrap();
    let row = env.db.json("app.payments", "true").await;
    assert_eq!(row["status"], "requires_payment_method");
    // And in the version of another day, whose snapshot lacks what ours has.
    let mut old = event_of("evt_2", &json!({"id": "pi_1", "object": "payment_intent"}), 0);
    old["api_version"] = json!("2020-08-27");
    settle_with(&mut env, &reconciler, &old, &paid("pi_1")).await.unwrap();
}

#[tokio::test]
async fn an_event_that_is_no_longer_young_is_settled_by_what_stripe_answers() {
    let mut env = TestEnvironment::set().await;
    let reconciler = env.with(&[]);
    let event = event_of("evt_1", &paid("pi_1"), 3600);
    settle_with(&mut env, &reconciler, &event, &payment("pi_1", "processing")).await.unwrap();
    assert_eq!(env.db.json("app.payments", "true").await["status"], "processing");
    let attempt = env.db.json("quittance.attempts", "true").await;
    let kept = json!([attempt["outcome"], attempt["code"]]);
    assert_eq!(kept, json!(["applied", "answer_behind_event"]), "and `status` counts it");
    assert!(attempt["chain"][0].as_str().unwrap().contains("`status`"), "{attempt}");
}

#[tokio::test]
async fn an_answer_that_is_older_than_a_fresh_row_does_not_overwrite_it() {
    let mut env = TestEnvironment::set().await;
    let reconciler = env.with(&[]);
    let event = event_of("evt_1", &paid("pi_1"), 0);
    settle_with(&mut env, &reconciler, &event, &paid("pi_1")).await.unwrap();
    // An earlier event, which comes late and is not contradicted by itself.
    let earlier = event_of("evt_0", &payment("pi_1", "processing"), 0);
    let stale = payment("pi_1", "processing");
    let early = settle_with(&mut env, &reconciler, &earlier, &stale).await;
    assert!(is_early(&early), "{early:?}");
    settle_with(&mut env, &reconciler, &earlier, &paid("pi_1")).await.unwrap();
    let row = env.db.json("app.payments", "true").await;
    assert_eq!(row["status"], "succeeded");
    assert_eq!(env.db.count("app.transitions WHERE kind = 'anomalous'").await, 0);
}

#[tokio::test]
async fn an_odd_event_shares_its_fault_with_no_other_in_its_flight() {
    let mut env = TestEnvironment::set().await;
    let reconciler = env.with(&[]);
    let long_ago = 2 * 24 * 3600;
    let first =
        settle(&reconciler, &event_of("evt_first", &payment("pi_1", "succeeded"), long_ago));
    let leads = env.asked().await;
    // While that one is under way, two more arrive: one flight, the odd one first.
    let odd = settle(&reconciler, &event_of("evt_^odd^", &payment("pi_1", "succeeded"), long_ago));
    tokio::task::yield_now().await;
    let real = settle(&reconciler, &event_of("evt_real", &payment("pi_1", "succeeded"), long_ago));
    let young = settle(&reconciler, &event_of("evt_young", &payment("pi_1", "succeeded"), 0));
    leads.miss();
    let all = futures_util::future::join_all([first, odd, real, young]);
    tokio::pin!(all);
    let results = loop {
        tokio::select! {
            results = &mut all => break results,
            asked = env.asked() => {
                let event = asked.path.strip_prefix("/v1/events/").map(str::to_owned);
                match event.filter(|id| ["evt_first", "evt_real", "evt_young"].contains(&&**id)) {
                    Some(id) => asked.answer(&json!({"object": "event", "id": id})),
                    None => asked.miss(),
                }
            }
        }
    };
    let results: Vec<_> = results.into_iter().map(Result::unwrap).collect();
    let codes: Vec<_> = results.iter().map(code).collect();
    assert!(["stripe_unsendable", "stripe_wrong_account"].contains(&codes[1]), "{codes:?}");
    let rest = [codes[0], codes[2], codes[3]];
    let missing = "stripe_resource_missing";
    assert_eq!(rest, [missing, missing, "object_not_yet_there"]);
}

#[tokio::test]
async fn what_is_not_there_yet_costs_no_attempt_whatever_its_kind() {
    let env = &[("QUITTANCE__RECONCILE__READ_LAG", "20s")];
    let app = App::with(Options { env, ..Options::default() }).await;
    app.stripe().set_chaos(|chaos| {
        chaos.stale = 1.0;
        chaos.stale_by = Duration::from_millis(800);
    });
    let payment = app.pays("pm_card_visa");
    let customer = app.stripe().platform().create_customer(Default::default());
    app.settled().await;
    app.is_true().await;
    assert_eq!(app.db.count("quittance.dead_letters").await, 0);
    assert_eq!(app.db.count("quittance.attempts WHERE number > 1 OR outcome = 'failed'").await, 0);
    assert_eq!(app.told(&payment).await, ["payment.succeeded"]);
    let id = customer["id"].as_str().unwrap();
    assert_eq!(app.db.count(&format!("app.customers WHERE stripe_customer_id = '{id}'")).await, 1);
    let anomalies = app.db.store.anomaly_counts().await.unwrap();
    assert_eq!(anomalies.total(), 0);
}

#[tokio::test]
async fn an_event_that_knows_better_than_the_row_is_not_covered_by_it() {
    let mut env = TestEnvironment::set().await;
    let reconciler = env.with(&[]);
    // The answer to the first event lagged behind the second, which was made seconds before it.
    let first = event_of("evt_1", &payment("pi_1", "processing"), 12);
    settle_with(&mut env, &reconciler, &first, &payment("pi_1", "processing")).await.unwrap();
    let second = event_of("evt_2", &paid("pi_1"), 10);
    settle_with(&mut env, &reconciler, &second, &paid("pi_1")).await.unwrap();
    assert_eq!(env.db.json("app.payments", "true").await["status"], "succeeded");
    // One that says nothing new is covered, as ever.
    let third = event_of("evt_3", &payment("pi_1", "processing"), 9);
    settle(&reconciler, &third).await.unwrap().unwrap();
    assert!(env.is_silent());
}

/// An event of the connected account `acct_1`, made so many seconds from now.
fn of_account(id: &str, event_type: &str, object: &Value, seconds: i64) -> Value {
    let mut event = event_of(id, object, -seconds);
    event["type"] = json!(event_type);
    event["account"] = json!("acct_1");
    event
}

#[tokio::test]
async fn a_permission_that_an_answer_takes_away_is_asked_about_once_more_unless_an_event_shows_it()
{
    let mut env = TestEnvironment::set().await;
    let reconciler = env.with(&[]);
    let mut able = stripes_examples()["resources"]["account"].clone();
    able["id"] = json!("acct_1");
    able["requirements"] = Value::Null;
    able["capabilities"] = json!({});
    able["charges_enabled"] = json!(true);
    let mut unable = able.clone();
    unable["charges_enabled"] = json!(false);
    let first = of_account("evt_0", "account.updated", &able, -2);
    settle_with(&mut env, &reconciler, &first, &able).await.unwrap();
    // Of a capability, and so without the account: the answer may be the one from before.
    let capability = json!({"id": "transfers", "object": "capability", "account": "acct_1"});
    let of_capability = of_account("evt_1", "capability.updated", &capability, 0);
    let fault = settle_with(&mut env, &reconciler, &of_capability, &unable).await.unwrap_err();
    assert!(matches!(fault.failure.class, Class::TooEarly { .. }), "{fault:?}");
    assert!(fault.failure.message().contains("charges_enabled"), "{fault:?}");
    let enabled = "SELECT count(*) FROM app.connected_accounts WHERE charges_enabled";
    assert_eq!(env.db.number(enabled).await, 1);
    // The account's own event says the same as the answer.
    let own = of_account("evt_2", "account.updated", &unable, 1);
    settle_with(&mut env, &reconciler, &own, &unable).await.unwrap();
    assert_eq!(env.db.number(enabled).await, 0);
}

#[tokio::test]
async fn an_answer_that_fails_does_not_swallow_that_access_was_taken() {
    let mut env = TestEnvironment::set().await;
    let reconciler = env.with(&[]);
    let mut account = stripes_examples()["resources"]["account"].clone();
    account["id"] = json!("acct_1");
    account["requirements"] = Value::Null;
    account["capabilities"] = json!({});
    let updated = |id: &str, seconds| of_account(id, "account.updated", &account, seconds);
    settle_with(&mut env, &reconciler, &updated("evt_0", 0), &account).await.unwrap();
    let application = json!({"id": "ca_1", "object": "application"});
    let taken = of_account("evt_taken", "account.application.deauthorized", &application, 20);
    // Two arrive while a request is under way, so they share the next one; and that one fails.
    let leading = settle(&reconciler, &updated("evt_1", 21));
    let asked = env.asked().await;
    let together = [settle(&reconciler, &taken), settle(&reconciler, &updated("evt_2", 22))];
    tokio::task::yield_now().await;
    asked.answer(&account);
    leading.await.unwrap().unwrap();
    env.asked().await.miss();
    let events = async {
        loop {
            env.asked().await.answer(&json!({"object": "event", "id": "evt_2"}));
        }
    };
    let results = tokio::select! {
        results = futures_util::future::join_all(together) => results,
        () = events => unreachable!("it asks for ever"),
    };
    for result in results {
        assert!(result.unwrap().is_err(), "nothing was found out");
    }
    settle(&reconciler, &taken).await.unwrap().unwrap();
    let ended = "SELECT count(*) FROM app.connected_accounts WHERE deauthorized_at IS NOT NULL";
    assert_eq!(env.db.number(ended).await, 1);
}

//! Rows of mirrored kinds.

use quittance::domain::object::Kind;
use quittance::store::Outcome;
use serde_json::{Value, json};

use super::app::{App, event};

fn coupon(percent: u32) -> Value {
    json!({"object": "coupon", "id": "SUMMER", "percent_off": percent, "livemode": false})
}

#[tokio::test]
async fn the_latest_json_is_kept_and_nothing_is_told() {
    let app = App::start().await;
    app.stripe.put("/v1/coupons/SUMMER", coupon(10));
    let outcome = app.outcome(&event("coupon.created", &coupon(99))).await;
    assert_eq!(outcome, Outcome::Applied);
    assert_eq!(app.row("coupon", "SUMMER").await["data"], coupon(10), "never the snapshot");

    app.stripe.put("/v1/coupons/SUMMER", coupon(20));
    app.outcome(&event("coupon.updated", &coupon(98))).await;
    let row = app.row("coupon", "SUMMER").await;
    assert_eq!((&row["data"], &row["version"]), (&coupon(20), &json!(2)));
    app.assert_silent().await;
}

#[tokio::test]
async fn an_event_older_than_the_row_costs_no_request() {
    let app = App::start().await;
    app.stripe.put("/v1/coupons/SUMMER", coupon(10));
    app.outcome(&event("coupon.updated", &coupon(10))).await;
    app.stripe.asked();
    let mut old = event("coupon.created", &coupon(5));
    old["created"] = json!(1_700_000_000);
    assert_eq!(app.outcome(&old).await, Outcome::Covered);
    assert_eq!(app.stripe.asked(), [""; 0]);
}

/// Of each line of the table: an event, the request that its path says, the row.
#[tokio::test]
async fn every_mirrored_kind_goes_the_whole_road() {
    let app = App::start().await;
    let mut rows = 0;
    for kind in Kind::every() {
        let Some(mirror) = kind.mirror() else { continue };
        for path in mirror.paths() {
            let (owner_field, owner) = [
                ("customer", "cus_1"),
                ("account", "acct_1"),
                ("fee", "fee_1"),
                ("source", "src_1"),
            ]
            .into_iter()
            .find(|(field, _)| path.contains(&format!("{{{field}}}")))
            .unzip();
            // A kind with two places has a row for each.
            let id = format!("{}{}", mirror.prefix(), owner.unwrap_or("x"));
            let mut path = path.replace("{id}", &id);
            let mut object = json!({"object": mirror.as_str(), "livemode": false});
            if let (Some(field), Some(owner)) = (owner_field, owner) {
                path = path.replace(&format!("{{{field}}}"), owner);
                object[field] = json!(owner);
            }
            if !mirror.is_single() {
                object["id"] = json!(id);
            }
            let mut answer = object.clone();
            answer["object"] = json!(mirror.answers());
            answer["mark"] = json!(path);
            app.stripe.put(&path, answer.clone());
            let outcome = app.outcome(&event("a.type.of.tomorrow", &object)).await;
            assert_eq!(outcome, Outcome::Applied, "{mirror:?}");
            assert_eq!(app.stripe.asked(), [path.clone()], "{mirror:?}");
            let id = match (mirror.is_single(), owner) {
                (false, _) => id.as_str(),
                (true, Some(owner)) => owner,
                (true, None) => mirror.as_str(),
            };
            assert_eq!(app.row(mirror.as_str(), id).await["data"], answer, "{mirror:?}");
            rows += 1;
        }
    }
    assert_eq!(app.db.count("quittance.objects").await, rows);
    assert!(rows > 50, "{rows}");
    app.assert_silent().await;
}

#[tokio::test]
async fn the_same_id_in_two_accounts_is_two_objects() {
    let app = App::start().await;
    for (account, percent) in [("acct_1", 10), ("acct_2", 20)] {
        let path = format!("{account} /v1/coupons/SUMMER");
        app.stripe.put(&path, coupon(percent));
        let mut event = event("coupon.created", &coupon(percent));
        event["account"] = json!(account);
        app.outcome(&event).await;
        assert_eq!(app.stripe.asked(), [path]);
    }
    assert_eq!(app.db.count("quittance.objects").await, 2);
    let one = app.db.json("quittance.objects", "account = 'acct_2'").await;
    assert_eq!(one["data"], coupon(20));
}

#[tokio::test]
async fn an_answer_about_anothers_object_is_not_kept() {
    let app = App::start().await;
    let asked = json!({"object": "person", "id": "person_1", "account": "acct_1"});
    let other = json!({"object": "person", "id": "person_1", "account": "acct_2"});
    app.stripe.put("/v1/accounts/acct_1/persons/person_1", other);
    let fault = app.settle(&event("person.updated", &asked)).await.unwrap_err();
    assert_eq!(fault.failure.code, "stripe_wrong_object");
    assert_eq!(app.db.count("quittance.objects").await, 0);
}

#[tokio::test]
async fn a_missing_permission_for_a_mirrored_kind_stops_nobody_else() {
    let app = App::start().await;
    let refusal = json!({"error": {"message": "The provided key does not have the permission"}});
    app.stripe.say("/v1/coupons/SUMMER", 403, refusal);
    let fault = app.settle(&event("coupon.created", &coupon(10))).await.unwrap_err();
    assert_eq!(fault.failure.class.as_str(), "permanent");
    assert_eq!(fault.failure.code, "stripe_permission_missing");
}

#[tokio::test]
async fn what_the_settings_drop_is_nowhere_in_the_tables() {
    let app =
        App::redacting(&["email", "*.name", "coupon:percent_off", "payment_intent:description"])
            .await;
    let mut secret = coupon(77_777);
    secret["metadata"] = json!({"email": "joe@hidden.example", "name": "Joe Hidden"});
    app.stripe.put("/v1/coupons/SUMMER", secret.clone());
    app.outcome(&event("coupon.created", &secret)).await;

    let payment = json!({
        "id": "pi_1", "object": "payment_intent", "amount": 1099, "amount_capturable": 0,
        "amount_received": 1099, "capture_method": "automatic", "client_secret": "pi_1_secret_hush",
        "confirmation_method": "automatic", "created": 1_700_000_000, "currency": "eur",
        "livemode": false, "metadata": {}, "payment_method_types": ["card"], "status": "succeeded",
        "description": "for Joe Hidden", "receipt_email": "kept@example.com",
    });
    app.stripe.put("/v1/payment_intents/pi_1", payment.clone());
    app.outcome(&event("payment_intent.succeeded", &payment)).await;

    let everything = app.db.everything().await;
    for hidden in ["hidden", "Hidden", "77777", "hush"] {
        assert!(!everything.contains(hidden), "{hidden} is stored");
    }
    assert!(everything.contains("kept@example.com"));
    assert_eq!(app.db.json("app.payments", "true").await["description"], Value::Null);
}

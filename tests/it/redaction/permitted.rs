//! A path that the settings take leaves each kind readable and writable, and one that would not is
//! refused.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use quittance::config::RedactedPath;
use quittance::domain::id::{AccountId, Mode, ObjectId, Scope};
use quittance::domain::object::{Kind, Subject};
use quittance::reconcile::Settled;
use serde_json::{Value, json};

use super::paths;
use crate::harness::stripes_examples;
use crate::mirror::app::{App, event};
use crate::reconcile::every_kind;

/// Objects of each kind with a table: those of the simulator, which belong together, and Stripe's
/// examples, which are fuller.
async fn examples(app: &App) -> Vec<(Kind, Value)> {
    let mut all = every_kind::examples(app).await;
    let examples = stripes_examples();
    for kind in Kind::ALL {
        let mut object = examples["resources"][kind.as_str()].clone();
        // The generator knew no id of an account.
        if let Some(id) = object.pointer_mut("/transfer_data/destination/id") {
            *id = "acct_123".into();
        }
        object["livemode"] = json!(false);
        all.push((*kind, object));
    }
    all.push((
        Kind::PaymentIntent,
        json!({
            "id": "pi_full", "object": "payment_intent", "amount": 1099, "amount_capturable": 0,
            "amount_received": 0, "capture_method": "automatic", "confirmation_method": "automatic",
            "created": 1_700_000_000, "currency": "eur", "livemode": false,
            "metadata": {"order_id": "42"}, "payment_method_types": ["card"],
            "status": "requires_payment_method", "customer": "cus_1", "description": "one book",
            "cancellation_reason": "abandoned", "on_behalf_of": "acct_1",
            "application_fee_amount": 5, "transfer_data": {"destination": "acct_1"},
            "next_action": {"type": "redirect_to_url", "redirect_to_url": {"url": "https://a.example"}},
            "last_payment_error": {
                "type": "card_error", "code": "card_declined", "decline_code": "lost_card",
                "message": "Your card was declined.",
                "payment_method": {"id": "pm_1", "object": "payment_method", "type": "card",
                                   "created": 1, "livemode": false, "billing_details": {},
                                   "card": {"brand": "visa", "last4": "4242"}},
            },
        }),
    ));
    all
}

fn subject(kind: Kind, object: &Value) -> Subject {
    let id = object["id"].as_str().unwrap();
    let account = (kind == Kind::Account).then(|| AccountId::parse(id).unwrap());
    let scope = Scope { account, mode: Mode::Test };
    Subject { scope, kind, id: ObjectId::parse(id).unwrap(), owner: None }
}

/// Puts an object where it is asked for.
async fn put(app: &App, kind: Kind, object: &Value) {
    let id = object["id"].as_str().unwrap();
    app.stripe.remove(&format!("/v1/charges/{id}"));
    app.stripe.asked();
    app.reconciler.refresh(subject(kind, object)).await.unwrap_err();
    let path = app.stripe.asked().pop().unwrap();
    let path = path.split(['?', ' ']).find(|part| part.starts_with("/v1/")).unwrap();
    app.stripe.put(path, object.clone());
    if kind == Kind::Account {
        let capability = json!({"id": "transfers", "object": "capability", "account": id,
            "requested": true, "status": "inactive", "requirements": {"currently_due": ["x"],
            "past_due": [], "errors": [], "eventually_due": [], "pending_verification": []}});
        let list = json!({"object": "list", "data": [capability], "has_more": false, "url": ""});
        app.stripe.put(&format!("{path}/capabilities"), list);
    }
}

/// Each way to name each field of an object, as far as the settings take it: as a field of that kind
/// of object, by where it stands in anything, and by the end of its path.
fn candidates(kind: Kind, object: &Value) -> Vec<(String, RedactedPath)> {
    let mut ways = BTreeSet::new();
    for path in paths::of(object) {
        ways.insert(format!("{}:{path}", kind.as_str()));
        let names: Vec<_> = path.split('.').collect();
        for from in 0..names.len() {
            ways.insert(names[from..].join("."));
            if from + 1 < names.len() {
                ways.insert(format!("*.{}", names[from + 1..].join(".")));
            }
        }
    }
    ways.into_iter().filter_map(|way| paths::permitted(&way).map(|path| (way, path))).collect()
}

/// Reads and writes an object with each path, and with all at once; what failed, and how many were tried.
async fn try_all(app: &App, kind: Kind, object: &Value) -> (Vec<String>, usize) {
    let (mut failed, mut seen) = (Vec::new(), BTreeSet::new());
    let candidates = candidates(kind, object);
    let all = candidates.iter().map(|(_, path)| path.clone()).collect();
    let each = candidates.into_iter().map(|(way, path)| (way, vec![path]));
    for (way, paths) in each.chain([("all at once".to_owned(), all)]) {
        // Many paths come to the same.
        if !seen.insert(paths::rules(&paths).redact(object.clone()).to_string()) {
            continue;
        }
        let settled = app.dropping(paths).refresh(subject(kind, object)).await;
        match settled {
            Ok(Settled::Now { .. }) => {}
            Ok(Settled::Before) => failed.push(format!("{kind:?} {way}: not written")),
            Err(fault) => failed.push(format!("{kind:?} {way}: {}", fault.failure.message())),
        }
    }
    (failed, seen.len())
}

#[tokio::test]
async fn every_path_that_the_settings_take_leaves_each_kind_readable_and_writable() {
    let app = App::start().await;
    let examples = examples(&app).await;
    for (kind, object) in &examples {
        put(&app, *kind, object).await;
    }
    let tries = examples.iter().map(|(kind, object)| try_all(&app, *kind, object));
    let (failed, tried): (Vec<_>, Vec<_>) = join_all(tries).await.into_iter().unzip();
    let failed: Vec<_> = failed.into_iter().flatten().collect();
    assert!(failed.is_empty(), "{} paths stop the work:\n{}", failed.len(), failed.join("\n"));
    let tried: usize = tried.into_iter().sum();
    assert!(tried > 500, "{tried}");
}

/// What no path reaches, because it is not made of one field of Stripe's.
const OURS: &[&str] = &[
    "amount_returned",
    "can_charge",
    "can_receive_payments",
    "can_receive_payouts",
    "deleted",
    "destination_type",
    "evidence_past_due",
    "has_evidence",
    "observed_at",
    "submission_count",
    "version",
];

#[tokio::test]
async fn a_column_that_must_not_be_empty_is_made_of_a_field_that_the_settings_refuse_to_drop() {
    let app = App::start().await;
    let columns = app
        .db
        .rows(
            "SELECT DISTINCT k.kind, c.column_name AS name
             FROM information_schema.columns AS c
             JOIN pg_class AS t ON t.relname = c.table_name
             JOIN quittance.kinds AS k ON k.app_table = t.oid
             WHERE c.table_schema = 'app' AND c.is_nullable = 'NO' AND k.kind <> 'subscription_item'
               AND (c.column_default IS NULL OR c.data_type = 'boolean')
               AND c.column_name NOT LIKE 'stripe\\_%'
             ORDER BY 1, 2",
        )
        .await;
    assert!(columns.len() > 40, "{columns:?}");
    for column in columns {
        let [kind, name] = ["kind", "name"].map(|key| column[key].as_str().unwrap());
        if !OURS.contains(&name) {
            let path = format!("{kind}:{name}");
            assert_eq!(paths::permitted(&path), None, "redaction.paths takes `{path}`");
            assert_eq!(paths::permitted(name), None, "redaction.paths takes `{name}`");
        }
    }
}

#[tokio::test]
async fn what_is_dropped_is_in_neither_the_row_nor_what_is_told() {
    let app = App::redacting(&[
        "metadata",
        "last_payment_error",
        "payment_method:card.last4",
        "product:name",
    ])
    .await;
    let examples = examples(&app).await;
    for (kind, object) in &examples {
        put(&app, *kind, object).await;
    }
    let of = |wanted: Kind, id: Option<&str>| {
        let is_it = |it: &&(Kind, Value)| it.0 == wanted && id.is_none_or(|id| it.1["id"] == id);
        examples.iter().find(is_it).unwrap().1.clone()
    };
    let payment = of(Kind::PaymentIntent, Some("pi_full"));
    app.outcome(&event("payment_intent.payment_failed", &payment)).await;
    let row = app.db.json("app.payments", "stripe_payment_intent_id = 'pi_full'").await;
    for column in ["failure_code", "failure_decline_code", "failure_message"] {
        assert_eq!(row[column], Value::Null, "{column}");
    }
    assert_eq!(row["metadata"], json!({}));
    let told =
        app.db.rows("SELECT quittance.outbox_body(o) AS body FROM quittance.outbox AS o").await;
    assert!(told.iter().any(|it| it["body"]["topic"] == "payment.attempt_failed"), "{told:?}");
    for hidden in ["declined.", "lost_card", "\"42\""] {
        assert!(!json!(told).to_string().contains(hidden), "{hidden} is told");
    }

    let method = of(Kind::PaymentMethod, None);
    assert!(method["card"]["last4"].is_string(), "{method}");
    app.outcome(&event("payment_method.updated", &method)).await;
    let row = app.db.json("app.payment_methods", "true").await;
    assert_eq!(row["last4"].as_str().unwrap_or_default(), "");
    assert_eq!(row["brand"], method["card"]["brand"]);

    app.outcome(&event("product.updated", &of(Kind::Product, None))).await;
    let row = app.db.json("app.products", "true").await;
    assert_eq!(row["name"].as_str().unwrap_or_default(), "");
}

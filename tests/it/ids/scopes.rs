//! The same id in two accounts and in both modes.

use quittance::domain::id::Mode;
use quittance::domain::object::Kind;
use quittance::ops::name::{Name, NameError};
use quittance::ops::objects;
use quittance::store::Outcome;
use quittance::store::object::{Found, ObjectFilter, ObjectKey};
use serde_json::{Value, json};

use crate::harness::stripes_examples;
use crate::mirror::app::{App, event};
use crate::reconcile::every_kind::examples;

/// Our own account, and two connected ones.
const SCOPES: [(&str, bool); 4] = [("", false), ("", true), ("acct_1", false), ("acct_2", true)];

/// What Stripe makes itself, once, and never copies: the same id elsewhere is a mistake in the set-up,
/// which must not overwrite anything.
const MADE_ONCE: &[Kind] = &[
    Kind::PaymentIntent,
    Kind::Charge,
    Kind::Refund,
    Kind::SetupIntent,
    Kind::CheckoutSession,
    Kind::Subscription,
    Kind::Invoice,
    Kind::SubscriptionSchedule,
];

/// As an event shows it. That of a refund, or of a dispute, would make us look at its charge first.
fn alone(object: &Value) -> Value {
    let mut object = object.clone();
    if matches!(object["object"].as_str(), Some("refund" | "dispute")) {
        object["charge"] = json!(null);
    }
    object
}

/// An event about the object in a scope, and Stripe's answer to what it asks.
fn told(app: &App, object: &Value, path: &str, scope: (&str, bool), event_type: &str) -> Value {
    let (account, livemode) = scope;
    let mut object = object.clone();
    if !object["livemode"].is_null() {
        object["livemode"] = json!(livemode);
    }
    app.stripe.put(path, object.clone());
    let mut told = event(event_type, &alone(&object));
    told["livemode"] = json!(livemode);
    if !account.is_empty() {
        told["account"] = json!(account);
    }
    told
}

/// The path by which the object is asked for.
async fn path_of(app: &App, object: &Value) -> String {
    app.stripe.remove(&format!("/v1/charges/{}", object["id"].as_str().unwrap_or_default()));
    app.settle(&event("a.type.of.tomorrow", &alone(object))).await.unwrap_err();
    app.stripe.asked().pop().unwrap()
}

async fn scopes(app: &App, table: &str, column: &str, id: &str) -> Vec<(String, bool)> {
    let query = format!(
        "SELECT stripe_account, livemode FROM {table} WHERE {column} = '{id}' ORDER BY 1, 2"
    );
    let rows = app.db.rows(&query).await;
    let scope =
        |row: &Value| (row["stripe_account"].as_str().unwrap().to_owned(), row["livemode"] == true);
    rows.iter().map(scope).collect()
}

#[tokio::test]
async fn the_same_id_in_two_accounts_and_in_both_modes_has_a_row_each_where_that_can_be() {
    let app = App::of_both_modes().await;
    for (kind, object) in examples(&app).await {
        // A connected account is in itself alone; both of its modes have a row.
        if kind == Kind::Account {
            continue;
        }
        let path = path_of(&app, &object).await;
        let id = object["id"].as_str().unwrap();
        let place = app.db.json("quittance.kinds", &format!("kind = '{}'", kind.as_str())).await;
        let [table, column] = ["app_table", "id_column"].map(|it| place[it].as_str().unwrap());
        for scope in SCOPES {
            let told = told(&app, &object, &path, scope, "a.type.of.tomorrow");
            if MADE_ONCE.contains(&kind) && scope != SCOPES[0] {
                let failure = app.settle(&told).await.unwrap_err().failure;
                assert_eq!(failure.code, "object_of_another_scope", "{kind:?} {scope:?}");
            } else {
                assert_eq!(app.outcome(&told).await, Outcome::Applied, "{kind:?} {scope:?}");
            }
        }
        let rows = if MADE_ONCE.contains(&kind) { &SCOPES[..1] } else { &SCOPES[..] };
        let rows: Vec<_> =
            rows.iter().map(|(account, live)| ((*account).to_owned(), *live)).collect();
        assert_eq!(scopes(&app, table, column, id).await, rows, "{kind:?}");
        let each = format!(
            "SELECT topic, array_agg(account || livemode) AS scopes FROM quittance.outbox
             WHERE object_id = '{id}' AND object_kind = '{}' GROUP BY topic",
            kind.as_str()
        );
        for told in app.db.rows(&each).await {
            let scopes = told["scopes"].as_array().unwrap();
            assert_eq!(scopes.len(), rows.len(), "{kind:?}: a notification for each: {told}");
        }
    }
}

#[tokio::test]
async fn a_connected_account_has_a_row_in_each_mode() {
    let app = App::of_both_modes().await;
    let all = examples(&app).await;
    let (_, account) = all.iter().find(|(kind, _)| *kind == Kind::Account).unwrap();
    let id = account["id"].as_str().unwrap();
    for livemode in [false, true] {
        let path = format!("/v1/accounts/{id}");
        let told = told(&app, account, &path, (id, livemode), "account.updated");
        assert_eq!(app.outcome(&told).await, Outcome::Applied);
    }
    assert_eq!(app.db.count("app.connected_accounts").await, 2);
}

#[tokio::test]
async fn the_same_id_of_a_mirrored_kind_has_a_row_in_each_account_and_mode() {
    let app = App::of_both_modes().await;
    let all = stripes_examples();
    let mut kept = 0;
    for kind in Kind::every().filter(|kind| kind.mirror().is_some()) {
        let mirror = kind.mirror().unwrap();
        let mut object = all["resources"][kind.as_str()].clone();
        if object.is_null() {
            object = json!({"id": "own_1", "livemode": false});
        }
        object["object"] = json!(kind.as_str());
        for owner in quittance::domain::mirror::owners(kind.as_str()) {
            object[owner.field()] = json!(if owner.field() == "account" { "acct_9" } else { "x" });
        }
        if object["livemode"].is_boolean() {
            object["livemode"] = json!(false);
        }
        let path = path_of(&app, &object).await;
        object["object"] = json!(mirror.answers());
        for scope in SCOPES {
            let mut told = told(&app, &object, &path, scope, "a.type.of.tomorrow");
            told["data"]["object"]["object"] = json!(kind.as_str());
            // Parts of a connected account lead to that account as a whole by their types alone.
            assert_eq!(app.outcome(&told).await, Outcome::Applied, "{kind:?} {scope:?}");
        }
        kept += i64::try_from(SCOPES.len()).unwrap();
        assert_eq!(app.db.count("quittance.objects").await, kept, "{kind:?}");
    }
}

/// A customer of the same id in each scope, made by as many events.
async fn four_customers(app: &App) -> Value {
    let all = examples(app).await;
    let (_, mut customer) = all.into_iter().find(|(kind, _)| *kind == Kind::Customer).unwrap();
    customer["id"] = json!("user 42");
    customer["metadata"] = json!({"user_id": "42"});
    for scope in SCOPES {
        let told = told(app, &customer, "/v1/customers/user%2042", scope, "customer.created");
        assert_eq!(app.outcome(&told).await, Outcome::Applied);
    }
    customer
}

#[tokio::test]
async fn a_deletion_in_one_scope_leaves_the_others() {
    let app = App::of_both_modes().await;
    let customer = four_customers(&app).await;
    let path = "/v1/customers/user%2042";
    let told = told(&app, &customer, path, ("acct_1", false), "customer.deleted");
    app.stripe.remove(path);
    assert_eq!(app.outcome(&told).await, Outcome::Gone);
    let deleted = app.db.json("app.customers", "deleted").await;
    assert_eq!(deleted["stripe_account"], "acct_1");
    assert_eq!(app.db.number("SELECT count(*) FROM app.customers WHERE NOT deleted").await, 3);
}

#[tokio::test]
async fn an_operator_is_asked_which_one_is_meant_and_sees_the_story_of_that_one() {
    let app = App::of_both_modes().await;
    four_customers(&app).await;
    let store = &app.db.store;
    let mut name = Name::parse("user 42").unwrap();
    let error = objects::show(store, &name).await.unwrap_err();
    assert!(matches!(&error, NameError::Ambiguous { found, .. } if found.len() == 4), "{error}");
    let said = error.to_string();
    assert!(said.contains("a customer of acct_1 in test mode"), "{said}");
    assert!(said.contains("a customer of our own account in live mode"), "{said}");

    (name.account, name.mode) = (Some(String::new()), Some(Mode::Test));
    let shown = objects::show(store, &name).await.unwrap();
    let key = &shown.object;
    assert_eq!((key.account.as_str(), key.livemode), ("", false));
    assert_eq!(shown.table.unwrap().columns["livemode"], false);
    let count = |word: &str| shown.timeline.iter().filter(|it| it.what.word() == word).count();
    assert_eq!((count("event"), count("attempt")), (1, 1), "{:#?}", shown.timeline);

    // What was done to one of them is in the story of that one.
    let acts = "INSERT INTO quittance.audit_log (actor, verb, target, details) VALUES
        ('jane', 'object.reconcile', 'object:user 42',
         '{\"kind\": \"customer\", \"account\": \"acct_1\", \"livemode\": false}')";
    app.db.execute(acts).await;
    let acts = async |account: &str| {
        let name = Name { account: Some(account.to_owned()), ..name.clone() };
        let shown = objects::show(store, &name).await.unwrap();
        shown.timeline.iter().filter(|moment| moment.what.word() == "act").count()
    };
    assert_eq!((acts("").await, acts("acct_1").await), (0, 1));
}

#[tokio::test]
async fn lists_show_all_of_them_page_after_page() {
    let app = App::of_both_modes().await;
    four_customers(&app).await;
    let metadata = Some(("user_id".to_owned(), "42".to_owned()));
    let customer = Some("user 42".to_owned());
    let kind = Some(Kind::Customer);
    for filter in [
        ObjectFilter { customer, ..ObjectFilter::default() },
        ObjectFilter { metadata, ..ObjectFilter::default() },
        ObjectFilter { kind, ..ObjectFilter::default() },
    ] {
        let mut seen: Vec<ObjectKey> = Vec::new();
        loop {
            let after = seen.last().map(|key| ObjectKey::from_cursor(&key.cursor()).unwrap());
            let page = objects::list(&app.db.store, &filter, after.as_ref(), 1).await.unwrap();
            seen.extend(page.objects.into_iter().map(|Found { key, .. }| key));
            if !page.more {
                break;
            }
        }
        let mut found: Vec<_> =
            seen.iter().map(|key| (key.account.as_str(), key.livemode)).collect();
        found.sort_unstable();
        assert_eq!(found, SCOPES, "{filter:?}");
    }
    let account = Some("acct_2".to_owned());
    let filter =
        ObjectFilter { customer: Some("user 42".to_owned()), account, ..ObjectFilter::default() };
    let page = objects::list(&app.db.store, &filter, None, 10).await.unwrap();
    assert_eq!(page.objects.len(), 1);
}

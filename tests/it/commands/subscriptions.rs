//! Subscriptions: each made once, changed once and ended once, and what completes it is stored nowhere.

use serde_json::{Value, json};
use stripe_simulator::{Confirm, Fault, FaultKind, Kind, ScriptedAnswer};

use super::access;
use super::app::{ApiApp, Reply};
use crate::harness::within;

const PATH: &str = "/v1/subscriptions";
const CREATE: &str = "POST /v1/subscriptions";
const CHANGE: &str = "POST /v1/subscriptions/{id}";
const CANCEL: &str = "DELETE /v1/subscriptions/{id}";

/// A team with a customer and a price of 9.00 EUR a month.
struct Shop {
    api: ApiApp,
    customer: String,
    price: String,
}

impl Shop {
    async fn open() -> Self {
        let api = ApiApp::with(&[
            ("QUITTANCE__API__RETURN_URLS", "https://shop.example"),
            ("QUITTANCE__STRIPE__TIMEOUT", "700ms"),
        ])
        .await;
        let customer = api.post("/v1/customers", "user-1", json!({"name": "Jane"})).await;
        let customer = customer.id().to_owned();
        let product = api.app.stripe().platform().create_product(None, "Tea").unwrap();
        let shop = Self { api, customer, price: String::new() };
        let price = shop.another_price(product["id"].as_str().unwrap(), 900);
        Self { price, ..shop }
    }

    fn another_price(&self, product: &str, amount: i64) -> String {
        let price = self.api.app.stripe().platform().create_price(product, amount, "eur").unwrap();
        price["id"].as_str().unwrap().to_owned()
    }

    /// A saved card of the customer.
    fn card(&self, card: &str) -> String {
        let method = self.api.app.stripe().platform().attach_method(card, &self.customer).unwrap();
        method["id"].as_str().unwrap().to_owned()
    }

    /// Two of the price.
    fn body(&self, more: Value) -> Value {
        let mut all =
            json!({"customer": self.customer, "items": [{"price": self.price, "quantity": 2}]});
        if let (Value::Object(all), Value::Object(more)) = (&mut all, more) {
            all.extend(more);
        }
        all
    }

    async fn subscribe(&self, key: &str, more: Value) -> Reply {
        self.api.post(PATH, key, self.body(more)).await
    }

    async fn subscribed(&self, key: &str, more: Value) -> Reply {
        let reply = self.subscribe(key, more).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        reply
    }

    /// One that is paid with a saved card.
    async fn running(&self, key: &str) -> Reply {
        let card = self.card("pm_card_visa");
        let more = json!({"payment_behavior": "allow_incomplete", "default_payment_method": card,
                          "off_session": true});
        let reply = self.subscribed(key, more).await;
        assert_eq!(reply.body["status"], "active", "{reply:?}");
        reply
    }

    fn at_stripe(&self) -> Vec<Value> {
        self.api.at_stripe(Kind::Subscription)
    }

    fn events(&self, kind: &str) -> usize {
        self.api.app.events(kind).len()
    }

    async fn turns(&self) {
        for _ in 0..4 {
            self.api.time_passes().await;
            self.api.finish().await;
        }
    }

    async fn ends_true(self) {
        self.api.app.settled().await;
        self.api.app.is_true().await;
        self.api.stop().await;
    }
}

/// The customer pays the first invoice.
fn pay_first(shop: &Shop, reply: &Reply) {
    let secret = reply.body["client_secret"].as_str().unwrap();
    let payment = secret.split("_secret_").next().unwrap();
    let confirm = Confirm {
        payment_method: Some("pm_card_visa".to_owned()),
        return_url: Some("https://shop.example".to_owned()),
        ..Confirm::default()
    };
    shop.api.app.stripe().platform().confirm_payment(payment, confirm).unwrap();
}

#[tokio::test]
async fn a_subscription_is_made_once_and_its_secret_is_stored_nowhere() {
    let shop = Shop::open().await;
    shop.api.app.stripe().set_auto_deliver(false);
    let first = shop.subscribed("sub-1", json!({"metadata": {"plan": "tea"}})).await;
    assert_eq!(
        (&first.body["status"], &first.body["client_secret_type"]),
        (&json!("incomplete"), &json!("payment"))
    );
    assert_eq!(first.body["items"]["data"][0]["price"]["id"], shop.price);
    assert_eq!(first.body["items"]["data"][0]["quantity"], 2);
    let payments = shop.api.at_stripe(Kind::PaymentIntent);
    assert_eq!((payments.len(), &payments[0]["amount"]), (1, &json!(1800)));
    assert_eq!(first.body["client_secret"], payments[0]["client_secret"]);
    let row = shop.api.app.db.json("app.subscriptions", "true").await;
    assert_eq!(row["stripe_subscription_id"], first.body["id"], "before the answer");
    assert_eq!(shop.api.app.db.count("app.subscription_items").await, 1);
    let raw = shop.api.app.db.json("quittance.objects", "kind = 'subscription'").await;
    assert_eq!(raw["data"]["latest_invoice"], first.body["latest_invoice"], "its id alone");
    shop.api.app.stripe().set_auto_deliver(true);
    shop.api.app.stripe().release();

    let again = shop.subscribed("sub-1", json!({"metadata": {"plan": "tea"}})).await;
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(again.body, first.body);
    let other = shop.subscribe("sub-1", json!({})).await;
    assert_eq!((other.status, other.code()), (422, "idempotency_key_reused"));
    assert_eq!(shop.at_stripe().len(), 1);
    let at_stripe = &shop.at_stripe()[0];
    let command = json!(first.body["command"]);
    assert_eq!(at_stripe["metadata"], json!({"plan": "tea", "quittance_command": command}));
    assert_eq!(at_stripe["payment_settings"]["save_default_payment_method"], "on_subscription");

    shop.api.app.settled().await;
    let secret = first.body["client_secret"].as_str().unwrap();
    let objects = shop.api.app.db.rows("SELECT * FROM quittance.objects").await;
    let stored = json!([shop.api.stored().await, objects]).to_string();
    assert!(!stored.contains(secret), "{stored}");

    pay_first(&shop, &first);
    shop.api.app.settled().await;
    let paid = shop.subscribed("sub-1", json!({"metadata": {"plan": "tea"}})).await;
    assert_eq!(paid.body["client_secret_type"], json!(null), "nothing is to be confirmed any more");
    assert!(paid.body.get("client_secret").is_none());
    let shown = shop.api.get(&format!("{PATH}/{}?refresh=true", first.id())).await;
    assert_eq!((shown.status, &shown.body["status"]), (200, &json!("active")), "{shown:?}");
    assert_eq!(shown.body["items"][0]["quantity"], 2);
    shop.ends_true().await;
}

/// Unknown for the client, and then one subscription and its secret for each repetition.
async fn ends_as_one(shop: Shop, fault: &FaultKind) {
    shop.turns().await;
    let reply = shop.subscribed("sub-1", json!({})).await;
    let at_stripe = shop.at_stripe();
    assert_eq!(at_stripe.len(), 1, "{fault:?}: {at_stripe:?}");
    assert_eq!(reply.body["id"], at_stripe[0]["id"], "{fault:?}");
    let payment = &shop.api.at_stripe(Kind::PaymentIntent)[0];
    assert_eq!(reply.body["client_secret"], payment["client_secret"], "{fault:?}");
    assert_eq!(reply.body["client_secret_type"], "payment", "{fault:?}");
    shop.ends_true().await;
}

#[tokio::test]
async fn whatever_breaks_on_the_way_there_is_one_subscription() {
    for fault in [
        FaultKind::ResetBefore,
        FaultKind::ResetAfter,
        FaultKind::TimeoutBefore,
        FaultKind::TimeoutAfter,
        FaultKind::Unavailable,
        FaultKind::KeyInUse,
    ] {
        let shop = Shop::open().await;
        shop.api.app.stripe().add_fault(Fault::once(CREATE, fault.clone()));
        let reply = shop.subscribe("sub-1", json!({})).await;
        assert_eq!(reply.status, 202, "{fault:?}: {reply:?}");
        ends_as_one(shop, &fault).await;
    }
}

#[tokio::test]
async fn a_stored_500_is_looked_up_by_what_the_webhook_brought() {
    let shop = Shop::open().await;
    shop.api.app.stripe().add_fault(Fault::once(CREATE, FaultKind::ErrorAfter));
    assert_eq!(shop.subscribe("sub-1", json!({})).await.status, 202);
    shop.api.app.settled().await;
    shop.turns().await;
    assert_eq!(shop.api.app.stripe().stats().requests_to(Some(CREATE)), 2, "no third create");
    let lists = shop.api.app.stripe().stats().requests_to(Some("GET /v1/subscriptions"));
    assert_eq!(lists, 0, "the row was enough");
    ends_as_one(shop, &FaultKind::ErrorAfter).await;
}

#[tokio::test]
async fn a_stored_500_is_looked_up_in_the_list_also_when_it_was_canceled_meanwhile() {
    let shop = Shop::open().await;
    let stripe = shop.api.app.stripe();
    stripe.set_auto_deliver(false);
    stripe.add_fault(Fault::once(CREATE, FaultKind::ErrorAfter));
    assert_eq!(shop.subscribe("sub-1", json!({})).await.status, 202);
    let made = shop.at_stripe()[0]["id"].as_str().unwrap().to_owned();
    stripe.platform().cancel_subscription(&made).unwrap();
    stripe.clock().advance(60);
    shop.turns().await;
    assert_eq!(shop.api.stored().await[1]["failure"], "waits_for_lists");
    let earlier = "UPDATE quittance.commands SET last_sent_at = now() - interval '6 min'";
    shop.api.app.db.execute(earlier).await;
    shop.turns().await;
    let reply = shop.subscribed("sub-1", json!({})).await;
    assert_eq!((reply.id(), &reply.body["status"]), (&*made, &json!("canceled")), "{reply:?}");
    assert_eq!(reply.body["client_secret_type"], json!(null));
    assert_eq!(shop.at_stripe().len(), 1);
    stripe.set_auto_deliver(true);
    stripe.release();
    shop.ends_true().await;
}

#[tokio::test]
async fn what_is_proved_absent_is_sent_anew() {
    let shop = Shop::open().await;
    shop.api.app.stripe().add_fault(Fault::once(CREATE, FaultKind::ErrorBefore));
    assert_eq!(shop.subscribe("sub-1", json!({})).await.status, 202);
    shop.turns().await;
    assert_eq!(shop.at_stripe().len(), 0);
    let earlier = "UPDATE quittance.commands SET last_sent_at = now() - interval '6 min'";
    shop.api.app.db.execute(earlier).await;
    ends_as_one(shop, &FaultKind::ErrorBefore).await;
}

#[tokio::test]
async fn a_repeated_answer_is_old_and_so_is_its_secret() {
    let shop = Shop::open().await;
    let stripe = shop.api.app.stripe();
    stripe.set_auto_deliver(false);
    stripe.add_fault(Fault::once(CREATE, FaultKind::TimeoutAfter));
    assert_eq!(shop.subscribe("sub-1", json!({})).await.status, 202);
    let secret = shop.api.at_stripe(Kind::PaymentIntent)[0]["client_secret"].clone();
    let reply = Reply {
        status: 0,
        headers: hyper::HeaderMap::new(),
        body: json!({"client_secret": secret}),
    };
    pay_first(&shop, &reply);
    stripe.clock().advance(60);
    shop.turns().await;
    let reply = shop.subscribed("sub-1", json!({})).await;
    assert_eq!(reply.body["status"], "active", "{reply:?}");
    assert_eq!(reply.body["client_secret_type"], json!(null), "{reply:?}");
    stripe.set_auto_deliver(true);
    stripe.release();
    shop.ends_true().await;
}

#[tokio::test]
async fn all_of_more_than_ten_items_have_rows_before_the_answer() {
    let shop = Shop::open().await;
    shop.api.app.stripe().set_auto_deliver(false);
    let product = shop.api.app.stripe().platform().create_product(None, "Cups").unwrap();
    let product = product["id"].as_str().unwrap();
    let items: Vec<_> =
        (0..11).map(|n| json!({"price": shop.another_price(product, 100 + n)})).collect();
    let reply = shop.subscribed("sub-1", json!({"items": items})).await;
    assert_eq!(reply.body["items"]["data"].as_array().unwrap().len(), 11);
    assert_eq!(reply.body["client_secret_type"], "payment");
    assert_eq!(shop.api.app.db.count("app.subscription_items").await, 11);
    shop.api.app.stripe().set_auto_deliver(true);
    shop.api.app.stripe().release();
    shop.ends_true().await;
}

#[tokio::test]
async fn a_trial_has_a_setup_to_confirm_or_nothing() {
    let shop = Shop::open().await;
    let trial = json!({"trial_period_days": 14});
    let reply = shop.subscribed("sub-1", trial.clone()).await;
    assert_eq!(reply.body["status"], "trialing");
    assert_eq!(reply.body["client_secret_type"], "setup", "{reply:?}");
    let setups = shop.api.at_stripe(Kind::SetupIntent);
    assert_eq!(reply.body["client_secret"], setups[0]["client_secret"]);
    assert_eq!(shop.subscribed("sub-1", trial.clone()).await.body, reply.body);
    let setup = setups[0]["id"].as_str().unwrap();
    shop.api.app.stripe().platform().confirm_setup(setup, "pm_card_visa").unwrap();
    let done = shop.subscribed("sub-1", trial).await;
    assert_eq!(done.body["client_secret_type"], json!(null), "{done:?}");

    let card = shop.card("pm_card_visa");
    let saved = json!({"trial_end": 4_000_000_000_i64, "default_payment_method": card});
    let reply = shop.subscribed("sub-2", saved).await;
    assert_eq!(
        (&reply.body["status"], &reply.body["client_secret_type"]),
        (&json!("trialing"), &json!(null))
    );
    shop.ends_true().await;
}

#[tokio::test]
async fn the_same_subscription_under_a_new_key_is_the_same_subscription() {
    let shop = Shop::open().await;
    let reference = json!({"reference": "jane-tea"});
    let first = shop.subscribed("try-1", reference.clone()).await;
    let second = shop.subscribed("try-2", reference.clone()).await;
    assert_eq!(
        (second.id(), &second.body["client_secret"], &second.body["client_secret_type"]),
        (first.id(), &first.body["client_secret"], &json!("payment"))
    );
    let more = json!({"reference": "jane-tea", "items": [{"price": shop.price, "quantity": 3}]});
    let more = shop.subscribe("try-3", more).await;
    assert_eq!((more.status, more.code()), (409, "reference_differs"), "{more:?}");

    pay_first(&shop, &first);
    shop.api.app.settled().await;
    let late = shop.subscribe("try-4", reference.clone()).await;
    assert_eq!((late.status, late.code()), (409, "reference_paid"), "{late:?}");
    let found = shop.api.get(&format!("{PATH}?reference=jane-tea")).await;
    assert_eq!((found.status, found.id()), (200, first.id()));

    let cancel = format!("{PATH}/{}/cancel", first.id());
    assert_eq!(shop.api.post(&cancel, "end-1", json!({})).await.status, 200);
    let next = shop.subscribed("try-5", reference).await;
    assert_ne!(next.id(), first.id(), "one that is over gives its reference back");
    assert_eq!(shop.at_stripe().len(), 2);
    let none = shop.api.get(&format!("{PATH}?reference=joe-tea")).await;
    assert_eq!((none.status, none.code()), (404, "not_found"));
    shop.ends_true().await;
}

#[tokio::test]
async fn a_saved_card_pays_at_once_and_a_declined_one_is_final_for_its_key() {
    let shop = Shop::open().await;
    let reply = shop.running("sub-1").await;
    assert_eq!(reply.body["client_secret_type"], json!(null), "{reply:?}");
    for (key, card, code) in [
        ("sub-2", "pm_card_chargeCustomerFail", "card_declined"),
        ("sub-3", "pm_card_authenticationRequired", "authentication_required"),
    ] {
        let more = json!({"payment_behavior": "error_if_incomplete",
                          "default_payment_method": shop.card(card)});
        let reply = shop.subscribe(key, more.clone()).await;
        assert_eq!((reply.status, reply.code()), (402, code), "{reply:?}");
        let again = shop.subscribe(key, more).await;
        assert_eq!((again.status, &again.body), (402, &reply.body));
    }
    assert_eq!(shop.at_stripe().len(), 1);
    shop.ends_true().await;
}

#[tokio::test]
async fn a_subscription_is_changed_by_item_by_quantity_and_at_its_end() {
    let shop = Shop::open().await;
    let made = shop.running("sub-1").await;
    let path = format!("{PATH}/{}", made.id());
    let change = |key: &'static str, path: &str, change: Value| {
        let path = path.to_owned();
        let api = &shop.api;
        async move { api.post(&path, key, change).await }
    };
    let five = change("five", &path, json!({"quantity": 5})).await;
    assert_eq!(five.status, 200, "{five:?}");
    assert_eq!(five.body["items"]["data"][0]["quantity"], 5);
    let row = shop.api.app.db.json("app.subscription_items", "true").await;
    assert_eq!(row["quantity"], 5, "before the answer");
    let again = change("five", &path, json!({"quantity": 5})).await;
    assert_eq!((again.header("idempotent-replayed"), &again.body), (Some("true"), &five.body));

    let product = made.body["items"]["data"][0]["price"]["product"].as_str().unwrap();
    let dear = shop.another_price(product, 2_000);
    let item = made.body["items"]["data"][0]["id"].clone();
    let swap = json!({"items": [{"id": item, "deleted": true}, {"price": dear, "quantity": 1}],
                      "metadata": {"plan": "dear"}, "proration_behavior": "none"});
    // By the row's own id.
    let own = shop.api.get(&path).await.body["quittance_id"].as_str().unwrap().to_owned();
    let swapped = change("swap", &format!("{PATH}/{own}"), swap).await;
    assert_eq!(swapped.body["items"]["data"][0]["price"]["id"], dear, "{swapped:?}");
    assert_eq!(swapped.body["metadata"]["plan"], "dear");
    assert_eq!(swapped.body["metadata"]["quittance_command"], made.body["command"]);
    let ends = change("ends", &path, json!({"cancel_at_period_end": true})).await;
    assert_eq!(ends.body["cancel_at_period_end"], true, "{ends:?}");
    let stays = change("stays", &path, json!({"cancel_at_period_end": false})).await;
    assert_eq!(stays.body["cancel_at_period_end"], false, "{stays:?}");
    shop.ends_true().await;
}

#[tokio::test]
async fn a_change_is_made_once_whatever_breaks() {
    for fault in [
        FaultKind::TimeoutAfter,
        FaultKind::TimeoutBefore,
        FaultKind::ResetAfter,
        FaultKind::ErrorAfter,
        FaultKind::ErrorBefore,
    ] {
        let shop = Shop::open().await;
        let made = shop.running("sub-1").await;
        let path = format!("{PATH}/{}", made.id());
        let before = shop.events("customer.subscription.updated");
        shop.api.app.stripe().add_fault(Fault::once(CHANGE, fault.clone()));
        let reply = shop.api.post(&path, "five", json!({"quantity": 5})).await;
        assert_eq!(reply.status, 202, "{fault:?}: {reply:?}");
        let other = shop.api.post(&path, "six", json!({"quantity": 6})).await;
        assert_eq!(
            (other.status, other.code()),
            (409, "command_in_progress"),
            "{fault:?}: {other:?}"
        );
        shop.turns().await;
        let reply = shop.api.post(&path, "five", json!({"quantity": 5})).await;
        assert_eq!(reply.status, 200, "{fault:?}: {reply:?}");
        assert_eq!(reply.body["items"]["data"][0]["quantity"], 5, "{fault:?}");
        let updates = shop.events("customer.subscription.updated") - before;
        assert_eq!(updates, 1, "{fault:?}: it was changed once");
        let six = shop.api.post(&path, "six", json!({"quantity": 6})).await;
        assert_eq!((six.status, &six.body["items"]["data"][0]["quantity"]), (200, &json!(6)));
        shop.ends_true().await;
    }
}

#[tokio::test]
async fn a_subscription_is_ended_once_whatever_breaks() {
    for fault in [
        FaultKind::TimeoutAfter,
        FaultKind::TimeoutBefore,
        FaultKind::ResetAfter,
        FaultKind::ErrorAfter,
        FaultKind::ErrorBefore,
        FaultKind::Unavailable,
    ] {
        let shop = Shop::open().await;
        let made = shop.running("sub-1").await;
        let cancel = format!("{PATH}/{}/cancel", made.id());
        shop.api.app.stripe().add_fault(Fault::once(CANCEL, fault.clone()));
        let reply = shop.api.post(&cancel, "end-1", json!({})).await;
        assert_eq!(reply.status, 202, "{fault:?}: {reply:?}");
        shop.turns().await;
        let reply = shop.api.post(&cancel, "end-1", json!({})).await;
        assert_eq!(
            (reply.status, &reply.body["status"]),
            (200, &json!("canceled")),
            "{fault:?}: {reply:?}"
        );
        assert_eq!(shop.events("customer.subscription.deleted"), 1, "{fault:?}");
        let twice = shop.api.post(&cancel, "end-2", json!({})).await;
        assert_eq!((twice.status, twice.code()), (409, "status_forbids"), "{fault:?}: {twice:?}");
        shop.ends_true().await;
    }
}

#[tokio::test]
async fn a_cancellation_that_took_effect_late_is_no_refusal() {
    let shop = Shop::open().await;
    let made = shop.running("sub-1").await;
    let cancel = format!("{PATH}/{}/cancel", made.id());
    let stripe = shop.api.app.stripe();
    stripe.add_fault(Fault::once(CANCEL, FaultKind::TimeoutBefore));
    assert_eq!(shop.api.post(&cancel, "end-1", json!({})).await.status, 202);
    stripe.add_fault(Fault::once(CANCEL, FaultKind::HoldBefore));
    shop.api.time_passes().await;
    // It looks, and finds the subscription active.
    shop.api.commands.finish_due().await;
    shop.api.time_passes().await;
    let commands = shop.api.another_process();
    let finishing = tokio::spawn(async move { commands.finish_due().await });
    let held = within("the second cancellation", stripe.next_held()).await;
    // The first one arrives now.
    stripe.platform().cancel_subscription(made.id()).unwrap();
    held.proceed();
    finishing.await.unwrap();
    let reply = shop.api.post(&cancel, "end-1", json!({})).await;
    assert_eq!((reply.status, &reply.body["status"]), (200, &json!("canceled")), "{reply:?}");
    shop.ends_true().await;
}

#[tokio::test]
async fn what_breaks_a_rule_is_refused_with_its_code_and_never_sent() {
    let shop = Shop::open().await;
    let made = shop.running("sub-1").await;
    let path = format!("{PATH}/{}", made.id());
    let item = made.body["items"]["data"][0]["id"].clone();
    let sent = shop.api.app.stripe().stats().requests_to(Some(CREATE));
    for (path, body, expected) in [
        (PATH, shop.body(json!({"items": []})), (400, "parameters_conflict")),
        (PATH, shop.body(json!({"off_session": true})), (400, "parameters_conflict")),
        (PATH, shop.body(json!({"reference": ""})), (400, "reference_invalid")),
        (PATH, shop.body(json!({"plan": "tea"})), (400, "invalid_request")),
        (PATH, shop.body(json!({"items": [["price_1", 2]]})), (400, "invalid_request")),
        (PATH, shop.body(json!({"payment_settings": ["off"]})), (400, "invalid_request")),
        (
            PATH,
            shop.body(json!({"metadata": {"quittance_update": "x"}})),
            (400, "metadata_invalid"),
        ),
        (PATH, shop.body(json!({"metadata": {"n": "4242424242424242"}})), (400, "card_data")),
        (&path, json!({}), (400, "parameters_conflict")),
        (
            &path,
            json!({"items": [{"id": "si_other", "quantity": 1}]}),
            (400, "parameters_conflict"),
        ),
        (&path, json!({"items": [{"id": item, "deleted": true}]}), (400, "parameters_conflict")),
        ("/v1/subscriptions/sub_none", json!({"quantity": 1}), (404, "not_found")),
        ("/v1/subscriptions/pi_1", json!({"quantity": 1}), (404, "not_found")),
        ("/v1/subscriptions/sub_none/cancel", json!({}), (404, "not_found")),
    ] {
        let reply = shop.api.post(path, "bad-1", body.clone()).await;
        assert_eq!((reply.status, reply.code()), expected, "{path} {body}: {reply:?}");
    }
    let stats = shop.api.app.stripe().stats();
    assert_eq!(stats.requests_to(Some(CREATE)), sent);
    assert_eq!(stats.requests_to(Some(CHANGE)) + stats.requests_to(Some(CANCEL)), 0);
    // What only Stripe knows is refused in its words.
    let none = shop.subscribe("bad-2", json!({"items": [{"price": "price_none"}]})).await;
    assert_eq!((none.status, none.code()), (400, "stripe_refused"), "{none:?}");

    let cancel = format!("{path}/cancel");
    assert_eq!(shop.api.post(&cancel, "end-1", json!({})).await.status, 200);
    let late = shop.api.post(&path, "late", json!({"quantity": 1})).await;
    assert_eq!((late.status, late.code()), (409, "status_forbids"), "{late:?}");
    shop.ends_true().await;
}

#[tokio::test]
async fn a_token_may_subscribe_within_its_scope_and_for_what_its_limits_hold() {
    let without = ApiApp::with(access::TOKENS).await;
    for path in [PATH, "/v1/subscriptions/sub_1/cancel", "/v1/billing_portal/sessions"] {
        let reply = access::ask(&without, access::TOKEN, path, "sub-1", json!({})).await;
        assert_eq!((reply.status, reply.code()), (403, "forbidden"), "{path}: {reply:?}");
    }
    without.stop().await;

    let api = ApiApp::with(&[
        ("QUITTANCE__API__TOKENS__SHOP__HASH", access::SHOP_HASH),
        ("QUITTANCE__API__TOKENS__SHOP__SCOPES", "subscriptions:write,payments:write"),
        ("QUITTANCE__API__TOKENS__SHOP__MAX_AMOUNT", "eur:5000"),
        ("QUITTANCE__API__TOKENS__SHOP__MAX_DAILY", "eur:6000"),
    ])
    .await;
    let product = api.app.stripe().platform().create_product(None, "Tea").unwrap();
    let product = product["id"].as_str().unwrap();
    let price = |amount| {
        let price = api.app.stripe().platform().create_price(product, amount, "eur").unwrap();
        price["id"].as_str().unwrap().to_owned()
    };
    let (tea, seat) = (price(900), price(5_000));
    let customer = access::ask(&api, access::TOKEN, "/v1/customers", "user-1", json!({})).await;
    let customer = customer.id().to_owned();
    let ask = |key: &'static str, path: String, body: Value| {
        let api = &api;
        async move { access::ask(api, access::TOKEN, &path, key, body).await }
    };
    let new = |price: &str, quantity: u32| json!({"customer": customer, "items": [{"price": price, "quantity": quantity}]});
    let dear = ask("sub-1", PATH.to_owned(), new(&seat, 2)).await;
    assert_eq!((dear.status, dear.code()), (403, "amount_limit"), "{dear:?}");
    let first = ask("sub-2", PATH.to_owned(), new(&tea, 1)).await;
    assert_eq!(first.status, 200, "{first:?}");
    let path = format!("{PATH}/{}", first.id());
    let many = ask("sub-3", path.clone(), json!({"quantity": 6})).await;
    assert_eq!((many.status, many.code()), (403, "amount_limit"), "{many:?}");
    let day = ask("sub-4", PATH.to_owned(), new(&tea, 5)).await;
    assert_eq!(day.status, 200, "{day:?}");
    let day = ask("sub-5", PATH.to_owned(), new(&tea, 1)).await;
    assert_eq!((day.status, day.code()), (403, "amount_limit"), "54.00 of 60.00 are used: {day:?}");
    api.app.settled().await;
    api.stop().await;
}

#[tokio::test]
async fn a_renewal_that_needs_the_customer_publishes_one_notification_and_can_be_paid() {
    let shop = Shop::open().await;
    let made = shop.running("sub-1").await;
    shop.api.app.settled().await;
    let stripe = shop.api.app.stripe();
    stripe.platform().renew(made.id(), "pm_card_authenticationRequired").unwrap();
    shop.api.app.settled().await;
    let row = shop.api.app.db.json("app.subscriptions", "true").await;
    assert_eq!(row["status"], "past_due");
    let invoice = row["latest_invoice"].as_str().unwrap();
    let told = shop.api.app.told(invoice).await;
    let asking = told.iter().filter(|topic| *topic == "invoice.payment_action_required").count();
    assert_eq!(asking, 1, "{told:?}");
    let mut told = shop.api.app.told(made.id()).await;
    told.sort();
    assert!(told.contains(&"subscription.past_due".to_owned()), "{told:?}");

    // What the front end needs to bring the customer back.
    let card = made.body["default_payment_method"].clone();
    let more = json!({"payment_behavior": "allow_incomplete", "default_payment_method": card,
                      "off_session": true});
    let again = shop.subscribed("sub-1", more).await;
    assert_eq!(again.body["client_secret_type"], "payment", "{again:?}");
    let secret = again.body["client_secret"].as_str().unwrap();
    let payment = secret.split("_secret_").next().unwrap();
    stripe.platform().finish_3ds(payment, true).unwrap();
    shop.api.app.settled().await;
    let row = shop.api.app.db.json("app.subscriptions", "true").await;
    assert_eq!(row["status"], "active");
    shop.ends_true().await;
}

#[tokio::test]
async fn what_was_over_and_goes_on_is_an_anomaly_that_is_shown_and_published() {
    let shop = Shop::open().await;
    let made = shop.running("sub-1").await;
    let alive = shop.at_stripe()[0].clone();
    let cancel = format!("{PATH}/{}/cancel", made.id());
    assert_eq!(shop.api.post(&cancel, "end-1", json!({})).await.status, 200);
    let paid = shop.api.pay("order-1", json!({})).await;
    let path = format!("/v1/payment_intents/{}", paid.id());
    let cancelled = shop.api.post(&format!("{path}/cancel"), "end-2", json!({})).await;
    assert_eq!(cancelled.body["status"], "canceled", "{cancelled:?}");
    shop.api.app.settled().await;
    let stripe = shop.api.app.stripe();
    let mut late = shop.api.at_stripe(Kind::PaymentIntent).into_iter();
    let mut late = late.find(|payment| payment["id"] == paid.id()).unwrap();
    late["status"] = json!("succeeded");
    late["amount_received"] = json!(2000);
    stripe.clock().advance(3_600);
    for (call, path, object) in [
        ("GET /v1/subscriptions/{id}", format!("{PATH}/{}", made.id()), alive),
        ("GET /v1/payment_intents/{id}", path, late),
    ] {
        let mut answer = ScriptedAnswer::json(200, &object);
        answer.headers.retain(|(name, _)| name != "date");
        stripe.add_fault(Fault::once(call, FaultKind::Answer(answer)));
        let shown = shop.api.get(&format!("{path}?refresh=true")).await;
        assert_eq!(shown.status, 200, "{shown:?}");
        assert_ne!(shown.body["status"], "canceled", "Stripe owns the state");
    }
    let odd = "SELECT object_id, from_status, to_status FROM app.transitions
               WHERE kind = 'anomalous' ORDER BY id";
    assert_eq!(
        shop.api.app.db.rows(odd).await,
        [
            json!({"object_id": made.id(), "from_status": "canceled", "to_status": "active"}),
            json!({"object_id": paid.id(), "from_status": "canceled", "to_status": "succeeded"}),
        ]
    );
    assert_eq!(shop.api.app.db.store.anomaly_counts().await.unwrap().transitions, 2);
    assert_eq!(shop.api.app.told(paid.id()).await.last().unwrap(), "payment.succeeded");
    assert_eq!(shop.api.app.told(made.id()).await.last().unwrap(), "subscription.activated");
    shop.api.stop().await;
}

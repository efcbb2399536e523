//! Situations that people reported, from the webhook to the row.

use serde_json::{Value, json};

use crate::harness::webhook::{Client, Webhook};
use crate::harness::{App, Options};
use crate::mirror::stripe::Stripe;

/// The whole program, and a Stripe that says what a test tells it to.
struct Stage {
    app: App,
    stripe: Stripe,
}

impl Stage {
    async fn start() -> Self {
        let stripe = Stripe::start().await;
        let base: &'static str = stripe.base.clone().leak();
        let env: &'static [_] = vec![
            ("STRIPE_API_BASE", base),
            // What Stripe answers here is its last word.
            ("QUITTANCE__RECONCILE__READ_LAG", "0s"),
        ]
        .leak();
        Self { app: App::with(Options { env, ..Options::default() }).await, stripe }
    }

    /// Posts an event, byte for byte, and waits until its job has ended.
    async fn post(&self, body: &str) {
        let secret = self.app.settings.endpoints["default"].secrets[0].reveal();
        let webhook = Webhook::signed(body, secret);
        let answer = Client::connect(self.app.ingress).await.post(&webhook).await;
        assert_eq!(answer.status, 200, "{body}");
        self.app.drained().await;
    }

    async fn settled(&self, body: &str) {
        self.post(body).await;
        let id = id_of(body);
        let dead_letters =
            self.app.db.rows("SELECT code, message FROM quittance.dead_letters").await;
        assert_eq!(dead_letters, [] as [Value; 0], "{id}");
        assert_eq!(self.app.event(&id).await["status"], "settled", "{id}");
    }

    async fn occurrence(&self, topic: &str) -> Value {
        let condition = format!("topic = '{topic}'");
        self.app.db.json("quittance.outbox", &condition).await["payload"]["data"].clone()
    }
}

/// The first id in a body, which is the event's.
fn id_of(body: &str) -> String {
    body.split('"').skip_while(|text| *text != "id").nth(2).unwrap().to_owned()
}

fn event(id: &str, event_type: &str, object: &Value) -> String {
    // In this order, for `id_of`; a `Value` would sort the keys.
    format!(
        r#"{{"id":"{id}","object":"event","type":"{event_type}","created":1700000000,"livemode":false,
            "api_version":"2024-06-20","data":{{"object":{object}}}}}"#
    )
}

fn payment(id: &str, changes: Value) -> Value {
    let mut it = json!({
        "id": id, "object": "payment_intent", "livemode": false, "amount": 1099,
        "amount_capturable": 0, "amount_received": 0, "capture_method": "automatic",
        "created": 1_700_000_000, "currency": "usd", "metadata": {},
        "status": "requires_payment_method",
    });
    for (key, value) in changes.as_object().unwrap() {
        it[key] = value.clone();
    }
    it
}

fn charge(id: &str, source: Value) -> Value {
    json!({
        "id": id, "object": "charge", "livemode": false, "amount": 100, "amount_captured": 0,
        "amount_refunded": 0, "captured": false, "created": 1_700_000_000, "currency": "usd",
        "disputed": false, "metadata": {}, "refunded": false, "status": "succeeded",
        "source": source,
    })
}

#[tokio::test]
async fn half_a_character_in_the_event_and_in_the_answer_is_replaced() {
    let stage = Stage::start().await;
    let error = json!({"type": "card_error", "code": "card_declined", "message": "no HALF"});
    let object = payment("pi_half", json!({"last_payment_error": error, "description": "HALF"}));
    let object = object.to_string().replace("HALF", r"\ud83d");
    stage.stripe.say_bytes("/v1/payment_intents/pi_half", 200, object.clone());
    let body = event("evt_half", "payment_intent.payment_failed", &json!("OBJECT"));
    stage.settled(&body.replace("\"OBJECT\"", &object)).await;
    let row = stage.app.payment("pi_half").await;
    assert_eq!(row["failure_message"], "no \u{fffd}");
    assert_eq!(row["description"], "\u{fffd}");
    let told = stage.occurrence("payment.attempt_failed").await;
    assert_eq!(told["failure"]["message"], "no \u{fffd}");
    stage.app.stop().await;
}

#[tokio::test]
async fn a_charge_with_a_source_of_old_gets_its_row() {
    let stage = Stage::start().await;
    for (n, source) in [
        json!({"id": "aliacc_1", "object": "alipay_account", "created": 1, "used": false}),
        json!({"id": "btcrcv_1", "object": "bitcoin_receiver"}),
        json!({"id": "src_1", "object": "source", "deleted": true}),
        json!({"id": "card_1", "object": "card", "deleted": true}),
        json!(5),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("ch_{n}");
        let it = charge(&id, source);
        stage.stripe.put(&format!("/v1/charges/{id}"), it.clone());
        stage.settled(&event(&format!("evt_{n}"), "charge.updated", &it)).await;
    }
    assert_eq!(stage.app.db.count("app.charges").await, 5);
    stage.app.stop().await;
}

#[tokio::test]
async fn a_payment_whose_last_error_names_a_source_of_old_gets_its_row_and_its_failure() {
    let stage = Stage::start().await;
    let error = json!({
        "type": "card_error", "code": "card_declined", "message": "No.",
        "source": {"id": "btcrcv_1", "object": "bitcoin_receiver"},
    });
    let it = payment("pi_src", json!({"last_payment_error": error}));
    stage.stripe.put("/v1/payment_intents/pi_src", it.clone());
    stage.settled(&event("evt_src", "payment_intent.payment_failed", &it)).await;
    assert_eq!(stage.app.payment("pi_src").await["failure_code"], "card_declined");
    stage.app.stop().await;
}

#[tokio::test]
async fn an_odd_error_in_an_event_does_not_hide_the_good_answer_of_the_api() {
    let stage = Stage::start().await;
    for (n, error) in [
        json!(""),
        json!(5),
        json!(["x"]),
        json!({"code": 5, "message": "No."}),
        json!({"code": {"id": "x"}, "decline_code": true, "message": ["x"]}),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("pi_{n}");
        stage.stripe.put(&format!("/v1/payment_intents/{id}"), payment(&id, json!({})));
        let shown = payment(
            &id,
            json!({
                "last_payment_error": error, "last_setup_error": 5, "charge": 7, "customer": [1],
                "payment_intent": {"id": 3}, "test_clock": 0.5, "account": {}, "source": true,
            }),
        );
        let body = event(&format!("evt_{n}"), "payment_intent.payment_failed", &shown);
        stage.settled(&body.replace("\"2024-06-20\"", "20240620")).await;
        let told = stage.app.told(&id).await;
        assert_eq!(told, ["payment.attempt_failed"], "{id}");
    }
    let told = stage.app.db.json("quittance.outbox", "object_id = 'pi_3'").await;
    let failure = &told["payload"]["data"]["failure"];
    assert_eq!((&failure["code"], &failure["message"]), (&json!(null), &json!("No.")));
    stage.app.stop().await;
}

#[tokio::test]
async fn an_event_of_a_time_that_nothing_can_hold_is_a_dead_letter_that_names_it() {
    let stage = Stage::start().await;
    let it = payment("pi_far", json!({}));
    for created in ["9223372036854775807", "253402300800", "1e30", "-62135596801", "0.5"] {
        let id = format!("evt_{}", uuid::Uuid::new_v4().simple());
        let body = event(&id, "payment_intent.succeeded", &it).replacen("1700000000", created, 1);
        stage.post(&body).await;
        let dead_letter =
            stage.app.db.json("quittance.dead_letters", &format!("event_id = '{id}'")).await;
        assert_eq!(dead_letter["code"], "event_undecodable", "{created}");
        let message = dead_letter["message"].as_str().unwrap();
        assert!(message.contains("`created`"), "{created}: {message}");
        assert_eq!(dead_letter["payload"]["id"], *id, "{created}");
        assert_eq!(stage.app.event(&id).await["status"], "dead");
    }
    stage.app.stop().await;
}

#[tokio::test]
async fn a_time_or_a_sum_that_nothing_can_hold_is_named_in_the_dead_letter() {
    let stage = Stage::start().await;
    for (n, (field, value)) in [
        ("created", json!(i64::MAX)),
        ("canceled_at", json!(i64::MAX)),
        ("amount", json!(u64::MAX)),
        ("application_fee_amount", json!(1e300)),
    ]
    .into_iter()
    .enumerate()
    {
        let (id, key) = (format!("pi_{n}"), format!("evt_{n}"));
        stage.stripe.put(&format!("/v1/payment_intents/{id}"), payment(&id, json!({field: value})));
        stage.post(&event(&key, "payment_intent.updated", &payment(&id, json!({})))).await;
        let dead_letter =
            stage.app.db.json("quittance.dead_letters", &format!("event_id = '{key}'")).await;
        assert_eq!(dead_letter["code"], "stripe_undecodable", "{field}");
        let message = dead_letter["message"].as_str().unwrap();
        assert!(message.contains(&format!(": {field}: ")), "{message}");
    }
    stage.app.stop().await;
}

#[tokio::test]
async fn a_status_of_tomorrow_is_recorded_as_an_anomaly_and_read_again() {
    let stage = Stage::start().await;
    for (n, status) in ["processing", "frozen", "frozen", "thawed", "succeeded"].iter().enumerate()
    {
        let it = payment("pi_new", json!({"status": status}));
        stage.stripe.put("/v1/payment_intents/pi_new", it.clone());
        let now = crate::harness::webhook::now() + 10;
        let body = event(&format!("evt_{n}"), "payment_intent.updated", &it).replacen(
            "1700000000",
            &now.to_string(),
            1,
        );
        stage.settled(&body).await;
        assert_eq!(stage.app.payment("pi_new").await["status"], **status);
    }
    let steps = stage
        .app
        .db
        .rows("SELECT from_status, to_status, kind FROM app.transitions ORDER BY id")
        .await;
    let step = |from: Option<&str>, to: &str, kind: &str| json!({"from_status": from, "to_status": to, "kind": kind});
    assert_eq!(
        steps,
        [
            step(None, "processing", "opened"),
            step(Some("processing"), "frozen", "anomalous"),
            step(Some("frozen"), "thawed", "anomalous"),
            step(Some("thawed"), "succeeded", "anomalous"),
        ]
    );
    assert_eq!(stage.app.told("pi_new").await, ["payment.processing", "payment.succeeded"]);
    stage.app.stop().await;
}

#[tokio::test]
async fn a_checkout_and_an_invoice_without_a_status_get_their_rows() {
    let stage = Stage::start().await;
    let examples: Value = serde_json::from_str(include_str!("examples.json")).unwrap();
    for (kind, path, table) in [
        ("checkout.session", "checkout/sessions", "app.checkout_sessions"),
        ("invoice", "invoices", "app.invoices"),
    ] {
        let mut it = examples[kind].clone();
        it["status"] = json!(null);
        let id = it["id"].as_str().unwrap();
        let asked = match kind {
            "invoice" => "?expand[0]=amount_paid_off_stripe&expand[1]=payments",
            _ => "",
        };
        stage.stripe.put(&format!("/v1/{path}/{id}{asked}"), it.clone());
        stage.settled(&event(&format!("evt_{id}"), &format!("{kind}.updated"), &it)).await;
        assert_eq!(stage.app.db.json(table, "true").await["status"], json!(null));
    }
    let to = stage.app.db.rows("SELECT DISTINCT to_status, kind FROM app.transitions").await;
    assert_eq!(to, [json!({"to_status": "null", "kind": "anomalous"})]);
    stage.app.stop().await;
}

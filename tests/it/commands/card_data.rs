//! No card data, anywhere: refused at every entrance of the API, before a row or a log line holds it.

use serde_json::json;
use stripe_simulator::NewPayment;
use tracing::level_filters::LevelFilter;

use super::app::{ApiApp, payment};
use crate::harness::app::payment_of;
use crate::harness::{Logs, Program};

const CARDS: &[&str] = &["4242424242424242", "5555 5555 5555 4444", "3782-822463-10005"];

#[tokio::test]
async fn a_card_number_is_refused_by_its_field_and_is_nowhere_afterwards() {
    let logs = Logs::capture(LevelFilter::TRACE);
    let api = ApiApp::start().await;
    for card in CARDS {
        let bodies = [
            ("/v1/payment_intents", payment(json!({"description": card})), "description"),
            ("/v1/payment_intents", payment(json!({"metadata": {"note": card}})), "metadata.note"),
            ("/v1/payment_intents", payment(json!({"reference": card})), "reference"),
            ("/v1/payment_intents", payment(json!({"card[number]": card})), "card[number]"),
            ("/v1/payment_intents", payment(json!({"payment_method": card})), "payment_method"),
            ("/v1/refunds", json!({"payment_intent": card}), "payment_intent"),
            ("/v1/customers", json!({"name": card}), "name"),
            ("/v1/payment_intents/pi_1/confirm", json!({"payment_method": card}), "payment_method"),
            ("/v1/payment_intents/pi_1/capture", json!({"note": card}), "note"),
            ("/v1/payment_intents/pi_1/cancel", json!({"note": card}), "note"),
        ];
        for (path, body, field) in bodies {
            let reply = api.post(path, "order-1", body).await;
            assert_eq!(
                (reply.status, reply.code()),
                (400, "card_data"),
                "{path} {field}: {reply:?}"
            );
            assert_eq!(reply.body["field"], field, "{path}");
            assert!(!reply.body.to_string().contains(card), "{reply:?}");
        }
        let key = api.pay(card, json!({})).await;
        assert_eq!((key.status, key.code()), (400, "card_data"), "{key:?}");
        let plain = card.replace(' ', "%20");
        for path in [
            format!("/v1/payment_intents/{plain}"),
            format!("/v1/payment_intents?reference={plain}"),
            format!("/v1/commands/{plain}"),
        ] {
            let reply = api.get(&path).await;
            assert_eq!((reply.status, reply.code()), (400, "card_data"), "{path}: {reply:?}");
        }
    }
    let security_code = payment(json!({"metadata": {"cvc": "123"}}));
    let reply = api.post("/v1/payment_intents", "order-1", security_code).await;
    assert_eq!((reply.code(), &reply.body["field"]), ("card_data", &json!("metadata.cvc")));

    assert_eq!(api.app.requests(), 0, "Stripe was not asked");
    let stored = api.app.db.everything().await;
    let keys = all_of_redis(&api).await;
    let logged = of_the_program(&logs);
    assert!(logged.contains("refused a request that holds card data"));
    for card in CARDS {
        for place in [&stored, &keys, &logged] {
            assert!(!place.contains(card), "{card}");
        }
    }
    api.stop().await;
}

#[tokio::test]
async fn a_card_number_that_someone_wrote_on_an_object_at_stripe_is_kept_nowhere() {
    let logs = Logs::capture(LevelFilter::TRACE);
    let api = ApiApp::start().await;
    for card in CARDS {
        let metadata = [("note", *card), ("order", "42"), (*card, "x")];
        let metadata = metadata.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let id = api.app.makes(NewPayment {
            metadata: metadata.into(),
            description: Some(format!("paid with {card}")),
            payment_method: Some("pm_card_visa".to_owned()),
            confirm: true,
            ..payment_of(2000)
        });
        api.app.settled().await;
        let row = api.app.payment(&id).await;
        assert_eq!(
            (&row["status"], &row["description"]),
            (&json!("succeeded"), &json!("[redacted]"))
        );
        assert_eq!(row["metadata"]["order"], "42", "what is no card's is kept");
        assert_eq!(row["metadata"]["note"], "[redacted]");
        // Events that end as dead letters: no JSON, and JSON that is no event.
        api.app.enqueue(format!("a card {card}")).await;
        let object = json!({"object": "payment_intent", "id": id, "metadata": {"note": card}});
        let event = json!({"id": "evt_1", "object": "event", "type": "payment_intent.succeeded",
                           "data": {"object": object}});
        api.app.enqueue(event.to_string()).await;
        api.app.drained().await;
    }
    assert_ne!(api.app.db.count("quittance.dead_letters").await, 0);
    let stored = api.app.db.everything().await;
    let keys = all_of_redis(&api).await;
    let logged = of_the_program(&logs);
    assert!(!logged.is_empty());
    for card in CARDS {
        for (place, text) in [("Postgres", &stored), ("Redis", &keys), ("the log", &logged)] {
            assert!(!text.contains(card), "{card} is in {place}");
        }
    }
    api.stop().await;
}

#[tokio::test]
async fn a_card_number_on_the_command_line_is_refused_before_it_is_stored_or_printed() {
    let id = "019ac1d2-7b3c-7abc-8123-456789012340";
    for card in CARDS {
        let mut apart = vec!["commands", "abandon", id, "--reason"];
        apart.extend(card.split(' '));
        for args in [
            apart,
            vec!["commands", "abandon", id, "--reason", card],
            vec!["dead-letters", "list", card],
            vec!["no-such-command", card],
        ] {
            let ended = Program::run(&args, &[]).await;
            assert_eq!(ended.code, Some(2), "{args:?}");
            let said = ended.stderr + &ended.stdout;
            assert!(said.contains("card number") && !said.contains(card), "{said}");
        }
    }
}

#[tokio::test]
async fn a_field_that_is_exempt_may_hold_a_long_number() {
    let api = ApiApp::with(&[("QUITTANCE__API__CARD_DATA_EXEMPT", "metadata.order")]).await;
    let reply = api.pay("order-1", json!({"metadata": {"order": CARDS[0]}})).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let other = api.pay("order-2", json!({"metadata": {"note": CARDS[0]}})).await;
    assert_eq!(other.code(), "card_data");
    api.app.settled().await;
    api.stop().await;
}

/// The program's own log lines. Those of a test's own client are not the program's.
fn of_the_program(logs: &Logs) -> String {
    let all = logs.text();
    let ours = all.lines().filter(|line| line.contains("\"target\":\"quittance"));
    ours.collect::<Vec<_>>().join("\n")
}

/// Every key and value of the test's queue.
async fn all_of_redis(api: &ApiApp) -> String {
    let client = redis::Client::open(crate::harness::redis_url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let pattern = format!("*{}*", api.app.settings.queue.name);
    let keys: Vec<String> =
        redis::cmd("KEYS").arg(pattern).query_async(&mut connection).await.unwrap();
    let mut all = keys.join("\n");
    for key in keys {
        let dump: Vec<u8> =
            redis::cmd("DUMP").arg(&key).query_async(&mut connection).await.unwrap_or_default();
        all.push_str(&String::from_utf8_lossy(&dump));
    }
    all
}

//! Nothing secret leaves: not into the tables, not into the log.

use std::time::Duration;

use rand::SeedableRng as _;
use serde_json::json;
use stripe_simulator::{Kind, NewPayment, PaymentScenario, run_payment_scenario};
use tracing::level_filters::LevelFilter;

use crate::harness::app::payment_of;
use crate::harness::webhook::{Client, Webhook};
use crate::harness::{App, Logs, Options};

#[tokio::test]
async fn client_secrets_are_in_no_table_and_payloads_and_keys_in_no_log() {
    let logs = Logs::capture(LevelFilter::DEBUG);
    let env = &[("QUITTANCE__RECONCILE__READ_LAG", "1s")];
    let app = App::with(Options { env, ..Options::default() }).await;
    let mut rng = rand::rngs::StdRng::seed_from_u64(11);
    for story in PaymentScenario::ALL {
        run_payment_scenario(&app.stripe().platform(), story, &mut rng, Duration::ZERO)
            .await
            .unwrap();
    }
    app.makes(NewPayment {
        description: Some("private-words".to_owned()),
        receipt_email: Some("jane@example.org".to_owned()),
        ..payment_of(100)
    });
    // Failures log the most.
    let secret = "pi_gone_secret_hush";
    let object = json!({"id": "pi_gone", "object": "payment_intent", "client_secret": secret});
    app.stripe().platform().emit("payment_intent.succeeded", object);
    let undecodable = json!({
        "id": "evt_x", "object": "event", "type": "payment_intent.succeeded", "livemode": false,
        "data": {"object": {"client_secret": secret, "description": "private-words"}},
    });
    let mut client = Client::connect(app.ingress).await;
    for secret in ["whsec_test", "whsec_forged"] {
        client.post(&Webhook::signed(undecodable.to_string(), secret)).await;
    }
    app.settled().await;
    assert_eq!(app.db.count("quittance.dead_letters").await, 2);

    let (tables, log) = (app.db.everything().await, logs.text());
    let payments = app.stripe().truth(Kind::PaymentIntent);
    let secrets = payments.iter().map(|payment| payment["client_secret"].as_str().unwrap());
    for secret in secrets.chain([secret]) {
        assert!(secret.contains("_secret_"), "this looks for something");
        assert!(!tables.contains(secret), "{secret} is in the tables");
    }
    assert!(!tables.contains("_secret_"));
    assert!(tables.contains("private-words"), "what is no secret is kept");
    assert!(log.contains("settled") && log.contains("dead_letter"), "it did log");
    for hidden in ["_secret_", "whsec_", app.stripe().secret_key(), "private-words", "example.org"]
    {
        assert!(!log.contains(hidden), "{hidden} was logged");
    }
}

//! The client against a scripted server: what it sends, and what it makes of each answer.

mod budget;
mod event;
mod failures;
mod fetch;
pub(crate) mod fixtures;
mod hostile_ids;
mod items;
mod list;
mod server;

use std::sync::Arc;
use std::time::Duration;

use quittance::config::{self, Secret};
use quittance::domain::id::{AccountId, Mode, ObjectId, Scope};
use quittance::domain::object::{Kind, Subject};
use quittance::stripe_api::{Client, Unlimited};

/// Looks like a key, so that a test can look for it where it must not be.
const KEY: &str = "sk_test_51Quittance0Secret0Key";

fn settings(api_base: &str) -> config::Stripe {
    config::Stripe {
        write_key: Secret::new(""),
        write_endpoint_rate: 25,
        write_account_rate: 80,
        secret_key: Secret::new(KEY),
        account: String::new(),
        api_base: api_base.to_owned(),
        timeout: Duration::from_secs(30),
        pool_idle: 4,
        endpoint_rate: 20,
        account_rate: 80,
    }
}

fn client(api_base: &str) -> Client {
    Client::new(&settings(api_base), Arc::new(Unlimited)).unwrap()
}

fn subject(kind: Kind, id: &str) -> Subject {
    Subject {
        scope: Scope { account: None, mode: Mode::Test },
        kind,
        id: ObjectId::parse(id).unwrap(),
        owner: None,
    }
}

fn payment(id: &str) -> Subject {
    subject(Kind::PaymentIntent, id)
}

fn of_account(mut subject: Subject, account: &str) -> Subject {
    subject.scope.account = Some(AccountId::parse(account).unwrap());
    subject
}

fn intent(id: &str) -> serde_json::Value {
    serde_json::json!({
        "id": id, "object": "payment_intent", "amount": 1099, "amount_capturable": 0,
        "amount_received": 1099, "capture_method": "automatic",
        "client_secret": format!("{id}_secret_hush"), "confirmation_method": "automatic",
        "created": 1_700_000_000, "currency": "eur", "livemode": false, "metadata": {},
        "payment_method_types": ["card"], "status": "succeeded",
    })
}

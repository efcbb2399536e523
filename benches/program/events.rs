//! Events of payments, each of one of its own, and signed as Stripe signs them.

use std::time::{SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit as _, Mac as _};
use quittance::stripe_api::api_version;
use serde_json::Value;
use sha2::Sha256;
use stripe_simulator::{CaptureMethod, Config, Kind, NewPayment, Simulator};

use super::stage::SECRET;

/// A text in which ids are put.
#[derive(Clone)]
pub(crate) struct Template(Vec<String>);

/// Placeholder for the number of a payment in a template. As long as one in decimal.
const NUMBER: &str = "~~~~~~~~~~~~~~";

impl Template {
    pub(crate) fn new(text: &str) -> Self {
        Self(text.split(NUMBER).map(str::to_owned).collect())
    }

    pub(crate) fn fill(&self, number: &str) -> String {
        self.0.join(number)
    }

    pub(crate) fn text(&self) -> String {
        self.fill(NUMBER)
    }
}

/// The number of a payment, as its ids have it.
pub(crate) fn number(n: usize) -> String {
    format!("{n:0width$}", width = NUMBER.len())
}

/// `payment_intent.succeeded`, and the payment as Stripe answers with it.
pub(crate) struct Templates {
    pub(crate) event: Template,
    pub(crate) payment: Template,
    /// A payment that was just created, without a method yet.
    pub(crate) created: Template,
}

impl Templates {
    /// Those of a payment that the simulator lived through.
    pub(crate) async fn make() -> Self {
        Self::described("Order 4711 of a shop that sells what people need").await
    }

    /// Of one with this description.
    pub(crate) async fn described(description: &str) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let config = Config { api_version: api_version().to_owned(), ..Config::default() };
        let stripe = Simulator::start(listener, config).unwrap();
        let payment = NewPayment {
            amount: 2_000,
            currency: "eur".to_owned(),
            payment_method: Some("pm_card_visa".to_owned()),
            confirm: true,
            capture_method: Some(CaptureMethod::Automatic),
            customer: Some("cus_9s6XKzkNRiz8i3".to_owned()),
            description: Some(description.to_owned()),
            metadata: [("order_id".to_owned(), "4711".to_owned())].into(),
            ..NewPayment::default()
        };
        let unpaid = NewPayment { payment_method: None, confirm: false, ..payment.clone() };
        let created = stripe.platform().create_payment(unpaid).unwrap();
        let payment = stripe.platform().create_payment(payment).unwrap();
        let succeeded = |event: &Value| event["type"].as_str() == Some("payment_intent.succeeded");
        let event = stripe.truth(Kind::Event).into_iter().find(succeeded).unwrap();
        let ids = [&payment["id"], &payment["latest_charge"], &event["id"]].map(as_id);
        Self {
            event: template(&event, &payment, &ids),
            payment: template(&payment, &payment, &ids),
            created: template(&created, &created, &[as_id(&created["id"])]),
        }
    }
}

/// An object as Stripe sends it, with the number of a payment in the place of these ids and of what is secret in
/// the payment's client secret.
fn template(value: &Value, payment: &Value, ids: &[String]) -> Template {
    let secret = payment["client_secret"].as_str().unwrap().rsplit_once('_').unwrap().1;
    let mut text = serde_json::to_string_pretty(value).unwrap();
    for id in ids.iter().map(String::as_str).chain([secret]) {
        let prefix = id.split_once('_').map_or("", |(prefix, _)| prefix);
        let join = if prefix.is_empty() { "" } else { "_" };
        text = text.replace(id, &format!("{prefix}{join}{NUMBER}"));
    }
    Template::new(&text)
}

fn as_id(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// The header of a webhook that is sent now.
pub(crate) fn signature(body: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(format!("{now}.").as_bytes());
    mac.update(body.as_bytes());
    format!("t={now},v1={}", hex::encode(mac.finalize().into_bytes()))
}

//! Requests of the shop's server to `quittance api`.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::orders::Order;
use crate::dev::api_connection::{ApiConnection, is_final};

/// How long one page waits for a final answer. The next one asks again, with the same key.
const PATIENCE: Duration = Duration::from_secs(8);

/// How long it waits before it repeats a request.
const PAUSE: Duration = Duration::from_millis(200);

/// What became of the request for a payment.
#[derive(Debug)]
pub(super) enum Asked {
    /// There is a payment, and what completes it in the browser, where it is not complete.
    Payment { id: String, client_secret: Option<String> },
    /// Quittance or Stripe refused it, for good.
    Refused { code: String, detail: String },
    /// It is not known yet.
    Unknown,
}

/// The shop's server as a client of the API.
pub(super) struct Backend {
    api: ApiConnection,
}

impl Backend {
    pub(super) fn new(api: ApiConnection) -> Self {
        Self { api }
    }

    /// Asks for the payment of an order. Asked again, the answer is the same payment; its `client_secret` is in
    /// each, as it is stored nowhere.
    pub(super) async fn payment_of(&self, order: &Order) -> Asked {
        let (key, body) = (order.key(order.attempt), body(order));
        let until = Instant::now() + PATIENCE;
        loop {
            let asked = self.api.post("/v1/payment_intents", &key, &body);
            match tokio::time::timeout_at(until, asked).await {
                Err(_) => return Asked::Unknown,
                Ok(Some((status, answer))) if is_final(status, &answer) => {
                    return read(status.is_success(), &answer);
                }
                // The API may be starting, or at work on the same request of another tab.
                Ok(Some(_) | None) => tokio::time::sleep(PAUSE).await,
            }
        }
    }
}

fn body(order: &Order) -> Value {
    let product = &order.product;
    let mut body = json!({
        "amount": product.amount,
        "currency": product.currency,
        "reference": order.reference(),
        "description": product.name,
        "metadata": { "order_id": order.id },
    });
    if let Some(seller) = &product.seller {
        body["transfer_data"] = json!({ "destination": seller.account });
        body["application_fee_amount"] = json!(seller.fee);
    }
    body
}

fn read(succeeded: bool, answer: &Value) -> Asked {
    let text = |name: &str| answer[name].as_str().map(str::to_owned);
    match text("id").filter(|_| succeeded) {
        Some(id) => Asked::Payment { id, client_secret: text("client_secret") },
        None => Asked::Refused {
            code: text("code").unwrap_or_else(|| "unreadable".to_owned()),
            detail: text("detail").unwrap_or_else(|| "The answer could not be read.".to_owned()),
        },
    }
}

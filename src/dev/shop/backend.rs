//! Requests of the shop's server to `quittance api`.

use std::sync::OnceLock;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::orders::{self, Order, Wish};
use crate::dev::api_connection::{ApiConnection, is_final};

/// How long one page waits for a final answer. The next one asks again, with the same key.
const PATIENCE: Duration = Duration::from_secs(8);

/// How long it waits before it repeats a request.
const PAUSE: Duration = Duration::from_millis(200);

/// What became of the request for an order.
#[derive(Debug)]
pub(super) enum Asked {
    /// It was made: `pi_...`, `seti_...` or `sub_...`, and what completes it in the browser, where it is not
    /// complete.
    Made { id: String, client_secret: Option<String> },
    /// Quittance, Stripe or the bank refused it, for good. Where the bank wants the customer to be there, the payment
    /// can be completed in the browser.
    Refused { code: String, detail: String, payment: Option<String>, client_secret: Option<String> },
    /// It is not known yet.
    Unknown,
}

impl Asked {
    /// What completes it in the browser.
    pub(super) fn client_secret(&self) -> Option<&str> {
        match self {
            Self::Made { client_secret, .. } | Self::Refused { client_secret, .. } => {
                client_secret.as_deref()
            }
            Self::Unknown => None,
        }
    }
}

/// The shop's server as a client of the API.
pub(super) struct Backend {
    api: ApiConnection,
    /// The reference of the shop's only customer account. Another process has another one: a simulator that begins
    /// with nothing does not know the customers of the one before.
    customer: String,
    /// `cus_...`, as soon as it is known.
    customer_id: OnceLock<String>,
}

impl Backend {
    pub(super) fn new(api: ApiConnection) -> Self {
        let customer = format!("customer-{}", orders::new_id());
        Self { api, customer, customer_id: OnceLock::new() }
    }

    /// The customer's id at Stripe, `cus_...`, if there is one yet.
    pub(super) fn known_customer(&self) -> Option<&str> {
        self.customer_id.get().map(String::as_str)
    }

    /// Asks for what an order wants. Asked again, the answer is about the same object; its `client_secret` is in
    /// each, as it is stored nowhere.
    pub(super) async fn ask(&self, order: &Order) -> Asked {
        let mut customer = None;
        if order.wish.needs_customer() {
            match self.customer().await {
                Ok(id) => customer = Some(id),
                Err(asked) => return asked,
            }
        }
        let (path, body) = request(order, customer.as_deref());
        self.post(path, &order.key(order.attempt), &body).await
    }

    /// The customer, who is created with the first order that needs one.
    async fn customer(&self) -> Result<String, Asked> {
        if let Some(known) = self.customer_id.get() {
            return Ok(known.clone());
        }
        let body = json!({ "name": "Jane Doe", "reference": self.customer });
        match self.post("/v1/customers", &self.customer, &body).await {
            Asked::Made { id, .. } => Ok(self.customer_id.get_or_init(|| id).clone()),
            asked @ (Asked::Refused { .. } | Asked::Unknown) => Err(asked),
        }
    }

    async fn post(&self, path: &str, key: &str, body: &Value) -> Asked {
        let until = Instant::now() + PATIENCE;
        loop {
            let asked = self.api.post(path, key, body);
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

fn request(order: &Order, customer: Option<&str>) -> (&'static str, Value) {
    let metadata = json!({ "order_id": order.id });
    match &order.wish {
        Wish::Buy(product) | Wish::Charge(product, _) => {
            let mut body = json!({
                "amount": product.amount,
                "currency": product.currency,
                "reference": order.reference(),
                "description": product.name,
                "metadata": metadata,
            });
            if let Some(seller) = &product.seller {
                body["transfer_data"] = json!({ "destination": seller.account });
                body["application_fee_amount"] = json!(seller.fee);
            }
            if let Some(customer) = customer {
                body["customer"] = json!(customer);
            }
            // Another attempt is made with the customer there, who may type another card in: the answer is the
            // payment that has the reference.
            if let (Wish::Charge(_, card), 1) = (&order.wish, order.attempt) {
                body["payment_method"] = json!(card);
                body["confirm"] = json!(true);
                body["off_session"] = json!(true);
                body["automatic_payment_methods"] =
                    json!({ "enabled": true, "allow_redirects": "never" });
            }
            ("/v1/payment_intents", body)
        }
        Wish::SaveCard => {
            let body = json!({
                "customer": customer,
                "usage": "off_session",
                "metadata": metadata,
            });
            ("/v1/setup_intents", body)
        }
        Wish::Subscribe(plan) => {
            let body = json!({
                "customer": customer,
                "items": [{ "price": plan.price }],
                "reference": order.reference(),
                "metadata": metadata,
            });
            ("/v1/subscriptions", body)
        }
    }
}

fn read(succeeded: bool, answer: &Value) -> Asked {
    let text = |name: &str| answer[name].as_str().map(str::to_owned);
    match text("id").filter(|_| succeeded) {
        Some(id) => Asked::Made { id, client_secret: text("client_secret") },
        None => Asked::Refused {
            code: text("code").unwrap_or_else(|| "unreadable".to_owned()),
            detail: text("detail").unwrap_or_else(|| "The answer could not be read.".to_owned()),
            payment: text("payment_intent"),
            client_secret: text("client_secret"),
        },
    }
}

//! Clients of `quittance api` in `quittance dev`: they buy, capture, cancel and refund, and repeat each request
//! with its key until they have a final answer.
//!
//! What they were answered is kept, and [`commands::judge`](super::verdict::commands::judge) compares it with
//! the commands' rows and the objects at Stripe. They know the API's documentation and no code of its own.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use super::api_connection::{ApiConnection, is_final};

/// One request under one key, and its final answer.
#[derive(Debug, Clone)]
pub(in crate::dev) struct Answered {
    /// The request's `Idempotency-Key`.
    pub(in crate::dev) key: String,
    /// The final answer's status.
    pub(in crate::dev) status: u16,
    /// The final answer's body.
    pub(in crate::dev) body: Value,
    /// How often the request was sent.
    pub(in crate::dev) sent: u32,
    /// Another final answer to the same request, where it differed.
    pub(in crate::dev) differs: Option<(u16, Value)>,
}

/// All clients of a run. Cheap to clone.
#[derive(Clone)]
pub(in crate::dev) struct Clients {
    api: ApiConnection,
    seed: u64,
    answered: Arc<Mutex<Vec<Answered>>>,
}

impl Clients {
    /// Clients that ask over this connection.
    pub(in crate::dev) fn new(api: ApiConnection, seed: u64) -> Self {
        Self { api, seed, answered: Arc::default() }
    }

    /// The final answers until now.
    pub(in crate::dev) fn answered(&self) -> Vec<Answered> {
        self.answered.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lets client number `n` make its purchase, and what follows from it.
    pub(in crate::dev) async fn purchase(&self, n: u32) {
        let mut rng = StdRng::seed_from_u64(self.seed.wrapping_mul(31).wrapping_add(u64::from(n)));
        let amount = rng.random_range(300..20_000);
        let mut buyer = Buyer { clients: self, n, rng, amount };
        match n % 10 {
            0 => buyer.declined("pm_card_chargeDeclined").await,
            1 => buyer.declined("pm_card_chargeDeclinedInsufficientFunds").await,
            2 | 3 => buyer.captured_or_canceled().await,
            4 => buyer.confirmed_later().await,
            _ => buyer.paid_and_refunded().await,
        }
    }
}

struct Buyer<'a> {
    clients: &'a Clients,
    n: u32,
    rng: StdRng,
    amount: i64,
}

impl<'a> Buyer<'a> {
    fn payment(&self, more: Value) -> Value {
        let mut body = json!({
            "amount": self.amount,
            "currency": "eur",
            "reference": format!("order-{}", self.n),
            "automatic_payment_methods": { "enabled": true, "allow_redirects": "never" },
            "metadata": { "order": self.n.to_string() },
        });
        if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
            body.extend(more);
        }
        body
    }

    fn key(&self, verb: &str) -> String {
        format!("client-{}-{verb}", self.n)
    }

    /// A card that is declined; the page is opened anew then, under the same reference.
    async fn declined(&mut self, method: &str) {
        let body = self.payment(json!({ "confirm": true, "payment_method": method }));
        self.ask("pay", "/v1/payment_intents", body).await;
        let body = self.payment(json!({}));
        self.ask("pay-again", "/v1/payment_intents", body).await;
    }

    /// Created first, and confirmed by a request of its own.
    async fn confirmed_later(&mut self) {
        let body = self.payment(json!({}));
        let created = self.ask("create", "/v1/payment_intents", body).await;
        let Some(id) = created["id"].as_str() else { return };
        let path = format!("/v1/payment_intents/{id}/confirm");
        self.ask("confirm", &path, json!({ "payment_method": "pm_card_visa" })).await;
    }

    /// Held, and then captured and cancelled at the same time: one of both can happen.
    async fn captured_or_canceled(&mut self) {
        let method = json!({
            "confirm": true, "payment_method": "pm_card_visa", "capture_method": "manual",
        });
        let body = self.payment(method);
        let held = self.ask("hold", "/v1/payment_intents", body).await;
        let Some(id) = held["id"].as_str() else { return };
        let capture =
            self.request("capture", &format!("/v1/payment_intents/{id}/capture"), json!({}));
        let cancel = self.request("cancel", &format!("/v1/payment_intents/{id}/cancel"), json!({}));
        tokio::join!(capture.answer(), cancel.answer());
    }

    /// Paid, and refunded twice in part at the same time; what is more than is left must be refused.
    async fn paid_and_refunded(&mut self) {
        let body = self.payment(json!({ "confirm": true, "payment_method": "pm_card_visa" }));
        let paid = self.ask("pay", "/v1/payment_intents", body.clone()).await;
        let Some(id) = paid["id"].as_str().map(str::to_owned) else { return };
        // The page again in a new session: a new key, the same purchase.
        self.ask("pay-in-a-new-session", "/v1/payment_intents", body).await;
        let part = |amount: i64| json!({ "payment_intent": id, "amount": amount });
        // The first two are equal, and both are wanted; all three together are more than the payment.
        let two_thirds = self.amount * 2 / 3;
        let one_third = self.amount / 3;
        let first = self.request("refund-1", "/v1/refunds", part(one_third));
        let second = self.request("refund-2", "/v1/refunds", part(one_third));
        let third = self.request("refund-3", "/v1/refunds", part(two_thirds));
        tokio::join!(first.answer(), second.answer(), third.answer());
    }

    async fn ask(&mut self, verb: &str, path: &str, body: Value) -> Value {
        self.request(verb, path, body).answer().await
    }

    fn request(&mut self, verb: &str, path: &str, body: Value) -> Repeated<'a> {
        Repeated {
            clients: self.clients,
            key: self.key(verb),
            path: path.to_owned(),
            body,
            rng: StdRng::seed_from_u64(self.rng.random()),
        }
    }
}

/// A request that is repeated until its answer is final.
struct Repeated<'a> {
    clients: &'a Clients,
    key: String,
    path: String,
    body: Value,
    rng: StdRng,
}

impl Repeated<'_> {
    /// Its final answer. Half of the requests are sent once more after it, to see the same answer.
    async fn answer(mut self) -> Value {
        let mut sent = 0;
        let (status, body) = self.until_final(&mut sent).await;
        let mut differs = None;
        if self.rng.random_bool(0.5) {
            let again = self.until_final(&mut sent).await;
            differs = (!is_same((status, &body), (again.0, &again.1))).then_some(again);
        }
        let answered = Answered { key: self.key, status, body: body.clone(), sent, differs };
        self.clients.answered.lock().unwrap_or_else(PoisonError::into_inner).push(answered);
        body
    }

    async fn until_final(&mut self, sent: &mut u32) -> (u16, Value) {
        loop {
            *sent += 1;
            // Some clients give up early, as browsers and proxies do; the request goes on without them.
            let patience = Duration::from_millis(self.rng.random_range(100..4_000));
            let once = self.clients.api.post(&self.path, &self.key, &self.body);
            let once = tokio::time::timeout(patience, once).await;
            if let Ok(Some((status, body))) = once
                && is_final(status, &body)
            {
                return (status.as_u16(), body);
            }
            let pause = self.rng.random_range(50..500);
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
    }
}

/// Whether two final answers to the same request agree. The sentence of a refusal may name other sums.
fn is_same(one: (u16, &Value), other: (u16, &Value)) -> bool {
    let code = one.1.get("code");
    one.0 == other.0 && if code.is_some() { code == other.1.get("code") } else { one.1 == other.1 }
}

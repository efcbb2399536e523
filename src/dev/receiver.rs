//! Receives notifications in `quittance dev`, and verifies what was delivered.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use tokio::net::TcpListener;

use super::verdict::Difference;

/// Signing secret of the receiver.
pub(super) const SECRET: &str = "whsec_cXVpdHRhbmNlLWRldi1yZWNlaXZlci1zZWNyZXQh";

/// Takes notifications, and keeps them in the order in which they came.
#[derive(Clone)]
pub(super) struct Receiver {
    heard: Arc<Mutex<Heard>>,
    pub(super) url: String,
    rough: bool,
}

/// Notifications that the receiver got.
#[derive(Debug, Clone, Default)]
pub(super) struct Heard {
    requests: u64,
    unsigned: u64,
    /// The ids, each as often as it came.
    taken: Vec<String>,
}

impl Receiver {
    /// Listens on a loopback port. A `rough` one fails now and then, before it has taken what came
    /// or after.
    pub(super) async fn start(rough: bool) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}/told", listener.local_addr()?);
        let receiver = Self { heard: Arc::default(), url, rough };
        let router = Router::new().route("/told", post(take)).with_state(receiver.clone());
        tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the receiver of notifications ended");
            }
        });
        Ok(receiver)
    }

    pub(super) fn heard(&self) -> Heard {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn take(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let mut heard = receiver.heard.lock().unwrap_or_else(PoisonError::into_inner);
    heard.requests += 1;
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(id) = header("webhook-id") else { return StatusCode::BAD_REQUEST };
    let signature = sign(id, header("webhook-timestamp").unwrap_or_default(), &body);
    if signature.is_none() || signature.as_deref() != header("webhook-signature") {
        heard.unsigned += 1;
        return StatusCode::UNAUTHORIZED;
    }
    if receiver.rough && heard.requests % 11 == 0 {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    heard.taken.push(id.to_owned());
    if receiver.rough && heard.requests % 13 == 0 {
        return StatusCode::INTERNAL_SERVER_ERROR;
    }
    StatusCode::NO_CONTENT
}

/// Written here a second time, for a judge must not share the code of the judged.
fn sign(id: &str, timestamp: &str, body: &[u8]) -> Option<String> {
    let key = BASE64_STANDARD.decode(SECRET.strip_prefix("whsec_")?).ok()?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
    mac.update(&[id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat());
    Some(format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes())))
}

impl Heard {
    /// Each fact that was told, once, and how often it was told again.
    pub(super) fn counts(&self) -> (usize, usize) {
        let distinct = self.taken.iter().collect::<BTreeSet<_>>().len();
        (distinct, self.taken.len() - distinct)
    }
}

/// Every row of the outbox was told by its id, nothing else was, the order within each object was
/// kept, and all of it is noted as delivered.
pub(super) fn judge(outbox: &[Value], deliveries: &[Value], heard: &Heard) -> Vec<Difference> {
    let text = |row: &Value, key: &str| {
        row.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let differ = |id: &str, what: &str, expected: &str, found: &str| Difference {
        table: "quittance.outbox".to_owned(),
        id: id.to_owned(),
        what: what.to_owned(),
        expected: expected.to_owned(),
        found: found.to_owned(),
    };
    let mut found = Vec::new();
    if heard.unsigned > 0 {
        found.push(differ("-", "signed wrongly", "0", &heard.unsigned.to_string()));
    }
    let rows: BTreeMap<String, &Value> = outbox.iter().map(|row| (text(row, "id"), row)).collect();
    let mut told: BTreeSet<&str> = BTreeSet::new();
    let mut last: BTreeMap<[String; 3], i64> = BTreeMap::new();
    for id in &heard.taken {
        let Some(row) = rows.get(id) else {
            found.push(differ(id, "told", "no", "yes"));
            continue;
        };
        // A redelivery says nothing about the order.
        if !told.insert(id) {
            continue;
        }
        let seq = row.get("seq").and_then(Value::as_i64).unwrap_or_default();
        let object = ["account", "object_kind", "object_id"].map(|key| text(row, key));
        if last.insert(object, seq).is_some_and(|before| before > seq) {
            found.push(differ(id, "told", "in the order of its object", "after a later one"));
        }
    }
    for id in rows.keys().filter(|id| !told.contains(id.as_str())) {
        found.push(differ(id, "told", "yes", "no"));
    }
    let mut to: BTreeMap<String, usize> = BTreeMap::new();
    for delivery in deliveries {
        *to.entry(text(delivery, "destination")).or_default() += 1;
        let state = text(delivery, "state");
        if state != "delivered" {
            let what = format!("delivery to {}", text(delivery, "destination"));
            found.push(differ(&text(delivery, "id"), &what, "delivered", &state));
        }
    }
    for (destination, count) in to.iter().filter(|(_, count)| **count != rows.len()) {
        let what = format!("handed out to {destination}");
        found.push(differ("-", &what, &rows.len().to_string(), &count.to_string()));
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(id: &str, seq: i64, object: &str) -> Value {
        json!({"id": id, "seq": seq, "account": "", "object_kind": "refund", "object_id": object})
    }

    fn delivered(id: &str) -> Value {
        json!({"id": id, "destination": "http:dev", "state": "delivered"})
    }

    fn whats(taken: &[&str], deliveries: &[Value]) -> Vec<String> {
        let rows = [row("a", 1, "re_1"), row("b", 2, "re_1"), row("c", 3, "re_2")];
        let taken = taken.iter().map(|id| (*id).to_owned()).collect();
        let heard = Heard { taken, ..Heard::default() };
        judge(&rows, deliveries, &heard)
            .into_iter()
            .map(|d| format!("{}: {} {}", d.id, d.what, d.found))
            .collect()
    }

    #[test]
    fn all_told_in_order_is_no_difference_also_when_some_came_twice() {
        let all = ["a", "b", "c"].map(delivered);
        assert_eq!(whats(&["c", "a", "b", "a"], &all), Vec::<String>::new());
    }

    #[test]
    fn what_was_not_told_or_in_the_wrong_order_or_never_happened_is_found() {
        let all = ["a", "b", "c"].map(delivered);
        assert_eq!(whats(&["a", "b"], &all), ["c: told no"]);
        assert_eq!(whats(&["b", "a", "c"], &all), ["a: told after a later one"]);
        assert_eq!(whats(&["a", "b", "c", "x"], &all), ["x: told yes"]);
        assert_eq!(whats(&["a", "b", "c"], &all[..2]), ["-: handed out to http:dev 2"]);
    }
}

//! The floors of the ingress: a bare axum handler, in a process of its own.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use redis::aio::MultiplexedConnection;
use sha2::Sha256;
use tokio::net::TcpListener;

use super::stage::{Child, SECRET};

/// The address of a Redis; none: the handler writes nothing.
const REDIS: &str = "BARE_REDIS";

/// Starts one; says where it listens.
pub(crate) async fn start(redis: Option<String>) -> (Child, String) {
    let env: Vec<_> = redis.map(|url| (REDIS.to_owned(), url)).into_iter().collect();
    Child::part("bare", &env).await
}

#[derive(Clone)]
struct Handler {
    key: Arc<Hmac<Sha256>>,
    redis: MultiplexedConnection,
}

/// Serves until it is killed.
pub(crate) async fn serve() {
    let router = match std::env::var(REDIS) {
        Ok(url) => {
            let client = redis::Client::open(url).unwrap();
            let redis = client.get_multiplexed_async_connection().await.unwrap();
            let key = Arc::new(Hmac::new_from_slice(SECRET.as_bytes()).unwrap());
            Router::new().route("/webhooks/stripe", post(keep)).with_state(Handler { key, redis })
        }
        Err(_) => Router::new().route("/webhooks/stripe", post(async |_: Bytes| ())),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    axum::serve(listener, router).await.unwrap();
}

/// The least that an ingress does: one HMAC over the body, one XADD.
async fn keep(State(mut handler): State<Handler>, headers: HeaderMap, body: Bytes) {
    let signature = headers["stripe-signature"].to_str().unwrap();
    let (time, given) = signature.split_once(",v1=").unwrap();
    let mut mac = Hmac::clone(&handler.key);
    mac.update(time.trim_start_matches("t=").as_bytes());
    mac.update(b".");
    mac.update(&body);
    mac.verify_slice(&hex::decode(given).unwrap()).unwrap();
    let mut add = redis::cmd("XADD");
    add.arg("bare").arg("*").arg("b").arg(&body[..]);
    add.query_async::<String>(&mut handler.redis).await.unwrap();
}

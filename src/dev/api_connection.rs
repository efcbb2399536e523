//! A connection to `quittance api` with a token, as a customer's backend has one.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName};
use hyper::{Method, Request, StatusCode};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde_json::Value;

/// Most that is read of an answer, in bytes.
const MAX_ANSWER: usize = 256 * 1024;

/// Where the API is, and who asks. Cheap to clone.
#[derive(Clone)]
pub(in crate::dev) struct ApiConnection {
    pool: Pool<HttpConnector, Full<Bytes>>,
    base: String,
    token: String,
}

impl ApiConnection {
    /// The API at `base`: `http://127.0.0.1:8082`. Without tokens of its own it takes any.
    pub(in crate::dev) fn new(base: &str, token: &str) -> Self {
        let pool = Pool::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build_http();
        Self { pool, base: base.to_owned(), token: token.to_owned() }
    }

    /// Sends a request once. None: there was no answer, so it is not known what became of it.
    pub(in crate::dev) async fn post(
        &self,
        path: &str,
        key: &str,
        body: &Value,
    ) -> Option<(StatusCode, Value)> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("{}{path}", self.base))
            .header(CONTENT_TYPE, "application/json")
            .header(AUTHORIZATION, format!("Bearer {}", self.token))
            .header(HeaderName::from_static("idempotency-key"), key)
            .body(Full::new(Bytes::from(body.to_string())))
            .ok()?;
        let answer = self.pool.request(request).await.ok()?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), MAX_ANSWER).collect().await.ok()?.to_bytes();
        Some((status, serde_json::from_slice(&body).ok()?))
    }
}

/// Whether the answer to a request will stay the same. What is not final is repeated with the same key.
pub(in crate::dev) fn is_final(status: StatusCode, body: &Value) -> bool {
    let in_progress = body["code"] == "command_in_progress";
    let open = status == StatusCode::ACCEPTED || status == StatusCode::TOO_MANY_REQUESTS;
    !(open || in_progress || status.is_server_error())
}

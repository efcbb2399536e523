//! Transport of async-stripe's typed requests: HTTP with a time limit and a pinned API version, never retried.

use std::fmt;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::header::{self, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Uri};
use stripe_client_core::{
    CustomizedStripeRequest, RequestBuilder, StripeClient, StripeClientErr, StripeMethod,
};

use super::answer::{Answer, Meta};
use super::error::StripeError;
use super::refusal::Refusal;
use quittance_config as config;
use quittance_http_client::{HttpClient, HttpClientOptions, USER_AGENT};

/// Longest answer that is read. The largest objects with everything expanded stay far below it.
const MAX_ANSWER: usize = 8 * 1024 * 1024;

/// Sends requests to Stripe over connections that are kept open.
///
/// It also implements async-stripe's [`StripeClient`], so that each of their typed requests can be
/// sent over it. It does not retry: a request that Stripe may have seen is never sent twice.
pub struct Transport {
    http: HttpClient,
    base: String,
    authorization: HeaderValue,
    timeout: Duration,
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").field("base", &self.base).finish_non_exhaustive()
    }
}

impl Transport {
    /// Sets up a pool; opens no connection.
    ///
    /// # Errors
    /// The base URL is none, or the key holds a character that no header can carry.
    pub fn new(settings: &config::Stripe) -> Result<Self, StripeError> {
        let base = settings.api_base.trim_end_matches('/').to_owned();
        let uri: Uri =
            base.parse().map_err(|_| StripeError::Settings("stripe.api_base is no URL"))?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none() {
            return Err(StripeError::Settings("stripe.api_base is no http:// or https:// URL"));
        }
        if settings.secret_key.is_empty() {
            return Err(StripeError::Settings("stripe.secret_key is not set"));
        }
        let mut authorization =
            HeaderValue::try_from(format!("Bearer {}", settings.secret_key.reveal())).map_err(
                |_| StripeError::Settings("stripe.secret_key holds a character that no key has"),
            )?;
        // Marks it for every `Debug` on the way: hyper prints `Sensitive` in its place.
        authorization.set_sensitive(true);

        let options = HttpClientOptions {
            request_timeout: settings.timeout,
            idle_connections: settings.pool_idle,
            allow_plain_http: true,
        };
        let http = options.client().map_err(StripeError::Tls)?;
        Ok(Self { http, base, authorization, timeout: settings.timeout })
    }

    /// Sends one request and reads its answer, whatever the answer says.
    ///
    /// # Errors
    /// There was no answer, or none that could be read to its end within the time.
    pub(crate) async fn exchange(
        &self,
        request: RequestBuilder,
        account: Option<&str>,
        timeout: Option<Duration>,
    ) -> Result<Answer, StripeError> {
        self.send(self.build(request, account)?, timeout).await
    }

    /// The same with an idempotency key.
    pub(crate) async fn exchange_once(
        &self,
        request: RequestBuilder,
        key: &str,
    ) -> Result<Answer, StripeError> {
        let mut request = self.build(request, None)?;
        let key =
            HeaderValue::try_from(key).map_err(|error| StripeError::Unsendable(error.into()))?;
        request.headers_mut().insert("idempotency-key", key);
        self.send(request, None).await
    }

    async fn send(
        &self,
        request: Request<Full<Bytes>>,
        timeout: Option<Duration>,
    ) -> Result<Answer, StripeError> {
        let after = timeout.unwrap_or(self.timeout);
        tokio::time::timeout(after, self.run(request))
            .await
            .unwrap_or(Err(StripeError::TimedOut { after }))
    }

    fn build(
        &self,
        request: RequestBuilder,
        account: Option<&str>,
    ) -> Result<Request<Full<Bytes>>, StripeError> {
        let RequestBuilder { query, body, path, method } = request;
        let query = query.filter(|query| !query.is_empty());
        let mark = if query.is_some() { "?" } else { "" };
        // The typed requests leave their version of the API out.
        let api = if path.starts_with("/v2/") { "" } else { "/v1" };
        let uri = format!("{}{api}{path}{mark}{}", self.base, query.unwrap_or_default());
        let mut builder = Request::builder()
            .method(match method {
                StripeMethod::Get => Method::GET,
                StripeMethod::Post => Method::POST,
                StripeMethod::Delete => Method::DELETE,
            })
            .uri(uri)
            .header(AUTHORIZATION, self.authorization.clone())
            .header(header::USER_AGENT, USER_AGENT)
            .header("stripe-version", super::api_version());
        if let Some(account) = account {
            builder = builder.header("stripe-account", account);
        }
        if body.is_some() {
            builder = builder.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        builder.body(Full::from(body.unwrap_or_default())).map_err(StripeError::Unsendable)
    }

    async fn run(&self, request: Request<Full<Bytes>>) -> Result<Answer, StripeError> {
        let began = Instant::now();
        let response = self.http.request(request).await.map_err(|source| {
            if source.is_connect() {
                StripeError::Unreachable(source)
            } else {
                StripeError::Interrupted(source.into())
            }
        })?;
        let meta = Meta::read(response.status(), response.headers(), began.elapsed());
        match Limited::new(response.into_body(), MAX_ANSWER).collect().await {
            Ok(body) => Ok(Answer { meta, body: body.to_bytes() }),
            Err(source) if source.is::<LengthLimitError>() => {
                Err(StripeError::TooLong { limit: MAX_ANSWER, request_id: meta.request_id })
            }
            Err(source) => Err(StripeError::Interrupted(source)),
        }
    }
}

impl StripeClientErr for StripeError {
    fn deserialize_err(message: impl fmt::Display) -> Self {
        Self::Undecodable { path: ".".into(), problem: message.to_string(), request_id: None }
    }
}

impl StripeClient for Transport {
    type Err = StripeError;

    async fn execute(&self, request: CustomizedStripeRequest) -> Result<Bytes, StripeError> {
        let (request, settings) = request.into_pieces();
        let account = settings.account_id.as_ref().map(stripe_shared::AccountId::as_str);
        let answer = self.exchange(request, account, settings.timeout).await?;
        if answer.meta.status.is_success() {
            Ok(answer.body)
        } else {
            Err(Refusal::read(&answer, account.is_some()).into())
        }
    }
}

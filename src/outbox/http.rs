//! HTTP POST, signed. One request a notification; no redirect is followed.

use std::error::Error;
use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, join_all};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::header::{self, CONTENT_TYPE};
use hyper::{Method, Request, StatusCode, Uri};
use url::{Host, Url};

use super::channel::Channel;
use super::guard::{AddressRefused, Guard};
use super::signature::{SecretError, Signer};
use crate::config;
use crate::domain::failure::{self, Class, Failure};
use crate::http_client::{HttpClient, HttpClientOptions, USER_AGENT, retry_after};
use crate::store::outbox::Claimed;

/// What is read of an answer, so that its connection can be used again. Nobody looks at it.
const MAX_ANSWER: usize = 64 * 1024;

/// Posts to one URL.
pub struct HttpChannel {
    uri: Uri,
    /// Where the URL names an address: no resolver is asked for that, so it is looked at here.
    literal: Option<IpAddr>,
    guard: Guard,
    signer: Signer,
    timeout: Duration,
    http: HttpClient<Guard>,
}

/// Why a notification was not delivered, or a channel cannot be made. Never shows the URL.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The URL is none.
    #[error("the URL cannot be used")]
    Url,
    /// A secret is none.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
    /// The URL leads where it must not.
    #[error("the URL leads to an address that is not allowed")]
    Address(#[source] Box<dyn Error + Send + Sync>),
    /// No answer: no connection, or it broke.
    #[error("the receiver cannot be reached")]
    Unreachable(#[source] Box<dyn Error + Send + Sync>),
    /// No answer in time.
    #[error("the receiver did not answer within {0:?}")]
    TimedOut(Duration),
    /// An answer that is not 2xx.
    #[error("the receiver answered {status}")]
    Refused {
        /// Its status.
        status: StatusCode,
        /// How long it asks us to wait.
        retry_after: Option<Duration>,
    },
    /// The request could not be made.
    #[error("the request cannot be made")]
    Request(#[source] hyper::http::Error),
}

impl HttpError {
    /// What it means for the delivery.
    ///
    /// Nearly everything may pass: a receiver that answers 404 while it is being deployed must not
    /// lose what it is told. Only 410 is a last word, by the standard.
    #[must_use]
    pub fn failure(&self) -> Failure {
        let (class, code) = match self {
            Self::Url => (Class::Permanent, "url".to_owned()),
            Self::Secret(_) => (Class::Permanent, "secret".to_owned()),
            Self::Tls(_) => (Class::Permanent, "tls".to_owned()),
            Self::Request(_) => (Class::Permanent, "request".to_owned()),
            Self::Address(_) => (Class::Transient, "address_refused".to_owned()),
            Self::Unreachable(_) => (Class::Transient, "unreachable".to_owned()),
            Self::TimedOut(_) => (Class::Transient, "timed_out".to_owned()),
            Self::Refused { status, retry_after } => {
                let class = match *status {
                    StatusCode::GONE => Class::Permanent,
                    StatusCode::TOO_MANY_REQUESTS => {
                        Class::RateLimited { retry_after: *retry_after }
                    }
                    _ => Class::Transient,
                };
                (class, format!("status_{}", status.as_u16()))
            }
        };
        Failure { class, code, chain: failure::chain(self), request_id: None, should_retry: None }
    }
}

impl HttpChannel {
    /// Sets up a pool; opens no connection.
    ///
    /// # Errors
    /// The URL or a secret is none.
    pub fn new(settings: &config::Destination) -> Result<Self, HttpError> {
        let url = Url::parse(settings.url.reveal()).map_err(|_| HttpError::Url)?;
        let uri = url.as_str().parse().map_err(|_| HttpError::Url)?;
        let literal = match url.host() {
            Some(Host::Ipv4(address)) => Some(address.into()),
            Some(Host::Ipv6(address)) => Some(address.into()),
            Some(Host::Domain(_)) => None,
            None => return Err(HttpError::Url),
        };
        let guard = Guard { allow_private: settings.allow_private };
        let options = HttpClientOptions {
            request_timeout: settings.timeout,
            idle_connections: settings.concurrency,
            allow_plain_http: settings.allow_http,
        };
        let http = options.client_with_resolver(guard).map_err(HttpError::Tls)?;
        let signer = Signer::new(&settings.secrets)?;
        Ok(Self { uri, literal, guard, signer, timeout: settings.timeout, http })
    }

    /// Posts one notification.
    ///
    /// # Errors
    /// It has not arrived, as far as can be known.
    pub async fn post(&self, notification: &Claimed) -> Result<(), HttpError> {
        if let Some(address) = self.literal {
            let refused = |error: AddressRefused| HttpError::Address(error.into());
            self.guard.check(&[(address, 0).into()]).map_err(refused)?;
        }
        tokio::time::timeout(self.timeout, self.exchange(notification))
            .await
            .unwrap_or(Err(HttpError::TimedOut(self.timeout)))
    }

    async fn exchange(&self, notification: &Claimed) -> Result<(), HttpError> {
        let id = notification.id.to_string();
        // The time of this attempt: a receiver refuses old ones.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let now = i64::try_from(now).unwrap_or(i64::MAX);
        let body = Bytes::from(notification.body.clone());
        let request = Request::builder()
            .method(Method::POST)
            .uri(self.uri.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(header::USER_AGENT, USER_AGENT)
            .header("webhook-signature", self.signer.sign(&id, now, &body))
            .header("webhook-timestamp", now)
            .header("webhook-id", id)
            .body(Full::new(body))
            .map_err(HttpError::Request)?;
        let answer = self.http.request(request).await.map_err(unreachable)?;
        let (status, retry_after) = (answer.status(), retry_after(answer.headers()));
        // The status is the word; a body that is too long, or breaks off, only costs the connection.
        let _ = Limited::new(answer.into_body(), MAX_ANSWER).collect().await;
        if status.is_success() {
            return Ok(());
        }
        Err(HttpError::Refused { status, retry_after })
    }
}

fn unreachable(error: hyper_util::client::legacy::Error) -> HttpError {
    let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
    while let Some(inner) = cause {
        if inner.is::<AddressRefused>() {
            return HttpError::Address(error.into());
        }
        cause = inner.source();
    }
    HttpError::Unreachable(error.into())
}

impl Channel for HttpChannel {
    fn deliver<'a>(&'a self, batch: &'a [Claimed]) -> BoxFuture<'a, Vec<Result<(), Failure>>> {
        let post = |one| async move { self.post(one).await.map_err(|error| error.failure()) };
        join_all(batch.iter().map(post)).boxed()
    }
}

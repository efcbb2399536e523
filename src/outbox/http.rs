//! Delivery by signed HTTP POST: one request per notification, no redirect is followed.

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

/// Most bytes read of a response, so that its connection can be reused. The body is not used.
const MAX_ANSWER: usize = 64 * 1024;

/// Posts notifications to one URL.
pub struct HttpChannel {
    uri: Uri,
    /// The address, if the URL names one. No resolver is called for it, so this channel checks it.
    literal: Option<IpAddr>,
    guard: Guard,
    signer: Signer,
    timeout: Duration,
    http: HttpClient<Guard>,
}

/// Failure to deliver a notification or to create a channel. Its message never shows the URL.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The URL cannot be parsed.
    #[error("the URL cannot be used")]
    Url,
    /// A signing secret cannot be parsed.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
    /// The host resolves to an address that is not public.
    #[error("the URL leads to an address that is not allowed")]
    Address(#[source] Box<dyn Error + Send + Sync>),
    /// No connection, or it broke before the response.
    #[error("the receiver cannot be reached")]
    Unreachable(#[source] Box<dyn Error + Send + Sync>),
    /// No response within the time limit.
    #[error("the receiver did not answer within {0:?}")]
    TimedOut(Duration),
    /// A response whose status is not 2xx.
    #[error("the receiver answered {status}")]
    Refused {
        /// The status.
        status: StatusCode,
        /// Its `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// The request could not be built.
    #[error("the request cannot be made")]
    Request(#[source] hyper::http::Error),
}

impl HttpError {
    /// Classifies the failure.
    ///
    /// Nearly all failures count as transient: a receiver that answers 404 while it is being deployed must not
    /// lose notifications. 410 is permanent, as the Standard Webhooks scheme has it.
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
    /// Creates a channel. Opens no connection.
    ///
    /// # Errors
    /// [`HttpError::Url`], [`HttpError::Secret`] or [`HttpError::Tls`].
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
    /// The receiver did not accept it, or its response is not known.
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
        // The time of this attempt, not of the notification: receivers refuse old timestamps.
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
        // Only the status counts. A body that is too long or breaks off costs the connection.
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

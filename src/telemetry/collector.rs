//! Export of traces to a collector: OTLP over HTTP.
//!
//! Traces must not affect the work. If the collector is slow, refuses spans or cannot be reached, spans are
//! dropped; that is logged once when it begins and once when it ends.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Request, Response};
use opentelemetry_http::{HttpClient, HttpError};
use tokio::runtime::Handle;

use crate::http_client::{HttpClient as Client, HttpClientOptions};

/// Longest time for the export of one batch.
const BATCH_TIMEOUT: Duration = Duration::from_secs(3);

/// Most bytes read of a response.
const MAX_ANSWER: usize = 64 * 1024;

type Sending = Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send>>;

/// Posts batches of spans.
#[derive(Clone)]
pub(super) struct Collector {
    client: Client,
    /// The exporter runs on a thread without a runtime, which sockets need.
    runtime: Handle,
    failing: Arc<AtomicBool>,
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collector").finish_non_exhaustive()
    }
}

impl Collector {
    /// Creates a collector. Opens no connection.
    pub(super) fn new(runtime: Handle) -> Result<Self, rustls::Error> {
        let options = HttpClientOptions {
            request_timeout: BATCH_TIMEOUT,
            // One batch is in flight at a time.
            idle_connections: 1,
            allow_plain_http: true,
        };
        let client = options.client()?;
        Ok(Self { client, runtime, failing: Arc::default() })
    }

    async fn send(self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let answer = tokio::time::timeout(BATCH_TIMEOUT, self.exchange(request)).await;
        let answer =
            answer.unwrap_or_else(|_| Err(format!("no answer within {BATCH_TIMEOUT:?}").into()));
        match &answer {
            Ok(answer) if answer.status().is_success() => self.note(None),
            Ok(answer) => self.note(Some(&format!("answered {}", answer.status()))),
            Err(error) => self.note(Some(&chain(error.as_ref()))),
        }
        answer
    }

    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (head, body) = request.into_parts();
        let answer = self.client.request(Request::from_parts(head, Full::new(body))).await?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, MAX_ANSWER).collect().await?.to_bytes();
        Ok(Response::from_parts(head, body))
    }

    /// Logs that exports began to fail, or that they work again.
    fn note(&self, failure: Option<&str>) {
        let failing = failure.is_some();
        if self.failing.swap(failing, Ordering::Relaxed) != failing {
            match failure {
                Some(error) => {
                    tracing::warn!(
                        error,
                        "traces cannot be sent to telemetry.otlp_endpoint; they are dropped"
                    );
                }
                None => tracing::info!("traces are sent again"),
            }
        }
    }
}

impl HttpClient for Collector {
    // What the macro `async_trait` makes of an `async fn`.
    fn send_bytes<'life0, 'async_trait>(
        &'life0 self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'async_trait>>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        let sending = self.runtime.spawn(self.clone().send(request));
        let answer: Sending = Box::pin(async move { sending.await? });
        answer
    }
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

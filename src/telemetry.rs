//! What the process tells of itself while it runs: log lines, and the page that Prometheus reads.
//!
//! Neither ever holds a payload or a secret. The parts of the program own their counters and make
//! them known to the registry that `cli` hands them; there is no global one.

use std::io::IsTerminal as _;
use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

use crate::config::{Log, LogFormat};

/// What `GET /metrics` is (openmetrics.io).
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// `log.filter` is none.
    #[error("log.filter: {0}")]
    Filter(#[from] ParseError),
    /// The process already has a log.
    #[error("the log is already set up")]
    Twice(#[from] TryInitError),
}

/// Starts the log, on standard error: standard output belongs to what a command was asked for.
///
/// # Errors
/// The filter cannot be read, or there is a log already.
pub fn init(log: &Log) -> Result<(), TelemetryError> {
    let filter = EnvFilter::builder().parse(&log.filter)?;
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let terminal = std::io::stderr().is_terminal();
    let json = match log.format {
        LogFormat::Json => true,
        LogFormat::Pretty => false,
        LogFormat::Auto => !terminal,
    };
    let registry = tracing_subscriber::registry().with(filter);
    if json {
        // The list of spans would repeat the current one.
        registry.with(lines.json().flatten_event(true).with_span_list(false)).try_init()?;
    } else {
        registry.with(lines.with_ansi(terminal)).try_init()?;
    }
    Ok(())
}

/// `GET /metrics`, for a listener of its own: numbers of this kind are nobody's business outside.
pub fn metrics_router(registry: Arc<Registry>) -> Router {
    Router::new().route("/metrics", get(move || std::future::ready(page(&registry))))
}

fn page(registry: &Registry) -> Response {
    let mut text = String::new();
    match encode(&mut text, registry) {
        Ok(()) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "cannot write the metrics");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;
    use http_body_util::BodyExt as _;
    use prometheus_client::metrics::counter::Counter;
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn the_numbers_are_served_as_open_metrics() {
        let mut registry = Registry::default();
        let counter: Counter = Counter::default();
        counter.inc();
        registry.register("events", "Events", counter);
        let request = Request::get("/metrics").body(Body::empty()).unwrap();
        let answer = metrics_router(Arc::new(registry)).oneshot(request).await.unwrap();
        assert_eq!(answer.headers()[header::CONTENT_TYPE], OPEN_METRICS);
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert!(body.ends_with(b"events_total 1\n# EOF\n"), "{body:?}");
    }

    #[test]
    fn a_filter_that_cannot_be_read_is_refused_by_its_key() {
        let log = Log { format: LogFormat::Auto, filter: "a=b=c".into() };
        let error = init(&log).unwrap_err().to_string();
        assert!(error.starts_with("log.filter: "), "{error}");
    }
}

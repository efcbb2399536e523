//! The metrics page for Prometheus: counters, and gauges that are read on request.
//!
//! The depth of the queue and the lag of the outbox are no counters of the program: they are read from Redis and
//! Postgres when the page is requested. So they cost nothing without requests, and are never older than
//! [`FRESH`].

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, join_all};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// Content type of `GET /metrics` (openmetrics.io).
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Time for which gauges are reused for further requests.
const FRESH: Duration = Duration::from_secs(1);

/// Longest time for reading gauges: Prometheus gives up after ten seconds, and then has no metrics at all.
const LOOK_TIMEOUT: Duration = Duration::from_secs(3);

type Look = Box<dyn Fn() -> BoxFuture<'static, bool> + Send + Sync>;

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Build {
    version: &'static str,
    role: &'static str,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct At {
    at: &'static str,
}

/// Metrics of one process: its registry, and the gauges that are read on request.
pub struct Numbers {
    registry: Registry,
    looks: Vec<Look>,
    succeeded: Family<At, Gauge>,
}

impl Numbers {
    /// Creates the metrics that every role has: its build and its start.
    #[must_use]
    pub fn new(role: &'static str) -> Self {
        let mut registry = Registry::default();
        let build = Build { version: env!("CARGO_PKG_VERSION"), role };
        registry.register("quittance_build", "What runs here; always 1", Info::new(build));
        let start: Gauge = Gauge::default();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        start.set(i64::try_from(now.as_secs()).unwrap_or(i64::MAX));
        registry.register(
            "process_start_time_seconds",
            "When this process began, in Unix seconds",
            start,
        );
        let succeeded = Family::default();
        registry.register(
            "quittance_look_succeeded",
            "Whether what this page shows of a dependency could be looked up; what could not is left out",
            succeeded.clone(),
        );
        Self { registry, looks: Vec::new(), succeeded }
    }

    /// The registry, with which modules register their metrics.
    pub fn registry(&mut self) -> &mut Registry {
        &mut self.registry
    }

    /// Adds gauges that `look` reads when the page is requested. `show` gets what was read, or `None` if there was
    /// no answer in time: an outdated number must not stay.
    pub fn on_request<T, F>(
        &mut self,
        at: &'static str,
        look: impl Fn() -> F + Send + Sync + 'static,
        show: impl Fn(Option<T>) + Send + Sync + 'static,
    ) where
        F: Future<Output = Option<T>> + Send + 'static,
        T: Send + 'static,
    {
        let show = Arc::new(show);
        let succeeded = self.succeeded.clone();
        self.looks.push(Box::new(move || {
            let (look, show, succeeded) = (look(), Arc::clone(&show), succeeded.clone());
            async move {
                let seen = tokio::time::timeout(LOOK_TIMEOUT, look).await.ok().flatten();
                let is_there = seen.is_some();
                succeeded.get_or_create(&At { at }).set(i64::from(is_there));
                show(seen);
                is_there
            }
            .boxed()
        }));
    }

    /// The route `GET /metrics`, for a listener of its own, which the internet cannot reach.
    pub fn router(self) -> Router {
        let page = Arc::new(Page { numbers: self, looked_at: Mutex::new(None) });
        let answer = move || {
            let page = Arc::clone(&page);
            async move { page.answer().await }
        };
        Router::new().route("/metrics", get(answer))
    }
}

struct Page {
    numbers: Numbers,
    /// Locked while gauges are read, so that concurrent requests share one read.
    looked_at: Mutex<Option<Instant>>,
}

impl Page {
    async fn answer(&self) -> Response {
        let mut looked_at = self.looked_at.lock().await;
        if looked_at.is_none_or(|at| at.elapsed() >= FRESH) {
            join_all(self.numbers.looks.iter().map(|look| look())).await;
            *looked_at = Some(Instant::now());
        }
        drop(looked_at);
        let mut text = String::new();
        match encode(&mut text, &self.numbers.registry) {
            Ok(()) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
            Err(error) => {
                tracing::error!(%error, "cannot write the metrics");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use axum::body::Body;
    use axum::http::Request;
    use http_body_util::BodyExt as _;
    use prometheus_client::metrics::counter::Counter;
    use tower::ServiceExt as _;

    use super::*;

    async fn read(router: &Router) -> String {
        let request = Request::get("/metrics").body(Body::empty()).unwrap();
        let answer = router.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.headers()[header::CONTENT_TYPE], OPEN_METRICS);
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(body.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn the_numbers_are_served_as_open_metrics() {
        let mut numbers = Numbers::new("worker");
        let counter: Counter = Counter::default();
        counter.inc();
        numbers.registry().register("events", "Events", counter);
        let page = read(&numbers.router()).await;
        assert!(page.ends_with("events_total 1\n# EOF\n"), "{page}");
        let version = env!("CARGO_PKG_VERSION");
        let build = format!("quittance_build_info{{version=\"{version}\",role=\"worker\"}} 1");
        assert!(page.contains(&build), "{page}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_gauge_that_cannot_be_read_is_left_out_and_reported() {
        let (mut numbers, depth) = (Numbers::new("worker"), Family::<At, Gauge>::default());
        numbers.registry().register("depth", "Depth", depth.clone());
        let seen = Arc::new(AtomicI64::new(7));
        let looked = Arc::clone(&seen);
        let look = move || {
            let value = looked.load(Ordering::Relaxed);
            async move {
                // A server that never answers.
                if value < 0 {
                    std::future::pending::<()>().await;
                }
                Some(value)
            }
        };
        numbers.on_request("redis", look, move |value| match value {
            Some(value) => {
                depth.get_or_create(&At { at: "live" }).set(value);
            }
            None => depth.clear(),
        });
        let router = numbers.router();
        let page = read(&router).await;
        assert!(page.contains("depth{at=\"live\"} 7"), "{page}");
        assert!(page.contains("quittance_look_succeeded{at=\"redis\"} 1"), "{page}");

        seen.store(8, Ordering::Relaxed);
        assert!(read(&router).await.contains("depth{at=\"live\"} 7"), "it is fresh enough");
        tokio::time::advance(FRESH).await;
        assert!(read(&router).await.contains("depth{at=\"live\"} 8"));

        seen.store(-1, Ordering::Relaxed);
        tokio::time::advance(FRESH).await;
        let page = read(&router).await;
        assert!(!page.contains("depth{"), "what was true before is not shown as true: {page}");
        assert!(page.contains("quittance_look_succeeded{at=\"redis\"} 0"), "{page}");
    }
}

//! `GET /livez` and `GET /readyz`.
//!
//! A process that is not *live* is restarted by its orchestrator. One that is not *ready* gets no work; the
//! response names what is missing, which a restart would not fix.

use std::time::SystemTime;

use axum::Json;
use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A dependency that does not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Down {
    /// `redis`, `postgres`, `stripe`.
    pub dependency: String,
    /// Since when.
    pub since: SystemTime,
    /// Its error, or that it does not answer.
    pub error: String,
}

/// Work that an operator has paused. The role is ready all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopped {
    /// `live`, `backfill`.
    pub lane: String,
    /// The operator who paused it.
    pub by: String,
    /// Why.
    pub reason: Option<String>,
    /// Since when.
    pub since: SystemTime,
}

/// Readiness of a role.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Readiness {
    /// Dependencies that are down. The role is ready if there are none.
    pub down: Vec<Down>,
    /// Work that an operator has paused.
    pub paused: Vec<Stopped>,
    /// Warnings for an operator, which do not affect readiness.
    pub warnings: Vec<String>,
}

impl Readiness {
    /// Readiness without problems.
    #[must_use]
    pub fn ready() -> Self {
        Self::default()
    }
}

#[derive(Serialize)]
struct Wire {
    ready: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    down: Vec<WireDown>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    paused: Vec<WireStopped>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

#[derive(Serialize)]
struct WireDown {
    dependency: String,
    since: Option<String>,
    error: String,
}

#[derive(Serialize)]
struct WireStopped {
    lane: String,
    by: String,
    reason: Option<String>,
    since: Option<String>,
}

impl IntoResponse for Readiness {
    fn into_response(self) -> Response {
        let ready = self.down.is_empty();
        let down = self.down.into_iter().map(WireDown::from).collect();
        let paused = self.paused.into_iter().map(WireStopped::from).collect();
        let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        let headers = [(header::CACHE_CONTROL, "no-store")];
        let warnings = self.warnings;
        (status, headers, Json(Wire { ready, down, paused, warnings })).into_response()
    }
}

impl From<Down> for WireDown {
    fn from(down: Down) -> Self {
        Self { dependency: down.dependency, since: rfc3339(down.since), error: down.error }
    }
}

impl From<Stopped> for WireStopped {
    fn from(stopped: Stopped) -> Self {
        let Stopped { lane, by, reason, since } = stopped;
        Self { lane, by, reason, since: rfc3339(since) }
    }
}

/// In whole seconds.
fn rfc3339(at: SystemTime) -> Option<String> {
    OffsetDateTime::from(at).replace_nanosecond(0).ok().and_then(|at| at.format(&Rfc3339).ok())
}

/// Creates the two routes. `live` and `ready` are called for each request, so they must be cheap or cache.
pub fn router<L, R, F>(live: L, ready: R) -> Router
where
    L: Fn() -> bool + Clone + Send + Sync + 'static,
    R: Fn() -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Readiness> + Send + 'static,
{
    let livez = move || {
        let live = live();
        let status = if live { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        std::future::ready((status, Json(serde_json::json!({ "live": live }))))
    };
    Router::new().route("/livez", get(livez)).route("/readyz", get(ready))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::body::Body;
    use axum::http::Request;
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    use super::*;

    async fn get(router: Router, path: &str) -> (StatusCode, String) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = router.oneshot(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_role_without_problems_is_ready() {
        let router = router(|| true, || async { Readiness::ready() });
        assert_eq!(
            get(router.clone(), "/readyz").await,
            (StatusCode::OK, r#"{"ready":true}"#.into())
        );
        assert_eq!(get(router, "/livez").await, (StatusCode::OK, r#"{"live":true}"#.into()));
    }

    #[tokio::test]
    async fn a_dependency_that_is_down_is_shown_with_its_time() {
        let down = Down {
            dependency: "redis".into(),
            since: SystemTime::UNIX_EPOCH + Duration::from_millis(1_767_323_045_678),
            error: "no answer".into(),
        };
        let router = router(
            || false,
            move || {
                let down = vec![down.clone()];
                async { Readiness { down, ..Readiness::default() } }
            },
        );
        let (status, body) = get(router.clone(), "/readyz").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(
            body,
            r#"{"ready":false,"down":[{"dependency":"redis","since":"2026-01-02T03:04:05Z","error":"no answer"}]}"#
        );
        let (status, body) = get(router, "/livez").await;
        assert_eq!((status, &*body), (StatusCode::SERVICE_UNAVAILABLE, r#"{"live":false}"#));
    }

    #[tokio::test]
    async fn a_role_that_an_operator_paused_is_ready_and_shows_the_operator() {
        let stopped = Stopped {
            lane: "live".into(),
            by: "jane".into(),
            reason: Some("a look".into()),
            since: SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_323_045),
        };
        let router = router(
            || true,
            move || {
                let paused = vec![stopped.clone()];
                async { Readiness { paused, ..Readiness::default() } }
            },
        );
        let (status, body) = get(router, "/readyz").await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(
            body,
            r#"{"ready":true,"paused":[{"lane":"live","by":"jane","reason":"a look","since":"2026-01-02T03:04:05Z"}]}"#
        );
    }
}

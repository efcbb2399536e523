//! Faults of single endpoints: which requests meet one, how often, and what it does to them.
//!
//! [`Chaos`](super::Chaos) makes everything a little worse; a fault is aimed at a path. Both can be in
//! force at once. What chaos ends or delays at its start meets no fault.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hyper::Method;
use serde_json::Value;
use tokio::sync::{Notify, oneshot};

use super::chaos::Random;

/// A fault in some of the requests of an endpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// `POST /v1/refunds`, `GET /v1/payment_intents/{id}`, `* /v1/payment_intents/pi_1`, or `*` for all
    /// requests. `*` and `{...}` stand for any one part of a path, a last `**` for any rest.
    pub endpoint: String,
    /// What it does.
    pub kind: FaultKind,
    /// The share of those requests that it happens to, between 0 and 1.
    pub share: f64,
    /// How many times it happens at most; none: without end.
    pub times: Option<u32>,
}

impl Fault {
    /// A fault of every request of an endpoint, until it is removed.
    pub fn always(endpoint: impl Into<String>, kind: FaultKind) -> Self {
        Self { endpoint: endpoint.into(), kind, share: 1.0, times: None }
    }

    /// A fault of the next request of an endpoint alone.
    pub fn once(endpoint: impl Into<String>, kind: FaultKind) -> Self {
        Self { times: Some(1), ..Self::always(endpoint, kind) }
    }

    /// Reads `ENDPOINT,KIND` or `ENDPOINT,KIND,SHARE`, as the command line takes it.
    ///
    /// # Errors
    /// There is no such kind, or the share is not between 0 and 1.
    pub fn parse(text: &str) -> Result<Self, FaultError> {
        let refuse = |why: String| FaultError(format!("{text} is not ENDPOINT,KIND,SHARE: {why}"));
        let mut parts = text.split(',').map(str::trim);
        let (endpoint, kind) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        if endpoint.is_empty() {
            return Err(refuse("there is no endpoint".to_owned()));
        }
        let kind = FaultKind::parse(kind)
            .ok_or_else(|| refuse(format!("the kinds are {}", FaultKind::names())))?;
        let share = parts.next().map_or(Some(1.0), read_share);
        let share = share.ok_or_else(|| refuse("a share is between 0 and 1".to_owned()))?;
        if parts.next().is_some() {
            return Err(refuse("there are more than three parts".to_owned()));
        }
        Ok(Self { share, ..Self::always(endpoint, kind) })
    }

    fn hits(&self, method: &Method, segments: &[&str]) -> bool {
        let (wanted, path) = self.endpoint.split_once(' ').unwrap_or(("*", &self.endpoint));
        if wanted != "*" && wanted != method.as_str() {
            return false;
        }
        if path == "*" {
            return true;
        }
        let mut segments = segments.iter();
        for part in path.trim_matches('/').split('/') {
            match (part, segments.next()) {
                ("**", _) => return true,
                (_, None) => return false,
                ("*", Some(_)) => {}
                (part, Some(_)) if part.starts_with('{') && part.ends_with('}') => {}
                (part, Some(segment)) if part == *segment => {}
                (_, Some(_)) => return false,
            }
        }
        segments.next().is_none()
    }
}

/// A share of requests, between 0 and 1.
pub(crate) fn read_share(text: &str) -> Option<f64> {
    text.parse().ok().filter(|share| (0.0..=1.0).contains(share))
}

/// A text that names no fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FaultError(String);

/// The kind of a fault. "Before" means that the request had no effect, "after" that it had.
#[derive(Debug, Clone, PartialEq)]
pub enum FaultKind {
    /// 500 without an effect; it is stored under the idempotency key.
    ErrorBefore,
    /// Acts, then answers 500; the 500 is stored under the idempotency key.
    ErrorAfter,
    /// Is never answered, and has no effect.
    TimeoutBefore,
    /// Acts, and is never answered.
    TimeoutAfter,
    /// The connection ends; no effect.
    ResetBefore,
    /// Acts, then the connection ends.
    ResetAfter,
    /// 503 before anything began: nothing is stored, and the same key can be used again.
    Unavailable,
    /// 409, as while another request with the same key is running.
    KeyInUse,
    /// 429 that says `Stripe-Should-Retry: true`.
    RateLimited,
    /// 429 without `Stripe-Should-Retry`.
    RateLimitedUnmarked,
    /// 429 with the code `lock_timeout`: another request holds the object.
    LockTimeout,
    /// This answer, byte for byte, whatever was asked. No effect.
    Answer(ScriptedAnswer),
    /// Waits, before it acts, until a [`HeldRequest`] is released.
    HoldBefore,
    /// Acts, and its answer waits until a [`HeldRequest`] is released.
    HoldAfter,
}

/// The names of those that need no more than a name.
const NAMED: [(&str, FaultKind); 13] = [
    ("error_before", FaultKind::ErrorBefore),
    ("error_after", FaultKind::ErrorAfter),
    ("timeout_before", FaultKind::TimeoutBefore),
    ("timeout_after", FaultKind::TimeoutAfter),
    ("reset_before", FaultKind::ResetBefore),
    ("reset_after", FaultKind::ResetAfter),
    ("unavailable", FaultKind::Unavailable),
    ("key_in_use", FaultKind::KeyInUse),
    ("rate_limited", FaultKind::RateLimited),
    ("rate_limited_unmarked", FaultKind::RateLimitedUnmarked),
    ("lock_timeout", FaultKind::LockTimeout),
    ("hold_before", FaultKind::HoldBefore),
    ("hold_after", FaultKind::HoldAfter),
];

impl FaultKind {
    /// The kind of a name; `answer` has none without its answer.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        NAMED.iter().find(|(known, _)| *known == name).map(|(_, kind)| kind.clone())
    }

    /// Its name in the HTTP API.
    #[must_use]
    pub fn name(&self) -> &'static str {
        NAMED.iter().find(|(_, kind)| kind == self).map_or("answer", |(name, _)| name)
    }

    /// All names that [`parse`](Self::parse) knows.
    pub(crate) fn names() -> String {
        NAMED.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }
}

/// An answer that a test wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptedAnswer {
    /// The HTTP status.
    pub status: u16,
    /// Headers beside `Content-Type`, `Date` and `Request-Id`, and in the place of those.
    pub headers: Vec<(String, String)>,
    /// The body's bytes.
    pub body: Vec<u8>,
}

impl ScriptedAnswer {
    /// A JSON body.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        Self { status, headers: Vec::new(), body: body.to_string().into_bytes() }
    }

    /// With one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// Names a fault that is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FaultId(pub(crate) u64);

/// A fault in force.
#[derive(Debug, Clone, PartialEq)]
pub struct ActiveFault {
    /// Names it.
    pub id: FaultId,
    /// What it is; `times` is how many are left.
    pub fault: Fault,
    /// How many requests met it.
    pub hits: u64,
}

/// A request that waits for the test to let it go on.
///
/// One that is dropped without a word ends its connection.
#[derive(Debug)]
pub struct HeldRequest {
    pub(crate) id: u64,
    /// `GET`, `POST`, ...
    pub method: String,
    /// The path as it was sent, without the query.
    pub path: String,
    /// The query as it was sent, without the question mark.
    pub query: String,
    /// The headers of the request, names in lower case.
    pub headers: Vec<(String, String)>,
    release: oneshot::Sender<Release>,
}

/// Continuation of a held request.
#[derive(Debug)]
pub(crate) enum Release {
    Proceed,
    Answer(ScriptedAnswer),
    Reset,
}

impl HeldRequest {
    /// The value of a header, by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Lets the simulator answer. False if the client has given up.
    #[expect(clippy::must_use_candidate, reason = "most tests need no answer to that")]
    pub fn proceed(self) -> bool {
        self.release(Release::Proceed)
    }

    /// Answers with this in the place of what the simulator would say.
    #[expect(clippy::must_use_candidate, reason = "most tests need no answer to that")]
    pub fn answer(self, answer: ScriptedAnswer) -> bool {
        self.release(Release::Answer(answer))
    }

    /// Ends the connection.
    #[expect(clippy::must_use_candidate, reason = "most tests need no answer to that")]
    pub fn reset(self) -> bool {
        self.release(Release::Reset)
    }

    pub(crate) fn release(self, how: Release) -> bool {
        self.release.send(how).is_ok()
    }
}

/// All faults in force, and the requests that they hold.
#[derive(Default)]
pub(crate) struct Faults {
    inner: Mutex<Inner>,
    arrived: Notify,
}

#[derive(Default)]
struct Inner {
    last_id: u64,
    active: Vec<ActiveFault>,
    /// Oldest first.
    held: VecDeque<HeldRequest>,
}

impl Faults {
    /// Puts a fault in force, after those that are.
    pub(crate) fn add(&self, fault: Fault) -> FaultId {
        let mut inner = self.lock();
        inner.last_id += 1;
        let id = FaultId(inner.last_id);
        inner.active.push(ActiveFault { id, fault, hits: 0 });
        id
    }

    /// False if there is none of this id.
    pub(crate) fn remove(&self, id: FaultId) -> bool {
        let mut inner = self.lock();
        let before = inner.active.len();
        inner.active.retain(|active| active.id != id);
        inner.active.len() < before
    }

    pub(crate) fn clear(&self) {
        self.lock().active.clear();
    }

    pub(crate) fn active(&self) -> Vec<ActiveFault> {
        self.lock().active.clone()
    }

    /// The first fault that happens to this request.
    pub(crate) fn pick(
        &self,
        seed: u64,
        request: u64,
        method: &Method,
        segments: &[&str],
    ) -> Option<FaultKind> {
        let mut inner = self.lock();
        let found = inner.active.iter_mut().find(|active| {
            let id = active.id.0;
            active.fault.times != Some(0)
                && active.fault.hits(method, segments)
                && Random::of(seed, &format!("fault {id} of request {request}"))
                    .happens(active.fault.share)
        })?;
        found.hits += 1;
        found.fault.times = found.fault.times.map(|times| times - 1);
        Some(found.fault.kind.clone())
    }

    /// Keeps a request until it is released.
    pub(crate) fn hold(
        &self,
        id: u64,
        method: &Method,
        (path, query): (&str, &str),
        headers: Vec<(String, String)>,
    ) -> oneshot::Receiver<Release> {
        let (release, released) = oneshot::channel();
        let held = HeldRequest {
            id,
            method: method.to_string(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers,
            release,
        };
        self.lock().held.push_back(held);
        self.arrived.notify_waiters();
        released
    }

    /// Requests whose client still waits.
    pub(crate) fn held<T>(&self, show: impl FnMut(&HeldRequest) -> T) -> Vec<T> {
        let mut inner = self.lock();
        inner.held.retain(|held| !held.release.is_closed());
        inner.held.iter().map(show).collect()
    }

    /// The oldest, or the one of an id, whose client still waits.
    pub(crate) fn take_held(&self, id: Option<u64>) -> Option<HeldRequest> {
        let mut inner = self.lock();
        inner.held.retain(|held| !held.release.is_closed());
        let place = inner.held.iter().position(|held| id.is_none_or(|id| held.id == id))?;
        inner.held.remove(place)
    }

    pub(crate) async fn next_held(&self) -> HeldRequest {
        loop {
            let arrived = self.arrived.notified();
            tokio::pin!(arrived);
            // Before the look, so that what comes in between is not missed.
            arrived.as_mut().enable();
            if let Some(held) = self.take_held(None) {
                return held;
            }
            arrived.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_named_exactly_or_by_a_pattern() {
        let hits = |endpoint: &str, method: Method, path: &str| {
            let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
            Fault::always(endpoint, FaultKind::Unavailable).hits(&method, &segments)
        };
        let (get, post) = (Method::GET, Method::POST);
        assert!(hits("POST /v1/refunds", post.clone(), "/v1/refunds"));
        assert!(!hits("POST /v1/refunds", get.clone(), "/v1/refunds"));
        assert!(!hits("POST /v1/refunds", post.clone(), "/v1/refunds/re_1/cancel"));
        assert!(hits("GET /v1/refunds/{id}", get.clone(), "/v1/refunds/re_1"));
        assert!(hits("* /v1/*/re_1", get.clone(), "/v1/refunds/re_1"));
        assert!(hits("GET /v1/checkout/**", get.clone(), "/v1/checkout/sessions/cs_1"));
        assert!(hits("*", post, "/v1/anything"));
        assert!(!hits("/v1/refunds/{id}", get, "/v1/refunds"));
    }

    #[test]
    fn a_fault_happens_as_often_as_it_says() {
        let faults = Faults::default();
        let pick = |n| faults.pick(0, n, &Method::GET, &["v1", "refunds"]);
        let twice = Fault::always("*", FaultKind::LockTimeout);
        let id = faults.add(Fault { times: Some(2), ..twice });
        assert_eq!(
            (0..4).map(|n| pick(n).is_some()).collect::<Vec<_>>(),
            [true, true, false, false]
        );
        assert_eq!(faults.active()[0].hits, 2);
        assert!(faults.remove(id) && !faults.remove(id));
        faults.add(Fault { share: 0.5, ..Fault::always("*", FaultKind::LockTimeout) });
        let count = (0..1000).filter(|n| pick(*n).is_some()).count();
        assert!((400..600).contains(&count), "{count}");
    }

    #[test]
    fn a_fault_is_read_from_one_text() {
        let read = Fault::parse("POST /v1/refunds,error_after,0.25").unwrap();
        let always = Fault::always("POST /v1/refunds", FaultKind::ErrorAfter);
        assert_eq!(read, Fault { share: 0.25, ..always.clone() });
        assert_eq!(Fault::parse("POST /v1/refunds, error_after").unwrap(), always);
        for bad in ["", "*", "*,nonsense", "*,answer", "*,unavailable,2", "*,unavailable,1,1"] {
            assert!(Fault::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn every_name_reads_back() {
        for (name, kind) in NAMED {
            assert_eq!(FaultKind::parse(name).unwrap(), kind);
            assert_eq!(kind.name(), name);
            let readme = include_str!("../README.md");
            assert!(readme.contains(&format!("`{name}`")), "the README lacks {name}");
        }
        assert_eq!(FaultKind::parse("answer"), None);
    }
}

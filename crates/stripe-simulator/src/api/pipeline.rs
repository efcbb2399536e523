//! The stages of one request: chaos, key, limits, idempotency, the objects, chaos again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::HeaderName;
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method, Request, Response};
use serde_json::Value;

use crate::chaos::{Chaos, Random};
use crate::engine::Engine;
use crate::error::ApiError;
use crate::faults::{FaultKind, Release, ScriptedAnswer};
use crate::objects::Cause;
use crate::scope::Scope;
use crate::store::Tx;

use super::answer::{Answer, scripted_response};
use super::auth::authorise;
use super::call::Call;
use super::card_form;
use super::control::{control, is_control};
use super::expand::{check, expand};
use super::form::Form;
use super::read::{accounts, read, read_stale};
use super::write::{delete, write};
use crate::idempotency::{First, LONGEST_KEY, key_in_use};

const BODY_LIMIT: usize = 1024 * 1024;

/// The connection ends without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the simulator ends the connection")]
pub(crate) struct Reset;

/// When something goes wrong with a request: never, before it acts, or after.
#[derive(Clone, Copy, PartialEq)]
enum Moment {
    Never,
    Before,
    After,
}

impl Moment {
    fn drawn(random: &mut Random, share: f64) -> Self {
        match (random.happens(share), random.coin()) {
            (false, _) => Self::Never,
            (true, true) => Self::Before,
            (true, false) => Self::After,
        }
    }
}

pub(crate) async fn answer<B>(
    engine: &Arc<Engine>,
    request: Request<B>,
) -> Result<Response<Full<Bytes>>, Reset>
where
    B: hyper::body::Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send,
{
    let number = engine.next_request();
    let random = Random::of(engine.config.seed, &format!("request {number}"));
    let chaos = engine.chaos();
    let (parts, body) = request.into_parts();
    // The client of a body that is too long or breaks off waits for no answer.
    let body = Limited::new(body, BODY_LIMIT).collect().await.map_err(|_| Reset)?.to_bytes();
    let mut form = Form::parse(parts.uri.query().unwrap_or_default().as_bytes());
    if parts.method != Method::GET {
        form = form.and_then(|mut form| {
            form.extend(Form::parse(&body)?);
            Ok(form)
        });
    }
    let (form, broken) = match form {
        Ok(form) => (form, None),
        Err(error) => (Form::default(), Some(error)),
    };
    let call = Call::new(parts.method.clone(), parts.uri.path(), form);
    if call.path == card_form::PATH && broken.is_none() {
        return Ok(card_form::card_form(engine, number, &call.method, &call.form));
    }
    if is_control(&call.path) {
        let result = match (broken, authorise(engine, &parts.headers, "", false)) {
            (Some(error), _) | (None, Err(error)) => Err(error),
            (None, Ok(scope)) => control(engine, &scope, &call).await,
        };
        let version = engine.config.api_version.clone();
        let mut answer = Answer::new(format!("req_{number:014}"), engine.clock.now(), version);
        answer.set(result);
        return Ok(answer.into_response());
    }
    let exchange = Exchange { engine, number, call: &call, parts: &parts };
    exchange.answer(broken, chaos, random).await
}

/// One request to Stripe, and not to the simulator itself.
struct Exchange<'a> {
    engine: &'a Engine,
    number: u64,
    call: &'a Call,
    parts: &'a Parts,
}

/// A request that is not answered by the objects.
enum Interruption {
    /// It is never answered.
    Hangs,
    /// Its connection ends.
    Resets,
    /// A test wrote its answer.
    Answered(ScriptedAnswer),
}

impl Exchange<'_> {
    async fn answer(
        &self,
        broken: Option<ApiError>,
        chaos: Chaos,
        mut random: Random,
    ) -> Result<Response<Full<Bytes>>, Reset> {
        let (engine, call, endpoint) = (self.engine, self.call, self.call.endpoint());
        let cut = Moment::drawn(&mut random, chaos.resets);
        let hangs = random.happens(chaos.hangs);
        let slow = Moment::drawn(&mut random, chaos.slow);
        if chaos.down || cut == Moment::Before {
            return self.end(Interruption::Resets).await;
        }
        if hangs {
            return self.end(Interruption::Hangs).await;
        }
        if slow == Moment::Before {
            tokio::time::sleep(chaos.slow_by).await;
        }
        let fault =
            engine.faults.pick(engine.config.seed, self.number, &call.method, &call.segments());
        if let Some(interruption) = self.interruption(fault.as_ref(), Moment::Before).await {
            return self.end(interruption).await;
        }
        let refused = match (broken, fault.as_ref().and_then(Refused::of)) {
            (Some(error), _) => Err(Refused { error, stored: false }),
            (None, Some(refused)) => Err(refused),
            (None, None) => limits(engine, &chaos, &mut random, self.account(), &endpoint),
        };
        let stale_by = random.happens(chaos.stale).then_some(chaos.stale_by);
        let fails_after = fault == Some(FaultKind::ErrorAfter);
        // It holds the idempotency key in use until this function is over.
        let mut run = Run {
            engine,
            call,
            headers: &self.parts.headers,
            request_id: self.request_id(),
            finish: None,
        };
        let mut answer = run.answer(&chaos, refused, stale_by, fails_after);
        if let Some(interruption) = self.interruption(fault.as_ref(), Moment::After).await {
            return self.end(interruption).await;
        }
        if let Some(wrong) = chaos.wrong.filter(|_| call.method == Method::GET) {
            answer.spoil(wrong);
        }
        if slow == Moment::After {
            let since = Instant::now();
            tokio::time::sleep(chaos.slow_by).await;
            // `Date` is of the moment of the answer, so it is later than the state that is shown. The
            // seconds are the machine's: the clock may be put forward meanwhile.
            answer.date += i64::try_from(since.elapsed().as_secs()).unwrap_or(0);
        }
        if cut == Moment::After {
            return self.end(Interruption::Resets).await;
        }
        engine.counters.count(endpoint, Some(answer.status));
        Ok(answer.into_response())
    }

    /// What a fault does to a request before it acts, or after.
    async fn interruption(
        &self,
        fault: Option<&FaultKind>,
        moment: Moment,
    ) -> Option<Interruption> {
        match (fault?, moment) {
            (FaultKind::TimeoutBefore, Moment::Before)
            | (FaultKind::TimeoutAfter, Moment::After) => Some(Interruption::Hangs),
            (FaultKind::ResetBefore, Moment::Before) | (FaultKind::ResetAfter, Moment::After) => {
                Some(Interruption::Resets)
            }
            (FaultKind::Answer(scripted), Moment::Before) => {
                Some(Interruption::Answered(scripted.clone()))
            }
            (FaultKind::HoldBefore, Moment::Before) | (FaultKind::HoldAfter, Moment::After) => {
                match held(self.engine, self.number, self.call, self.parts).await {
                    Release::Proceed => None,
                    Release::Answer(scripted) => Some(Interruption::Answered(scripted)),
                    Release::Reset => Some(Interruption::Resets),
                }
            }
            _ => None,
        }
    }

    async fn end(&self, interruption: Interruption) -> Result<Response<Full<Bytes>>, Reset> {
        let status = match &interruption {
            Interruption::Hangs | Interruption::Resets => None,
            Interruption::Answered(scripted) => Some(scripted.status),
        };
        self.engine.counters.count(self.call.endpoint(), status);
        match interruption {
            Interruption::Answered(scripted) => {
                let now = self.engine.clock.now();
                Ok(scripted_response(&scripted, self.request_id(), now))
            }
            Interruption::Hangs => {
                self.engine.stop.cancelled().await;
                Err(Reset)
            }
            Interruption::Resets => Err(Reset),
        }
    }

    fn request_id(&self) -> String {
        format!("req_{:014}", self.number)
    }

    /// The account whose limits count it; empty for the key's own.
    fn account(&self) -> &str {
        let named = self.parts.headers.get("stripe-account");
        named.and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// Waits until the test, or the end of the simulator, lets a request go on.
async fn held(engine: &Engine, number: u64, call: &Call, parts: &Parts) -> Release {
    let text =
        |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers =
        parts.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    let query = parts.uri.query().unwrap_or_default();
    let released = engine.faults.hold(number, &call.method, (&call.path, query), headers);
    tokio::select! {
        () = engine.stop.cancelled() => Release::Reset,
        released = released => released.unwrap_or(Release::Reset),
    }
}

/// A refusal that a fault or a limit makes, and not the object.
struct Refused {
    error: ApiError,
    /// Whether the answer is kept under the idempotency key.
    stored: bool,
}

impl Refused {
    fn of(fault: &FaultKind) -> Option<Self> {
        let once = |error| Some(Self { error, stored: false });
        match fault {
            FaultKind::ErrorBefore => Some(Self { error: server_error(), stored: true }),
            FaultKind::Unavailable => {
                once(ApiError::new(503, "api_error", "Stripe is temporarily unavailable."))
            }
            FaultKind::KeyInUse => once(key_in_use("in use")),
            FaultKind::RateLimited => once(rate_limited()),
            FaultKind::RateLimitedUnmarked => once(ApiError { unmarked: true, ..rate_limited() }),
            FaultKind::LockTimeout => once(
                ApiError::new(
                    429,
                    "invalid_request_error",
                    "This object cannot be accessed right now because another API request or Stripe \
                     process is currently accessing it. If you see this error intermittently, retry \
                     the request. If you see this error frequently and are making multiple concurrent \
                     requests to a single object, make your requests serially or at a lower rate.",
                )
                .code("lock_timeout"),
            ),
            FaultKind::ErrorAfter
            | FaultKind::TimeoutBefore
            | FaultKind::TimeoutAfter
            | FaultKind::ResetBefore
            | FaultKind::ResetAfter
            | FaultKind::Answer(_)
            | FaultKind::HoldBefore
            | FaultKind::HoldAfter => None,
        }
    }
}

fn server_error() -> ApiError {
    ApiError::new(500, "api_error", "An unknown error occurred")
}

fn rate_limited() -> ApiError {
    let message = "Request rate limit exceeded. You can learn more about rate limits here \
        https://docs.stripe.com/rate-limits.";
    ApiError::new(429, "invalid_request_error", message).code("rate_limit")
}

/// Rates and faults: what a request meets after its key was found good.
fn limits(
    engine: &Engine,
    chaos: &Chaos,
    random: &mut Random,
    account: &str,
    endpoint: &str,
) -> Result<(), Refused> {
    const REASONS: [&str; 4] =
        ["endpoint-rate", "global-rate", "endpoint-concurrency", "global-concurrency"];
    let limited = random.happens(chaos.rate_limited);
    let reason = REASONS.get(random.below(4) as usize).copied();
    let retry_after = random.happens(chaos.retry_after).then_some(1);
    let fails = random.happens(chaos.server_errors);
    let admits = |name: &str, rate: Option<u32>| {
        rate.is_none_or(|rate| engine.limiter.admit(name, rate, Instant::now()))
    };
    let over = if !admits(&format!("{account} {endpoint}"), chaos.endpoint_rate) {
        Some("endpoint-rate")
    } else if !admits(account, chaos.account_rate) {
        Some("global-rate")
    } else {
        None
    };
    if limited || over.is_some() {
        let mut error = rate_limited();
        error.rate_limited_reason = over.or(reason);
        error.retry_after = retry_after;
        return Err(Refused { error, stored: false });
    }
    if fails {
        return Err(Refused { error: server_error(), stored: true });
    }
    Ok(())
}

/// Does what is asked, under the lock. `stale_by`: a read of one object shows it as it was so long ago.
fn dispatch(
    engine: &Engine,
    tx: &mut Tx<'_>,
    call: &Call,
    stale_by: Option<Duration>,
) -> Result<Value, ApiError> {
    check(&call.form, &call.segments(), call.method == Method::GET)?;
    let stale = stale_by.zip(call.object()).filter(|_| call.method == Method::GET);
    let stale = stale.and_then(|(by, id)| read_stale(tx, id, &call.form, by));
    let mut value = match (stale, &call.method) {
        (Some(stale), _) => stale?,
        (None, &Method::GET) => read(engine, tx, call)?,
        (None, &Method::POST) => write(tx, call)?,
        (None, &Method::DELETE) => delete(tx, call)?,
        (None, _) => return Err(call.unknown()),
    };
    expand(&mut value, &call.form, tx.objects, tx.version);
    Ok(value)
}

struct Run<'a> {
    engine: &'a Engine,
    call: &'a Call,
    headers: &'a HeaderMap,
    request_id: String,
    /// The key whose first request this is: it is running until this is dropped, also when the
    /// client gives up.
    finish: Option<(Scope, String)>,
}

impl Run<'_> {
    fn answer(
        &mut self,
        chaos: &Chaos,
        refused: Result<(), Refused>,
        stale_by: Option<Duration>,
        fails_after: bool,
    ) -> Answer {
        let version = self.header("stripe-version");
        let version = version.unwrap_or_else(|| self.engine.config.api_version.clone());
        let now = self.engine.clock.now();
        let mut answer = Answer::new(self.request_id.clone(), now, version.clone());
        let scope = match authorise(self.engine, self.headers, &self.call.path, chaos.reject_keys) {
            Ok(scope) if chaos.other_account => {
                Scope { account: Some("acct_1SomebodyElse".to_owned()), ..scope }
            }
            Ok(scope) => scope,
            Err(error) => {
                answer.set(Err(error));
                return answer;
            }
        };
        answer.account = scope.account.clone();
        // Only writes take keys: a GET has nothing to do twice.
        let key = self.header("idempotency-key").filter(|_| self.call.method == Method::POST);
        answer.idempotency_key = key.clone();
        if !is_version(&version) {
            let message = format!("Invalid Stripe API version: {version}");
            answer.set(Err(ApiError::invalid(message)));
            return answer;
        }
        if key.as_deref().is_some_and(|key| key.len() > LONGEST_KEY) {
            let message = format!("Idempotency keys can be up to {LONGEST_KEY} characters long.");
            answer.set(Err(ApiError::invalid(message)));
            return answer;
        }
        let refused = match refused {
            Err(Refused { error, stored: false }) => {
                answer.set(Err(error));
                return answer;
            }
            Err(Refused { error, stored: true }) => Some(error),
            Ok(()) => None,
        };
        // Of all accounts, and not of the one that is asked in the name of.
        if self.call.method == Method::GET && self.call.segments() == ["v1", "accounts"] {
            let listed = accounts(self.engine, &scope, &self.call.form, chaos.list_lag_seconds);
            answer.set(refused.map_or(listed, Err));
            return answer;
        }
        let cause = Cause { request: Some(self.request_id.clone()), idempotency_key: key.clone() };
        let (engine, call) = (self.engine, self.call);
        engine.act(&scope, cause, &version, |tx| {
            answer.date = tx.now;
            let act = |tx: &mut Tx<'_>, stale_by| match refused.clone() {
                Some(error) => Err(error),
                None => {
                    let result = dispatch(engine, tx, call, stale_by);
                    if fails_after { Err(server_error()) } else { result }
                }
            };
            let Some(key) = &key else {
                answer.set(act(tx, stale_by));
                return;
            };
            let request = call.canonical();
            match tx.objects.idempotency.look(key, &request, tx.now, chaos.keys_kept_seconds) {
                Err(error) => answer.set(Err(error)),
                Ok(Some(first)) => {
                    answer.status = first.status;
                    answer.body = first.body;
                    answer.replay_of = Some(first.request_id);
                }
                Ok(None) => {
                    answer.set(act(tx, None));
                    if tx.began || answer.status >= 500 {
                        let first = First {
                            request_id: answer.request_id.clone(),
                            status: answer.status,
                            body: answer.body.clone(),
                        };
                        tx.objects.idempotency.keep(key, request, tx.now, first);
                        self.finish = Some((scope.clone(), key.clone()));
                    }
                }
            }
        });
        answer
    }

    fn header(&self, name: &'static str) -> Option<String> {
        let value = self.headers.get(HeaderName::from_static(name))?;
        value.to_str().ok().filter(|text| !text.is_empty()).map(str::to_owned)
    }
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        if let Some((scope, key)) = self.finish.take()
            && let Some(objects) = self.engine.store().objects.get_mut(&scope)
        {
            objects.idempotency.finish(&key);
        }
    }
}

/// `2022-11-15`, `2026-09-30.endive`
fn is_version(text: &str) -> bool {
    let date = text.split('.').next().unwrap_or_default();
    let parts: Vec<&str> = date.split('-').collect();
    let digits =
        |part: &&str, count| part.len() == count && part.bytes().all(|b| b.is_ascii_digit());
    matches!(parts.as_slice(), [y, m, d] if digits(y, 4) && digits(m, 2) && digits(d, 2))
}

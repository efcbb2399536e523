//! `/simulator/...`: the HTTP API that seeds and steers a simulator.
//!
//! It takes form bodies and the account's key, as Stripe's own API does, and no chaos or fault applies to it. The
//! crate's README lists the calls.

use std::sync::Arc;
use std::time::Duration;

use hyper::Method;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use crate::account::Account;
use crate::chaos::Chaos;
use crate::engine::Engine;
use crate::error::ApiError;
use crate::faults::{
    ActiveFault, Fault, FaultId, FaultKind, HeldRequest, Release, ScriptedAnswer, read_share,
};
use crate::objects::Kind;
use crate::scenarios::{PaymentScenario, run_payment, run_payment_scenario};
use crate::scope::Scope;
use crate::webhooks::{EndpointId, WebhookEndpoint, add_endpoint, deliver_once};

use super::call::Call;
use super::form::Form;

/// The most payments that one request makes.
const MOST_PAYMENTS: i64 = 10_000;

/// Whether a path is answered here. The steps of customers and banks (`/simulator/payment_intents/...`)
/// go through chaos and faults instead, like requests to Stripe.
pub(crate) fn is_control(path: &str) -> bool {
    let mut segments = path.trim_matches('/').split('/');
    segments.next() == Some("simulator")
        && !matches!(
            segments.next(),
            Some("payment_intents" | "refunds" | "setup_intents" | "checkout")
        )
}

/// Does what is asked.
pub(crate) async fn control(
    engine: &Arc<Engine>,
    scope: &Scope,
    call: &Call,
) -> Result<Value, ApiError> {
    let (form, path) = (&call.form, call.path.trim_matches('/'));
    let segments: Vec<&str> = path.split('/').collect();
    match (&call.method, segments.as_slice()) {
        (&Method::GET, ["simulator"]) => {
            form.allow_only(&[])?;
            Ok(overview(engine, scope))
        }
        (&Method::GET, ["simulator", "chaos"]) => {
            form.allow_only(&[])?;
            Ok(engine.chaos().to_json())
        }
        (&Method::POST, ["simulator", "chaos"]) => set_chaos(engine, form),
        (&Method::GET, ["simulator", "faults"]) => {
            form.allow_only(&[])?;
            Ok(faults(engine))
        }
        (&Method::POST, ["simulator", "faults"]) => add_fault(engine, form),
        (&Method::DELETE, ["simulator", "faults"]) => {
            form.allow_only(&[])?;
            engine.faults.clear();
            Ok(faults(engine))
        }
        (&Method::DELETE, ["simulator", "faults", id]) => {
            form.allow_only(&[])?;
            match id.parse().is_ok_and(|id| engine.faults.remove(FaultId(id))) {
                true => Ok(faults(engine)),
                false => Err(ApiError::no_such("fault", id, "id")),
            }
        }
        (&Method::GET, ["simulator", "held"]) => {
            form.allow_only(&[])?;
            let show = |held: &HeldRequest| {
                json!({
                    "id": held.id, "method": held.method, "path": held.path, "query": held.query,
                })
            };
            let data = engine.faults.held(show);
            Ok(json!({"object": "list", "has_more": false, "data": data}))
        }
        (&Method::POST, ["simulator", "held", id]) => release(engine, form, id),
        (&Method::POST, ["simulator", "clock"]) => set_clock(engine, form),
        (&Method::POST, ["simulator", "webhook_endpoints"]) => register(engine, scope, form),
        (&Method::POST, ["simulator", "webhook_endpoints", id]) => change(engine, form, id),
        (&Method::POST, ["simulator", "events", id, step @ ("deliver" | "redeliver")]) => {
            form.allow_only(&[])?;
            deliver(engine, id, *step == "redeliver").await
        }
        (&Method::POST, ["simulator", "deliveries"]) => deliveries(engine, form),
        (&Method::GET, ["simulator", "objects"]) => objects(engine, scope, form),
        (&Method::POST, ["simulator", "payments"]) => payments(engine, scope, form).await,
        (&Method::POST, ["simulator", "accounts", id, "revoke"]) => {
            form.allow_only(&[])?;
            engine.store().revoked.insert((*id).to_owned());
            Ok(json!({"account": id, "revoked": true}))
        }
        _ => Err(ApiError::new(
            404,
            "invalid_request_error",
            format!(
                "The simulator has no {} {}: its README lists the calls",
                call.method, call.path
            ),
        )),
    }
}

fn overview(engine: &Engine, scope: &Scope) -> Value {
    let counts = engine.webhooks.counts();
    json!({
        "object": "simulator",
        "account": engine.config.account,
        "api_version": engine.config.api_version,
        "livemode": scope.livemode,
        "now": engine.clock.now(),
        "seed": engine.config.seed,
        "requests": engine.counters.snapshot().iter().map(|row| json!({
            "endpoint": row.endpoint, "status": row.status, "count": row.count,
        })).collect::<Vec<_>>(),
        "webhooks": {
            "deliveries": counts.deliveries,
            "sent": counts.sent,
            "duplicates": counts.duplicates,
            "acknowledged": counts.acknowledged,
            "failed": counts.failed,
            "abandoned": counts.abandoned,
            "forged": counts.forged,
            "forged_accepted": counts.forged_accepted,
            "in_flight": engine.webhooks.in_flight(),
        },
    })
}

fn set_chaos(engine: &Engine, form: &Form) -> Result<Value, ApiError> {
    let mut chaos = match form.text(&["preset"]) {
        None => engine.chaos(),
        Some(preset) => Chaos::preset(preset)
            .ok_or_else(|| ApiError::invalid("preset must be calm or rough").param("preset"))?,
    };
    for (name, value) in form.flat() {
        if name != "preset" {
            chaos
                .set(name, value)
                .map_err(|error| ApiError::invalid(error.to_string()).param(name))?;
        }
    }
    engine.set_chaos(|current| *current = chaos.clone());
    Ok(chaos.to_json())
}

fn faults(engine: &Engine) -> Value {
    let show = |active: &ActiveFault| {
        json!({
            "id": active.id.0,
            "endpoint": active.fault.endpoint,
            "kind": active.fault.kind.name(),
            "share": active.fault.share,
            "times": active.fault.times,
            "hits": active.hits,
        })
    };
    let data: Vec<_> = engine.faults.active().iter().map(show).collect();
    json!({"object": "list", "has_more": false, "data": data})
}

fn add_fault(engine: &Engine, form: &Form) -> Result<Value, ApiError> {
    form.allow_only(&["body", "endpoint", "headers", "kind", "share", "status", "times"])?;
    let endpoint = form.owned(&["endpoint"]).ok_or_else(|| ApiError::missing_param("endpoint"))?;
    let name = form.text(&["kind"]).ok_or_else(|| ApiError::missing_param("kind"))?;
    let kind = match name {
        "answer" => FaultKind::Answer(scripted(form)?),
        name => FaultKind::parse(name).ok_or_else(|| {
            let text = format!("kind must be one of {}, answer", FaultKind::names());
            ApiError::invalid(text).param("kind")
        })?,
    };
    let share = form.text(&["share"]).map_or(Ok(1.0), |text| {
        read_share(text)
            .ok_or_else(|| ApiError::invalid("share must be between 0 and 1").param("share"))
    });
    let times = form.integer(&["times"])?.map(|times| {
        let times = u32::try_from(times).ok().filter(|times| *times > 0);
        times.ok_or_else(|| ApiError::invalid("times must be 1 or more").param("times"))
    });
    let fault = Fault { endpoint, kind, share: share?, times: times.transpose()? };
    let id = engine.faults.add(fault);
    Ok(json!({"id": id.0}))
}

fn release(engine: &Engine, form: &Form, id: &str) -> Result<Value, ApiError> {
    form.allow_only(&["action", "body", "headers", "status"])?;
    let how = match form.text(&["action"]) {
        Some("proceed") => Release::Proceed,
        Some("reset") => Release::Reset,
        Some("answer") => Release::Answer(scripted(form)?),
        Some(_) | None => {
            let text = "action must be proceed, answer or reset";
            return Err(ApiError::invalid(text).param("action"));
        }
    };
    let held = id.parse().ok().and_then(|id| engine.faults.take_held(Some(id)));
    let held = held.ok_or_else(|| ApiError::no_such("held request", id, "id"))?;
    Ok(json!({"released": held.release(how)}))
}

/// The answer that a test wrote: `status`, `headers[name]`, `body`.
fn scripted(form: &Form) -> Result<ScriptedAnswer, ApiError> {
    let status = form.integer(&["status"])?.unwrap_or(200);
    let status = u16::try_from(status).ok().filter(|status| (200..600).contains(status));
    let status = status
        .ok_or_else(|| ApiError::invalid("status must be between 200 and 599").param("status"))?;
    let headers = form.under("headers");
    let headers = headers.flat().map(|(name, value)| (name.to_owned(), value.to_owned()));
    let body = form.text(&["body"]).unwrap_or_default().as_bytes().to_vec();
    Ok(ScriptedAnswer { status, headers: headers.collect(), body })
}

fn set_clock(engine: &Engine, form: &Form) -> Result<Value, ApiError> {
    form.allow_only(&["advance", "pace"])?;
    match form.text(&["pace"]) {
        None => {}
        Some("running") => engine.clock.run(),
        Some("frozen") => engine.clock.freeze(),
        Some(_) => return Err(ApiError::invalid("pace must be running or frozen").param("pace")),
    }
    if let Some(seconds) = form.integer(&["advance"])? {
        let seconds = u32::try_from(seconds).map_err(|_| {
            ApiError::invalid("advance is in seconds, and the clock never goes back")
                .param("advance")
        })?;
        engine.clock.advance(seconds);
    }
    Ok(json!({"now": engine.clock.now()}))
}

fn register(engine: &Arc<Engine>, scope: &Scope, form: &Form) -> Result<Value, ApiError> {
    form.allow_only(&["url", "secret", "connect", "api_version"])?;
    let url = form.owned(&["url"]).ok_or_else(|| ApiError::missing_param("url"))?;
    let endpoint = WebhookEndpoint::parse(
        &url,
        form.text(&["secret"])
            .map(str::to_owned)
            .into_iter()
            .chain(form.list("secret").map(str::to_owned)),
    )
    .map_err(|error| ApiError::invalid(error.to_string()).param(error.param()))?;
    let endpoint = WebhookEndpoint {
        connect: form.flag(&["connect"])?,
        livemode: scope.livemode,
        api_version: form.owned(&["api_version"]),
        ..endpoint
    };
    let shown =
        json!({"url": endpoint.url, "connect": endpoint.connect, "livemode": endpoint.livemode});
    add_endpoint(engine, endpoint);
    Ok(shown)
}

fn change(engine: &Engine, form: &Form, id: &str) -> Result<Value, ApiError> {
    form.allow_only(&["status", "enabled_events"])?;
    let enabled = match form.text(&["status"]) {
        None => None,
        Some(status @ ("enabled" | "disabled")) => Some(status == "enabled"),
        Some(_) => {
            return Err(ApiError::invalid("status is enabled or disabled").param("status"));
        }
    };
    let events: Vec<_> = form.list("enabled_events").map(str::to_owned).collect();
    let shown = json!({"id": id, "enabled": enabled, "enabled_events": events});
    let found = EndpointId::parse(id).is_some_and(|id| {
        engine.webhooks.change(id, |endpoint| {
            endpoint.enabled = enabled.unwrap_or(endpoint.enabled);
            if !events.is_empty() {
                endpoint.enabled_events = events;
            }
        })
    });
    if found { Ok(shown) } else { Err(ApiError::no_such("webhook_endpoint", id, "id")) }
}

async fn deliver(engine: &Arc<Engine>, id: &str, again: bool) -> Result<Value, ApiError> {
    let event = engine.event(id).ok_or_else(|| ApiError::no_such("event", id, "id"))?;
    if again {
        engine.webhooks.redeliver(&event);
        return Ok(json!({"event": id, "redelivered": true}));
    }
    let answers: Vec<_> = deliver_once(engine, &event).await.iter().map(|one| one.status).collect();
    Ok(json!({"event": id, "statuses": answers}))
}

fn deliveries(engine: &Engine, form: &Form) -> Result<Value, ApiError> {
    form.allow_only(&["auto", "release"])?;
    if form.text(&["auto"]).is_some() {
        engine.set_auto_deliver(form.flag(&["auto"])?);
    }
    if form.flag(&["release"])? {
        engine.webhooks.release(|id| engine.event(id));
    }
    Ok(json!({
        "in_flight": engine.webhooks.in_flight(),
        "unacknowledged": engine.webhooks.unacknowledged(),
    }))
}

fn objects(engine: &Arc<Engine>, scope: &Scope, form: &Form) -> Result<Value, ApiError> {
    form.allow_only(&["object"])?;
    let name = form.text(&["object"]).ok_or_else(|| ApiError::missing_param("object"))?;
    let kind = Kind::parse(name).ok_or_else(|| {
        ApiError::invalid(format!("The simulator keeps no objects of the type {name}"))
            .param("object")
    })?;
    let data = Account::new(Arc::clone(engine), scope.clone()).truth(kind);
    Ok(json!({"object": "list", "has_more": false, "data": data}))
}

async fn payments(engine: &Arc<Engine>, scope: &Scope, form: &Form) -> Result<Value, ApiError> {
    form.allow_only(&["count", "scenario", "seed"])?;
    let count = form.integer(&["count"])?.unwrap_or(1);
    if !(1..=MOST_PAYMENTS).contains(&count) {
        let text = format!("count must be between 1 and {MOST_PAYMENTS}");
        return Err(ApiError::invalid(text).param("count"));
    }
    let scenario = form.text(&["scenario"]).map(|name| {
        PaymentScenario::parse(name).ok_or_else(|| {
            let all: Vec<_> = PaymentScenario::ALL.iter().map(|scenario| scenario.name()).collect();
            ApiError::invalid(format!("scenario must be one of {}", all.join(", ")))
                .param("scenario")
        })
    });
    let scenario = scenario.transpose()?;
    let seed = form.integer(&["seed"])?.map_or(engine.config.seed, i64::unsigned_abs);
    let (account, mut rng) =
        (Account::new(Arc::clone(engine), scope.clone()), StdRng::seed_from_u64(seed));
    let mut made = Vec::new();
    for _ in 0..count {
        let finished = match scenario {
            Some(scenario) => {
                run_payment_scenario(&account, scenario, &mut rng, Duration::ZERO).await?
            }
            None => run_payment(&account, &mut rng, Duration::ZERO).await?,
        };
        made.push(json!({
            "payment_intent": finished.payment_intent, "scenario": finished.scenario.name(),
        }));
    }
    Ok(json!({"object": "list", "has_more": false, "data": made}))
}

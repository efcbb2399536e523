//! `/simulator/...`: the HTTP API that seeds and steers a simulator.
//!
//! It takes form bodies and the account's key, as Stripe's own API does, and no chaos touches it. The
//! crate's README lists the calls.

use std::sync::Arc;
use std::time::Duration;

use hyper::Method;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use crate::chaos::Chaos;
use crate::core::Core;
use crate::drive::Account;
use crate::error::ApiError;
use crate::faults::{ActiveFault, Fault, FaultId, FaultKind, HeldRequest, Release, ScriptedAnswer};
use crate::lifecycle::{run_payment, run_story};
use crate::story::Story;
use crate::webhooks::{WebhookEndpoint, add_endpoint, deliver_once};
use crate::world::{Kind, Scope};

use super::form::Form;
use super::routes::Call;

/// The most payments that one request makes.
const MOST_PAYMENTS: i64 = 10_000;

/// Whether a path is answered here. The steps of customers and banks (`/simulator/payment_intents/...`)
/// are part of the simulated world instead, with its chaos.
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
    core: &Arc<Core>,
    scope: &Scope,
    call: &Call,
) -> Result<Value, ApiError> {
    let (form, path) = (&call.form, call.path.trim_matches('/'));
    let segments: Vec<&str> = path.split('/').collect();
    match (&call.method, segments.as_slice()) {
        (&Method::GET, ["simulator"]) => {
            form.allow_only(&[])?;
            Ok(overview(core, scope))
        }
        (&Method::GET, ["simulator", "chaos"]) => {
            form.allow_only(&[])?;
            Ok(core.chaos().to_json())
        }
        (&Method::POST, ["simulator", "chaos"]) => set_chaos(core, form),
        (&Method::GET, ["simulator", "faults"]) => {
            form.allow_only(&[])?;
            Ok(faults(core))
        }
        (&Method::POST, ["simulator", "faults"]) => add_fault(core, form),
        (&Method::DELETE, ["simulator", "faults"]) => {
            form.allow_only(&[])?;
            core.faults.clear();
            Ok(faults(core))
        }
        (&Method::DELETE, ["simulator", "faults", id]) => {
            form.allow_only(&[])?;
            match id.parse().is_ok_and(|id| core.faults.remove(FaultId(id))) {
                true => Ok(faults(core)),
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
            let data = core.faults.held(show);
            Ok(json!({"object": "list", "has_more": false, "data": data}))
        }
        (&Method::POST, ["simulator", "held", id]) => release(core, form, id),
        (&Method::POST, ["simulator", "clock"]) => set_clock(core, form),
        (&Method::POST, ["simulator", "webhook_endpoints"]) => register(core, scope, form),
        (&Method::POST, ["simulator", "events", id, step @ ("deliver" | "redeliver")]) => {
            form.allow_only(&[])?;
            deliver(core, id, *step == "redeliver").await
        }
        (&Method::POST, ["simulator", "deliveries"]) => deliveries(core, form),
        (&Method::GET, ["simulator", "objects"]) => objects(core, scope, form),
        (&Method::POST, ["simulator", "payments"]) => payments(core, scope, form).await,
        (&Method::POST, ["simulator", "accounts", id, "revoke"]) => {
            form.allow_only(&[])?;
            core.world().revoked.insert((*id).to_owned());
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

fn overview(core: &Core, scope: &Scope) -> Value {
    let counts = core.office.counts();
    json!({
        "object": "simulator",
        "account": core.config.account,
        "api_version": core.config.api_version,
        "livemode": scope.livemode,
        "now": core.clock.now(),
        "seed": core.config.seed,
        "requests": core.counters.snapshot().iter().map(|row| json!({
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
            "under_way": core.office.under_way(),
        },
    })
}

fn set_chaos(core: &Core, form: &Form) -> Result<Value, ApiError> {
    let mut chaos = match form.text(&["preset"]) {
        None => core.chaos(),
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
    core.set_chaos(|current| *current = chaos.clone());
    Ok(chaos.to_json())
}

fn faults(core: &Core) -> Value {
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
    let data: Vec<_> = core.faults.active().iter().map(show).collect();
    json!({"object": "list", "has_more": false, "data": data})
}

fn add_fault(core: &Core, form: &Form) -> Result<Value, ApiError> {
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
        let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
        share.ok_or_else(|| ApiError::invalid("share must be between 0 and 1").param("share"))
    });
    let times = form.integer(&["times"])?.map(|times| {
        let times = u32::try_from(times).ok().filter(|times| *times > 0);
        times.ok_or_else(|| ApiError::invalid("times must be 1 or more").param("times"))
    });
    let fault = Fault { endpoint, kind, share: share?, times: times.transpose()? };
    let id = core.faults.add(fault);
    Ok(json!({"id": id.0}))
}

fn release(core: &Core, form: &Form, id: &str) -> Result<Value, ApiError> {
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
    let held = id.parse().ok().and_then(|id| core.faults.take_held(Some(id)));
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

fn set_clock(core: &Core, form: &Form) -> Result<Value, ApiError> {
    form.allow_only(&["advance", "pace"])?;
    match form.text(&["pace"]) {
        None => {}
        Some("running") => core.clock.run(),
        Some("frozen") => core.clock.freeze(),
        Some(_) => return Err(ApiError::invalid("pace must be running or frozen").param("pace")),
    }
    if let Some(seconds) = form.integer(&["advance"])? {
        let seconds = u32::try_from(seconds).map_err(|_| {
            ApiError::invalid("advance is in seconds, and the clock never goes back")
                .param("advance")
        })?;
        core.clock.advance(seconds);
    }
    Ok(json!({"now": core.clock.now()}))
}

fn register(core: &Arc<Core>, scope: &Scope, form: &Form) -> Result<Value, ApiError> {
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
    add_endpoint(core, endpoint);
    Ok(shown)
}

async fn deliver(core: &Arc<Core>, id: &str, again: bool) -> Result<Value, ApiError> {
    let event = core.event(id).ok_or_else(|| ApiError::no_such("event", id, "id"))?;
    if again {
        core.office.redeliver(&event);
        return Ok(json!({"event": id, "redelivered": true}));
    }
    let answers: Vec<_> = deliver_once(core, &event).await.iter().map(|one| one.status).collect();
    Ok(json!({"event": id, "statuses": answers}))
}

fn deliveries(core: &Core, form: &Form) -> Result<Value, ApiError> {
    form.allow_only(&["auto", "release"])?;
    if form.text(&["auto"]).is_some() {
        core.set_auto_deliver(form.flag(&["auto"])?);
    }
    if form.flag(&["release"])? {
        core.office.release(|id| core.event(id));
    }
    Ok(json!({
        "under_way": core.office.under_way(),
        "unacknowledged": core.office.unacknowledged(),
    }))
}

fn objects(core: &Arc<Core>, scope: &Scope, form: &Form) -> Result<Value, ApiError> {
    form.allow_only(&["object"])?;
    let name = form.text(&["object"]).ok_or_else(|| ApiError::missing_param("object"))?;
    let kind = Kind::parse(name).ok_or_else(|| {
        ApiError::invalid(format!("The simulator keeps no objects of the type {name}"))
            .param("object")
    })?;
    let data = Account::new(Arc::clone(core), scope.clone()).truth(kind);
    Ok(json!({"object": "list", "has_more": false, "data": data}))
}

async fn payments(core: &Arc<Core>, scope: &Scope, form: &Form) -> Result<Value, ApiError> {
    form.allow_only(&["count", "story", "seed"])?;
    let count = form.integer(&["count"])?.unwrap_or(1);
    if !(1..=MOST_PAYMENTS).contains(&count) {
        let text = format!("count must be between 1 and {MOST_PAYMENTS}");
        return Err(ApiError::invalid(text).param("count"));
    }
    let story = form.text(&["story"]).map(|name| {
        Story::parse(name).ok_or_else(|| {
            let all: Vec<_> = Story::ALL.iter().map(|story| story.name()).collect();
            ApiError::invalid(format!("story must be one of {}", all.join(", "))).param("story")
        })
    });
    let story = story.transpose()?;
    let seed = form.integer(&["seed"])?.map_or(core.config.seed, i64::unsigned_abs);
    let (account, mut rng) =
        (Account::new(Arc::clone(core), scope.clone()), StdRng::seed_from_u64(seed));
    let mut made = Vec::new();
    for _ in 0..count {
        let finished = match story {
            Some(story) => run_story(&account, story, &mut rng, Duration::ZERO).await?,
            None => run_payment(&account, &mut rng, Duration::ZERO).await?,
        };
        made.push(json!({
            "payment_intent": finished.payment_intent, "story": finished.story.name(),
        }));
    }
    Ok(json!({"object": "list", "has_more": false, "data": made}))
}

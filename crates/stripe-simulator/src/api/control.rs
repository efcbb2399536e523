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
        && !matches!(segments.next(), Some("payment_intents" | "refunds"))
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

//! Operators' views and verbs, as calls and as commands.

mod commands;
mod events;
mod objects;
mod reconcile;
mod replay;

use quittance::ops::name::Name;
use quittance::store::dead_letter::Actor;
use serde_json::Value;

use crate::harness::{App, Options, Program};

const JANE: Actor<'_> = Actor { name: "jane", reason: Some("ticket 4711") };

fn name(id: &str) -> Name {
    Name::parse(id).unwrap()
}

/// Gives a job up after one attempt.
async fn fragile() -> App {
    let env = &[("QUITTANCE__RETRY__MAX_ATTEMPTS", "1")];
    App::with(Options { env, ..Options::default() }).await
}

/// Entries of the audit log: actor, verb, target.
async fn audit(app: &App) -> Vec<String> {
    let rows = app
        .db
        .rows("SELECT concat_ws(' ', actor, verb, target, reason) AS line FROM quittance.audit_log ORDER BY id")
        .await;
    rows.iter().map(|row| row["line"].as_str().unwrap().to_owned()).collect()
}

/// Runs `quittance ...` on this app's servers.
pub(crate) async fn command(app: &App, args: &[&str]) -> (i32, String, String) {
    let url = app.db.url();
    let env = [
        ("DATABASE_URL", url.as_str()),
        ("REDIS_URL", app.settings.redis.url.reveal()),
        ("QUITTANCE__QUEUE__NAME", &app.settings.queue.name),
        ("STRIPE_API_BASE", app.stripe().base_url()),
        ("STRIPE_SECRET_KEY", app.stripe().secret_key()),
    ];
    let ended = Program::run(args, &env).await;
    (ended.code.unwrap(), ended.stdout, ended.stderr)
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"))
}

//! Commands that are typed: the program itself, against the simulator.

use serde_json::Value;

use super::app::ApiApp;
use crate::harness::Program;
use crate::ops::command;

/// A command that has ended.
pub(super) struct Ended {
    pub(super) code: i32,
    pub(super) out: String,
    pub(super) err: String,
}

impl Ended {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error} in {self}"))
    }

    /// Demands an exit code.
    pub(super) fn with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self}");
        self
    }

    /// What it said to people of its failure, without its log.
    pub(super) fn said(&self) -> &str {
        self.err.lines().find(|line| line.starts_with("quittance ")).unwrap_or_default()
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit {}: {}{}", self.code, self.out, self.err)
    }
}

/// Types a command, by words; ada acts.
pub(super) async fn type_in(api: &ApiApp, line: &str) -> Ended {
    let words: Vec<_> = line.split_whitespace().collect();
    run(api, &words).await
}

pub(super) async fn run(api: &ApiApp, args: &[&str]) -> Ended {
    let (code, out, err) = command(&api.app, args).await;
    Ended { code, out, err }
}

/// The same with settings over those of the harness.
pub(super) async fn type_in_with(api: &ApiApp, line: &str, more: &[(&str, &str)]) -> Ended {
    let words: Vec<_> = line.split_whitespace().collect();
    let settings = &api.app.settings;
    let url = api.app.db.url();
    let mut env = vec![
        ("DATABASE_URL", url.as_str()),
        ("REDIS_URL", settings.redis.url.reveal()),
        ("QUITTANCE__QUEUE__NAME", &settings.queue.name),
        ("STRIPE_API_BASE", api.app.stripe().base_url()),
        ("STRIPE_SECRET_KEY", api.app.stripe().secret_key()),
    ];
    env.extend(more);
    let ended = Program::run(&words, &env).await;
    Ended { code: ended.code.unwrap(), out: ended.stdout, err: ended.stderr }
}

/// All that a command writes: the rest of the tables is the worker's, which goes on.
pub(super) async fn written(api: &ApiApp) -> Vec<Value> {
    let mut all = Vec::new();
    for table in [
        "quittance.commands",
        "quittance.audit_log",
        "quittance.objects",
        "quittance.outbox",
        "app.transitions",
        "app.payments",
        "app.charges",
        "app.refunds",
        "app.subscriptions",
        "app.subscription_items",
    ] {
        all.extend(api.app.db.rows(&format!("SELECT * FROM {table}")).await);
    }
    all
}

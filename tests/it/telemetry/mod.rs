//! Telemetry of the roles: metrics, traces, log lines.

mod collector;
mod deploy;
mod logging;
mod metrics;
mod page;
mod published;
mod traces;

use crate::harness::webhook::Client;
use crate::harness::{App, Program};
use page::Page;

/// A role as a process, with its numbers on a port of its own.
struct Role {
    program: Program,
    metrics: std::net::SocketAddr,
    /// Where it listens for its work, if it does.
    listen: Option<std::net::SocketAddr>,
}

impl Role {
    async fn start(app: &App, role: &str, more: &[(&str, &str)]) -> Self {
        let url = app.db.url();
        let mut env = vec![
            ("DATABASE_URL", url.as_str()),
            ("REDIS_URL", app.settings.redis.url.reveal()),
            ("QUITTANCE__QUEUE__NAME", &app.settings.queue.name),
            ("STRIPE_API_BASE", app.stripe().base_url()),
            ("QUITTANCE__METRICS__LISTEN", "127.0.0.1:0"),
        ];
        env.extend(more);
        let mut program = Program::start(&[role], &env);
        program.says("serving metrics").await;
        let metrics = address(&program, "serving metrics");
        let listen = match role {
            "ingress" => {
                program.says("taking webhooks").await;
                Some(address(&program, "taking webhooks"))
            }
            "api" => {
                program.says("taking commands").await;
                Some(address(&program, "taking commands"))
            }
            "admin" => {
                program.says("serving the operators' pages").await;
                Some(address(&program, "serving the operators' pages"))
            }
            _ => None,
        };
        Self { program, metrics, listen }
    }

    async fn page(&self) -> Page {
        let answer = Client::connect(self.metrics).await.get("/metrics").await;
        assert_eq!(answer.status, 200);
        Page::read(&answer.body)
    }
}

/// Where it says that it listens.
fn address(program: &Program, message: &str) -> std::net::SocketAddr {
    let line = program.logged.lines().find(|line| line.contains(message)).unwrap();
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    line["listen"].as_str().unwrap().parse().unwrap()
}

//! A finding: a problem or a warning, with its remedy.

use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// A stable word for it.
    pub code: FindingCode,
    /// What is wrong.
    pub text: String,
    /// The command that mends it, or that shows more of it.
    pub remedy: Option<String>,
}

/// Severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Work does not get done as it should: not healthy.
    Problem,
    /// An operator should look at it, without urgency.
    Warning,
}

/// Code of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FindingCode {
    /// Redis does not answer, or refuses us.
    RedisDown,
    /// Redis has lost jobs.
    QueueLost,
    /// Redis may lose what it acknowledged.
    RedisDurability,
    /// Postgres does not answer, or refuses us.
    PostgresDown,
    /// Workers wait for Stripe.
    StripeDown,
    /// The schema does not fit this program.
    Schema,
    /// No worker has reported itself.
    NoWorkers,
    /// A worker has stopped reporting itself.
    WorkerSilent,
    /// Workers wait for a dependency that answers others.
    WorkersWait,
    /// Workers of different versions run.
    Versions,
    /// The oldest job of a lane is too old.
    Behind,
    /// A lane is paused by a person.
    Paused,
    /// Stripe has slowed us down.
    Slowed,
    /// Dead letters are open.
    DeadLetters,
    /// Something was written in the last 24 hours that is odd.
    Anomalies,
    /// A destination of notifications is too far behind.
    OutboxBehind,
    /// A transaction has been open for too long, and holds back what is written to the outbox.
    OutboxHeldBack,
    /// Notifications were dead-lettered.
    OutboxDead,
    /// Commands wait for an operator: whether they had an effect at Stripe is not known.
    CommandsDead,
    /// A command has not come to its end for too long.
    CommandsLate,
    /// "Complete until" is too far behind, or cannot move.
    Incomplete,
    /// Stripe lists events of some time no longer that were never found complete.
    EventsGap,
    /// Events of the last 24 hours had not arrived; the sweep brought them.
    EventsMissed,
    /// The last comparison with Stripe's list of events found some that are missing.
    EventsMissing,
}

/// A finding that makes the whole unhealthy.
pub(super) fn problem(code: FindingCode, text: String) -> Finding {
    Finding { severity: Severity::Problem, code, text, remedy: None }
}

/// A finding that does not.
pub(super) fn warning(code: FindingCode, text: String) -> Finding {
    Finding { severity: Severity::Warning, code, text, remedy: None }
}

impl Finding {
    /// The same, with the command that mends it.
    pub(super) fn mended_by(self, command: &str) -> Self {
        Self { remedy: Some(format!("`{command}`")), ..self }
    }
}

/// `1 job`, `2 jobs`.
pub(super) fn many(count: i64, of: &str) -> String {
    if count == 1 { format!("1 {of}") } else { format!("{count} {of}s") }
}

/// For people: whole seconds.
pub(super) fn span(duration: Duration) -> String {
    humantime::format_duration(Duration::from_secs(duration.as_secs())).to_string()
}

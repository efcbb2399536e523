//! Metrics of a process that carries out commands.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::domain::command::CommandKind;

/// Upper bounds in seconds of a command's life: from an answer at once to the day after an outage.
const LIVES: [f64; 12] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 20.0, 60.0, 600.0, 3600.0, 86400.0];

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct EndLabels {
    kind: &'static str,
    code: String,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct KindLabels {
    kind: &'static str,
}

/// The counters of commands. Clones count together.
#[derive(Debug, Clone)]
pub struct Metrics {
    ended: Family<EndLabels, Counter>,
    not_accepted: Family<EndLabels, Counter>,
    lives: Family<KindLabels, Histogram, fn() -> Histogram>,
}

/// Metrics that no registry serves.
impl Default for Metrics {
    fn default() -> Self {
        Self::new(&mut Registry::default())
    }
}

impl Metrics {
    /// Makes them known to a registry.
    #[must_use]
    pub fn new(registry: &mut Registry) -> Self {
        let metrics = Self {
            ended: Family::default(),
            not_accepted: Family::default(),
            lives: Family::new_with_constructor(|| Histogram::new(LIVES)),
        };
        registry.register(
            "quittance_commands_ended",
            "Commands that this process brought to their end: done, or the code of why not; unresolved is dead",
            metrics.ended.clone(),
        );
        registry.register(
            "quittance_commands_not_accepted",
            "Requests that were refused before Stripe was asked, by the code of the answer",
            metrics.not_accepted.clone(),
        );
        registry.register(
            "quittance_command_duration_seconds",
            "Time from the writing of a command until it was done or refused, investigations included",
            metrics.lives.clone(),
        );
        metrics
    }

    /// A command was done, or refused for good.
    pub(super) fn closed(&self, kind: CommandKind, code: &str, life: Duration) {
        self.ended(kind, code);
        self.lives.get_or_create(&KindLabels { kind: kind.as_str() }).observe(life.as_secs_f64());
    }

    /// A command waits for an operator.
    pub(super) fn dead(&self, kind: CommandKind, code: &str) {
        self.ended(kind, code);
    }

    /// A request got no command.
    pub(super) fn not_accepted(&self, kind: CommandKind, code: &str) {
        self.not_accepted.get_or_create(&labels(kind, code)).inc();
    }

    fn ended(&self, kind: CommandKind, code: &str) {
        self.ended.get_or_create(&labels(kind, code)).inc();
    }
}

fn labels(kind: CommandKind, code: &str) -> EndLabels {
    EndLabels { kind: kind.as_str(), code: code.to_owned() }
}

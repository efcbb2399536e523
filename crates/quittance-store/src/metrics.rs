//! Metrics of the tables and the pool. They are read when metrics are requested.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;

use super::connect::Store;
use super::gauges::Gauges;
use quittance_domain::command::CommandState;
use quittance_domain::failure::Class;
use quittance_domain::status_word::Vocabulary as _;

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ClassLabels {
    class: String,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct StateLabels {
    state: &'static str,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct AccountsLabels {
    accounts: &'static str,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct DutyLabels {
    duty: String,
}

/// Label set of a family without labels; a family can be empty.
#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct NoLabels {}

/// Metrics of the tables.
#[derive(Debug, Clone)]
pub struct Metrics {
    open: Family<ClassLabels, Gauge>,
    queue_lost: Family<NoLabels, Gauge>,
    commands: Family<StateLabels, Gauge>,
    oldest_command: Family<StateLabels, Gauge>,
    complete_until: Family<AccountsLabels, Gauge>,
    duty_age: Family<DutyLabels, Gauge>,
}

impl Metrics {
    /// Registers the metrics, and those of this store's pool.
    #[must_use]
    pub fn new(registry: &mut Registry, store: &Store) -> Self {
        let metrics = Self {
            open: Family::default(),
            queue_lost: Family::default(),
            commands: Family::default(),
            oldest_command: Family::default(),
            complete_until: Family::default(),
            duty_age: Family::default(),
        };
        registry.register(
            "quittance_dead_letters_open",
            "Dead letters that are open and not snoozed, by the class of their failure: the same from every worker, so take the max",
            metrics.open.clone(),
        );
        registry.register(
            "quittance_queue_lost",
            "Whether Redis has lost jobs, and no operator has acknowledged it: the same from every worker, so take the max",
            metrics.queue_lost.clone(),
        );
        registry.register(
            "quittance_commands_open",
            "Commands that have not come to their end, by state; those that are dead wait for an operator. The same from every worker, so take the max",
            metrics.commands.clone(),
        );
        registry.register(
            "quittance_commands_oldest_seconds",
            "Age of the oldest command in a state that is not its end; 0 when there is none. The same from every worker, so take the max",
            metrics.oldest_command.clone(),
        );
        registry.register(
            "quittance_complete_until_seconds",
            "Unix time until which every event that Stripe lists is settled, ignored or dead-lettered here, of our own account and of the connected account that is furthest behind. The same from every worker, so take the max",
            metrics.complete_until.clone(),
        );
        registry.register(
            "quittance_duty_age_seconds",
            "Time since a background duty last succeeded. The same from every worker, so take the max",
            metrics.duty_age.clone(),
        );
        registry.register_collector(Box::new(Pool(store.clone())));
        metrics
    }

    /// Sets the metrics; removes them if they could not be read.
    pub fn show(&self, seen: Option<&Gauges>) {
        self.open.clear();
        self.queue_lost.clear();
        self.commands.clear();
        self.oldest_command.clear();
        self.complete_until.clear();
        self.duty_age.clear();
        let Some(seen) = seen else { return };
        let Gauges { open_dead_letters: dead_letters, queue_lost, open_commands, .. } = seen;
        for state in CommandState::WORDS.iter().filter(|state| !state.is_closed()) {
            let labels = StateLabels { state: state.word() };
            let of_it = || open_commands.iter().filter(|one| one.state == state.word());
            let count = of_it().map(|one| one.count).sum();
            let oldest = of_it().map(|one| one.oldest_seconds).max().unwrap_or(0);
            self.commands.get_or_create(&labels).set(count);
            self.oldest_command.get_or_create(&labels).set(oldest);
        }
        let complete = &seen.completeness;
        for (accounts, until) in
            [("own", complete.own_until), ("connected", complete.connected_until)]
        {
            if let Some(until) = until {
                self.complete_until.get_or_create(&AccountsLabels { accounts }).set(until);
            }
        }
        for (duty, age) in &complete.duties {
            if let Some(age) = age {
                self.duty_age.get_or_create(&DutyLabels { duty: duty.clone() }).set(*age);
            }
        }
        self.queue_lost.get_or_create(&NoLabels {}).set(i64::from(*queue_lost));
        for class in [Class::Permanent, Class::Transient] {
            drop(self.open.get_or_create(&ClassLabels { class: class.as_str().to_owned() }));
        }
        for (class, count) in dead_letters {
            self.open.get_or_create(&ClassLabels { class: class.clone() }).set(*count);
        }
    }
}

/// Metrics of the pool, read on collection.
#[derive(Debug)]
struct Pool(Store);

impl Collector for Pool {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let pool = self.0.pool_use();
        let mut family = encoder.encode_descriptor(
            "quittance_postgres_connections",
            "Connections to Postgres that this process has open",
            None,
            MetricType::Gauge,
        )?;
        for (state, count) in [("used", pool.used), ("idle", pool.idle)] {
            let labels = [("state", state)];
            let metric = family.encode_family(&labels)?;
            ConstGauge::new(i64::from(count)).encode(metric)?;
        }
        let limit = encoder.encode_descriptor(
            "quittance_postgres_connections_limit",
            "Connections to Postgres that this process may open (database.max_connections)",
            None,
            MetricType::Gauge,
        )?;
        ConstGauge::new(i64::from(pool.limit)).encode(limit)
    }
}

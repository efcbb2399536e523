//! `quittance outbox`: delivery lag, and dead-lettered notifications.

use std::path::Path;

use clap::Subcommand;
use serde_json::json;
use uuid::Uuid;

use super::actor::ActorArg;
use super::table::{self, text, whole};
use crate::config::Role;
use crate::ops::outbox::{self, OutboxError, Retried};
use crate::roles::exit::exit_of_store;
use crate::roles::exit::{Exit, Failed};
use crate::roles::parts;
use crate::store::StoreError;
use crate::store::dead_letter::Actor;
use crate::store::outbox::{DeadDelivery, DestinationState};

/// `quittance outbox ...`
#[derive(Debug, Subcommand)]
pub(super) enum OutboxCommand {
    /// Delivery lag of each destination.
    #[command(
        after_help = "LAG: notifications that are not queued for the destination yet. PENDING: queued and not\ndelivered yet. DEAD: dead-lettered. OLDEST: age of the oldest one that is not delivered.\n\nExample:\n  quittance outbox status --json"
    )]
    Status {
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// List dead-lettered notifications, oldest first.
    #[command(after_help = "Example:\n  quittance outbox dead --destination http:default")]
    Dead {
        /// Only of this destination: `stream`, `http:NAME`.
        #[arg(long)]
        destination: Option<String>,
        /// Maximum number of results.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Redeliver dead-lettered notifications, with a full number of attempts.
    #[command(after_help = "Example:\n  quittance outbox retry http:default --all")]
    Retry {
        /// The destination: `stream`, `http:NAME`.
        destination: String,
        /// Ids of the notifications.
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        ids: Vec<String>,
        /// All dead-lettered notifications of this destination.
        #[arg(long)]
        all: bool,
        /// Reason, stored in the audit log.
        #[arg(long)]
        reason: Option<String>,
        #[command(flatten)]
        actor: ActorArg,
    },
    /// Remove a destination that no worker has in its settings any more.
    ///
    /// Until then, notifications that were not delivered to it are kept. Removing it discards its dead letters.
    #[command(
        after_help = "Example:\n  quittance outbox remove http:old --reason 'the shop moved'"
    )]
    Remove {
        /// The destination: `stream`, `http:NAME`.
        destination: String,
        /// Reason, stored in the audit log.
        #[arg(long)]
        reason: Option<String>,
        #[command(flatten)]
        actor: ActorArg,
    },
}

pub(super) async fn run(config: Option<&Path>, command: OutboxCommand) -> Result<Exit, Failed> {
    let settings = parts::settings_and_log(config, Role::Ops)?;
    let store = parts::store(&settings, "outbox")?;
    match command {
        OutboxCommand::Status { json } => {
            let destinations = outbox::status(&store).await.map_err(|error| failed(&error))?;
            status(&destinations, json);
        }
        OutboxCommand::Dead { destination, limit, json } => {
            let dead = outbox::dead(&store, destination.as_deref(), i64::from(limit));
            list(&dead.await.map_err(refused)?, json);
        }
        OutboxCommand::Retry { destination, ids, all, reason, actor } => {
            let ids = ids.iter().map(|text| id(text)).collect::<Result<Vec<_>, _>>()?;
            let name = actor.name();
            let actor = Actor { name: &name, reason: reason.as_deref() };
            let ids = if all { &[] } else { &*ids };
            let retried = outbox::retry(&store, &destination, ids, actor).await;
            return Ok(print_retried(&retried.map_err(refused)?, &destination));
        }
        OutboxCommand::Remove { destination, reason, actor } => {
            let name = actor.name();
            let actor = Actor { name: &name, reason: reason.as_deref() };
            let removed = outbox::remove(&store, &destination, actor).await.map_err(refused)?;
            println!("Removed {destination} and its {removed} deliveries.");
        }
    }
    Ok(Exit::Success)
}

/// Prints how many are redelivered and which are not, and returns the exit code.
fn print_retried(retried: &Retried, destination: &str) -> Exit {
    println!("{} queued for redelivery to {destination}.", retried.retried);
    for id in &retried.not_dead_lettered {
        eprintln!(
            "quittance: {id} is not dead-lettered for {destination}: it is unknown, delivered, or being \
             delivered; `quittance outbox dead --destination {destination}` lists those that are"
        );
    }
    match (retried.retried, &*retried.not_dead_lettered) {
        (_, []) => Exit::Success,
        (0, _) => Exit::Failure,
        (_, _) => Exit::Partial,
    }
}

fn refused(error: OutboxError) -> Failed {
    match error {
        OutboxError::NoSuchDestination { .. } => Failed::new(Exit::Failure, error.to_string()),
        OutboxError::Store(error) => failed(&error),
    }
}

fn failed(error: &StoreError) -> Failed {
    let what = "the outbox could not be read or changed (database.url)";
    Failed::because(exit_of_store(error), what, error)
}

fn id(text: &str) -> Result<Uuid, Failed> {
    text.parse().map_err(|error| Failed::new(Exit::Failure, format!("`{text}`: {error}")))
}

fn status(destinations: &[DestinationState], json: bool) {
    if json {
        println!("{}", json!({ "destinations": destinations }));
    } else if destinations.is_empty() {
        println!("No destination is configured: see [outbox] in config/default.toml.");
    } else {
        let heading = ["DESTINATION", "LAG", "PENDING", "DEAD", "OLDEST"];
        let rows: Vec<_> = destinations
            .iter()
            .map(|one| {
                let oldest =
                    one.oldest_seconds.map_or_else(|| "-".to_owned(), |s| format!("{s} s"));
                let numbers = [one.behind, one.pending, one.dead].map(|n| n.to_string());
                std::iter::once(one.name.clone()).chain(numbers).chain([oldest]).collect()
            })
            .collect();
        table::print(&heading.map(whole), &rows);
    }
}

fn list(dead: &[DeadDelivery], json: bool) {
    if json {
        println!("{}", json!({ "dead": dead }));
    } else if dead.is_empty() {
        println!("No dead-lettered notifications.");
    } else {
        let columns = [
            whole("ID"),
            whole("DESTINATION"),
            whole("TOPIC"),
            whole("OBJECT"),
            whole("ATTEMPTS"),
            text("FAILURE"),
        ];
        let rows: Vec<_> = dead
            .iter()
            .map(|one| {
                vec![
                    one.id.to_string(),
                    one.destination.clone(),
                    one.topic.clone(),
                    one.object_id.clone(),
                    one.attempts.to_string(),
                    one.failure.clone().unwrap_or_default(),
                ]
            })
            .collect();
        table::print(&columns, &rows);
    }
}

//! `quittance outbox`: how far each destination is, and what was given up.

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
    /// Deliver dead-lettered notifications again, with all their attempts again.
    #[command(after_help = "Example:\n  quittance outbox retry http:default --all")]
    Retry {
        /// The destination: `stream`, `http:NAME`.
        destination: String,
        /// The notifications.
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        ids: Vec<String>,
        /// All of this destination.
        #[arg(long)]
        all: bool,
        /// Reason, stored in the audit log.
        #[arg(long)]
        reason: Option<String>,
        #[command(flatten)]
        actor: ActorArg,
    },
    /// Remove a destination that is in no worker's settings any more, and what is kept for it.
    ///
    /// Notifications that were not delivered to it are never pruned while it is there. Its dead letters are
    /// discarded.
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
            return Ok(tell(&retried.map_err(refused)?, &destination));
        }
        OutboxCommand::Remove { destination, reason, actor } => {
            let name = actor.name();
            let actor = Actor { name: &name, reason: reason.as_deref() };
            let removed = outbox::remove(&store, &destination, actor).await.map_err(refused)?;
            println!("{destination} and its {removed} deliveries are removed.");
        }
    }
    Ok(Exit::Success)
}

/// How many, which not and why, and how the program ends.
fn tell(retried: &Retried, destination: &str) -> Exit {
    println!("{} due again for {destination}.", retried.revived);
    for id in &retried.not_given_up {
        eprintln!(
            "quittance: {id} was not given up for {destination}: it is unknown, or it arrived, or it \
             is being sent; `quittance outbox dead --destination {destination}` lists what was"
        );
    }
    match (retried.revived, &*retried.not_given_up) {
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
            whole("TRIES"),
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

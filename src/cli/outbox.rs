//! `quittance outbox`: how far each destination is, and what was given up.

use std::path::Path;

use serde_json::json;
use uuid::Uuid;

use super::args::OutboxCommand;
use super::dead_letters::who;
use super::table::{self, text, whole};
use crate::config::Role;
use crate::ops::outbox::{self, OutboxError, Retried};
use crate::roles::exit::exit_of_store;
use crate::roles::exit::{Exit, Failed};
use crate::roles::parts;
use crate::store::StoreError;
use crate::store::dead_letter::Actor;
use crate::store::outbox::{DeadDelivery, DestinationState};

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
            let name = who(actor);
            let actor = Actor { name: &name, reason: reason.as_deref() };
            let ids = if all { &[] } else { &*ids };
            let retried = outbox::retry(&store, &destination, ids, actor).await;
            return Ok(tell(&retried.map_err(refused)?, &destination));
        }
        OutboxCommand::Remove { destination, reason, actor } => {
            let name = who(actor);
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

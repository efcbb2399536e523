//! `quittance duties`: the background duties of the workers.

use std::path::Path;

use clap::Subcommand;

use super::actor::ActorArg;
use super::format;
use super::table::{self, prose, whole};
use crate::cli::out;
use crate::config::Role;
use crate::ops::duties::{self, DutyError};
use crate::roles::exit::{Exit, Failed, exit_of_store};
use crate::roles::parts;
use crate::store::dead_letter::Actor;
use crate::store::duty::Duty;

/// `quittance duties`
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "One worker at a time runs a duty, under a lease; another takes over when that one dies.\n\nExamples:\n  quittance duties\n  quittance duties run sweep --reason 'the endpoint was disabled'"
)]
pub(super) struct DutiesArgs {
    /// What to do; without it, list them.
    #[command(subcommand)]
    command: Option<DutiesCommand>,
    /// One JSON document.
    #[arg(long)]
    json: bool,
}

/// `quittance duties ...`
#[derive(Debug, Subcommand)]
enum DutiesCommand {
    /// List the duties; so does `quittance duties` alone.
    #[command(after_help = "Example:\n  quittance duties list --json")]
    List {
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Make a duty due now: a worker begins it within seconds.
    #[command(
        after_help = "Example:\n  quittance duties run sweep --reason 'the endpoint was disabled'"
    )]
    Run {
        /// Its name.
        duty: String,
        /// Reason, stored in the audit log.
        #[arg(long)]
        reason: Option<String>,
        #[command(flatten)]
        actor: ActorArg,
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
}

pub(super) async fn run(config: Option<&Path>, args: DutiesArgs) -> Result<Exit, Failed> {
    let settings = parts::settings_and_log(config, Role::Ops)?;
    let store = parts::store(&settings, "duties")?;
    let command = args.command.unwrap_or(DutiesCommand::List { json: args.json });
    match command {
        DutiesCommand::List { json } => {
            let all = duties::list(&store).await.map_err(|error| {
                Failed::because(exit_of_store(&error), "the duties cannot be read", &error)
            })?;
            if json {
                println!("{}", out::json(&all)?);
            } else {
                print(&all);
            }
        }
        DutiesCommand::Run { duty, reason, actor, json } => {
            let who = actor.name();
            let actor = Actor { name: &who, reason: reason.as_deref() };
            let asked = duties::run(&store, &duty, actor).await.map_err(|error| match &error {
                DutyError::Unknown(_) => Failed::new(Exit::Failure, error.to_string()),
                DutyError::Store(source) => {
                    Failed::because(exit_of_store(source), "the duty was not asked for", &error)
                }
            })?;
            if json {
                println!("{}", out::json(&asked)?);
            } else {
                println!("{duty} is due now: a worker begins it within seconds.");
            }
        }
    }
    Ok(Exit::Success)
}

fn print(all: &[Duty]) {
    if all.is_empty() {
        println!("No worker has run yet.");
        return;
    }
    let span = |ms: i64| format::span_ms(u64::try_from(ms).unwrap_or_default());
    let rows = all.iter().map(|one| {
        vec![
            one.name.clone(),
            span(one.every_ms),
            one.finished_at.map_or_else(|| "-".to_owned(), format::at),
            one.result.clone().unwrap_or_else(|| "-".to_owned()),
            one.duration_ms.map_or_else(|| "-".to_owned(), span),
            one.running_on
                .as_ref()
                .map_or_else(|| format::at(one.next_at), |on| format!("runs on {on}")),
            format::plain(one.detail.as_deref().unwrap_or_default()),
        ]
    });
    let columns = [
        whole("DUTY"),
        whole("EVERY"),
        whole("LAST RUN"),
        whole("RESULT"),
        whole("TOOK"),
        whole("NEXT RUN"),
        prose("DETAIL"),
    ];
    table::print(&columns, &rows.collect::<Vec<_>>());
}

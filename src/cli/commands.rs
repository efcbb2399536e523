//! `quittance commands`: what clients asked of Stripe, and what an operator decides about one that is dead.

use std::path::Path;

use serde_json::json;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use super::actor::system_user;
use super::out::print_json;
use crate::commands::{CommandFilter, CommandView, Decided};
use crate::config::Role;
use crate::domain::command::CommandState;
use crate::domain::status_word::Vocabulary as _;
use crate::roles::exit::{Exit, Failed, exit_of_store};
use crate::roles::parts;
use crate::store::{Store, StoreError};

/// `quittance commands ...`
#[derive(Debug, clap::Subcommand)]
pub(super) enum CommandsCommand {
    /// List commands, newest first.
    #[command(
        after_help = "Examples:\n  quittance commands list --state unknown\n  quittance commands list --state dead --json"
    )]
    List {
        /// Only those in this state.
        #[arg(long, value_name = "STATE", value_parser = ["accepted", "sent", "unknown", "done", "refused", "dead"])]
        state: Option<String>,
        /// How many at most.
        #[arg(long, default_value_t = 50, value_name = "N")]
        limit: u32,
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Show one command.
    #[command(after_help = "Example:\n  quittance commands show 019ac1d2-...")]
    Show {
        /// Its id.
        id: Uuid,
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Have a dead command investigated once more: it is looked up, and sent anew only if it had no effect.
    #[command(
        after_help = "Example:\n  quittance commands retry 019ac1d2-... --reason 'Stripe is back'"
    )]
    Retry {
        /// Its id.
        id: Uuid,
        /// Why, for the audit log.
        #[arg(long)]
        reason: Option<String>,
        /// Who; by default the system's user.
        #[arg(long = "as", value_name = "NAME")]
        actor: Option<String>,
    },
    /// Close a dead command that had no effect at Stripe: what it reserved is free again.
    #[command(
        after_help = "Look in Stripe's dashboard first: search for the metadata quittance_command:ID.\n\nExample:\n  quittance commands abandon 019ac1d2-... --reason 'not at Stripe, customer paid otherwise'"
    )]
    Abandon {
        /// Its id.
        id: Uuid,
        /// Why, for the audit log.
        #[arg(long)]
        reason: String,
        /// Who; by default the system's user.
        #[arg(long = "as", value_name = "NAME")]
        actor: Option<String>,
    },
}

pub(super) async fn run(config: Option<&Path>, command: CommandsCommand) -> Result<Exit, Failed> {
    let settings = parts::settings_and_log(config, Role::Ops)?;
    let store = parts::store(&settings, "commands")?;
    match command {
        CommandsCommand::List { state, limit, json } => {
            let state = state.as_deref().and_then(CommandState::from_word);
            let filter = CommandFilter { state, ..CommandFilter::default() };
            let found = store.list_commands(&filter, limit).await.map_err(|e| failed(&e))?;
            let views: Vec<_> = found.iter().map(CommandView::from).collect();
            if json {
                print_json(&json!({ "commands": views }))?;
            } else {
                views.iter().for_each(line);
                if views.is_empty() {
                    println!("No commands.");
                }
            }
        }
        CommandsCommand::Show { id, json } => {
            let view = view(&store, id).await?;
            if json {
                print_json(&view)?;
            } else {
                line(&view);
                let texts = [
                    ("caller", Some(view.caller)),
                    ("key", Some(view.idempotency_key)),
                    ("target", view.target),
                    ("reference", view.reference),
                    ("object", view.object_id),
                    ("attempts", Some(view.attempts.to_string())),
                    ("failure", view.failure),
                    ("detail", view.failure_detail),
                    ("request", view.request_id),
                ];
                for (name, text) in texts {
                    if let Some(text) = text {
                        println!("  {name:<10} {text}");
                    }
                }
            }
        }
        CommandsCommand::Retry { id, reason, actor } => {
            let actor = actor.unwrap_or_else(system_user);
            let done = crate::commands::retry_dead(&store, id, &actor, reason.as_deref()).await;
            return decided(
                id,
                done,
                "is investigated again: `quittance commands show` says how it goes on",
            );
        }
        CommandsCommand::Abandon { id, reason, actor } => {
            let actor = actor.unwrap_or_else(system_user);
            let done = crate::commands::abandon_dead(&store, id, &actor, &reason).await;
            return decided(id, done, "is closed as refused");
        }
    }
    Ok(Exit::Success)
}

fn decided(id: Uuid, done: Result<Decided, StoreError>, how: &str) -> Result<Exit, Failed> {
    match done.map_err(|error| failed(&error))? {
        Decided::Done => {
            println!("The command {id} {how}.");
            Ok(Exit::Success)
        }
        Decided::NotDead => {
            let text = format!(
                "{id} is not a dead command: `quittance commands list --state dead` lists them"
            );
            Err(Failed::new(Exit::Failure, text))
        }
    }
}

async fn view(store: &Store, id: Uuid) -> Result<CommandView, Failed> {
    let found = store.command(id).await.map_err(|error| failed(&error))?;
    let found =
        found.ok_or_else(|| Failed::new(Exit::Failure, format!("there is no command {id}")))?;
    Ok(CommandView::from(&found))
}

fn line(view: &CommandView) {
    let at = view.created_at.format(&Rfc3339).unwrap_or_default();
    let what = view.object_id.as_deref().or(view.failure.as_deref()).unwrap_or("");
    println!("{}  {:<8}  {:<16}  {at}  {what}", view.id, view.state, view.kind);
}

fn failed(error: &StoreError) -> Failed {
    Failed::because(exit_of_store(error), "the commands cannot be read", error)
}

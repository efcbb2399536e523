//! `quittance commands`: what clients asked of Stripe, and what an operator decides about one that is dead.

use std::path::Path;

use serde_json::json;
use uuid::Uuid;

use super::actor::ActorArg;
use super::format::at;
use super::objects::print;
use super::out::print_json;
use super::table::{self, text, whole};
use crate::commands::{
    CommandFilter, CommandSummary, CommandView, Decided, abandon_dead, retry_dead, written,
};
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
        /// Maximum number of results.
        #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
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
        /// One JSON document.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        actor: ActorArg,
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
        /// One JSON document.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        actor: ActorArg,
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
            } else if views.is_empty() {
                println!("No commands.");
            } else {
                print_list(&views);
            }
        }
        CommandsCommand::Show { id, json } => {
            let view = view(&store, id).await?;
            if json {
                print_json(&view)?;
            } else {
                print(&view);
            }
        }
        CommandsCommand::Retry { id, reason, json, actor } => {
            let done = retry_dead(&store, id, &actor.name(), reason.as_deref()).await;
            let how = "is investigated again: `quittance commands show` says how it goes on";
            decided(&store, id, done, how, json).await?;
        }
        CommandsCommand::Abandon { id, reason, json, actor } => {
            let done = abandon_dead(&store, id, &actor.name(), &reason).await;
            let how = "is closed as refused: what it reserved is free again";
            decided(&store, id, done, how, json).await?;
        }
    }
    Ok(Exit::Success)
}

/// Prints what an operator's decision has made of a command.
async fn decided(
    store: &Store,
    id: Uuid,
    done: Result<Decided, StoreError>,
    how: &str,
    json: bool,
) -> Result<(), Failed> {
    match done.map_err(|error| failed(&error))? {
        Decided::Done if json => print_json(&view(store, id).await?),
        Decided::Done => {
            println!("The command {id} {how}.");
            Ok(())
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

fn print_list(views: &[CommandView]) {
    let rows: Vec<_> = views
        .iter()
        .map(|view| {
            let CommandSummary { id, kind, state, caller, amount, object_id, failure, created_at } =
                view.into();
            let texts = [amount, object_id, failure].map(Option::unwrap_or_default);
            let [amount, object, failure] = texts;
            let (id, kind, state) = (id.to_string(), kind.to_owned(), state.to_owned());
            vec![id, state, kind, amount, object, caller, at(created_at), failure]
        })
        .collect();
    let heading = ["ID", "STATE", "KIND", "AMOUNT", "OBJECT", "CALLER", "CREATED"].map(whole);
    table::print(&[&heading[..], &[text("FAILURE")]].concat(), &rows);
}

fn print(view: &CommandView) {
    println!("{}  {}  {}", view.id, view.state, view.kind);
    let amount = view.amount.map(|amount| written(amount, view.currency.as_deref()));
    let fields = [
        ("caller", Some(view.caller.clone())),
        ("key", Some(view.idempotency_key.clone())),
        ("target", view.target.clone()),
        ("amount", amount),
        ("reference", view.reference.clone()),
        ("object", view.object_id.clone()),
        ("attempts", Some(view.attempts.to_string())),
        ("failure", view.failure.clone()),
        ("detail", view.failure_detail.clone()),
        ("request", view.request_id.clone()),
        ("created", Some(at(view.created_at))),
        ("updated", Some(at(view.updated_at))),
        ("closed", view.closed_at.map(at)),
    ];
    let set = fields.into_iter().filter_map(|(name, value)| value.map(|value| (name, value)));
    print::facts(&set.collect::<Vec<_>>());
    if view.state == "dead" {
        println!(
            "Look in Stripe's dashboard for the metadata quittance_command:{id}. `quittance commands retry {id}` has it \
             looked up once more; `quittance commands abandon {id}` closes it where it had no effect.",
            id = view.id
        );
    }
}

fn failed(error: &StoreError) -> Failed {
    Failed::because(exit_of_store(error), "the commands cannot be read", error)
}

//! `quittance dead-letters`: the verbs of [`crate::ops::dead_letters`], typed and printed.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::args::{self, DeadLettersCommand, Output, StateArg};
use super::exit::{Exit, Failed};
use super::roles::exit_of_store;
use super::{parts, table};
use crate::config::Role;
use crate::ops::dead_letters::{self, LetterResult, Refusal, Shown};
use crate::store::StoreError;
use crate::store::dead_letter::{Actor, DeadLetterId, Filter, Letter, LetterState};

pub(super) async fn run(
    config: Option<&Path>,
    command: DeadLettersCommand,
) -> Result<Exit, Failed> {
    let role = match &command {
        DeadLettersCommand::Retry { .. } => Role::Requeue,
        DeadLettersCommand::List { .. }
        | DeadLettersCommand::Show { .. }
        | DeadLettersCommand::Discard { .. } => Role::Ops,
    };
    let settings = parts::settings_and_log(config, role)?;
    let store = parts::store(&settings, "dead-letters")?;
    match command {
        DeadLettersCommand::List { state, limit, before, output } => {
            let before = before.as_deref().map(id).transpose()?;
            let filter = Filter { state: wanted(state), ..Filter::default() };
            let letters = dead_letters::list(&store, &filter, before, limit);
            let letters = letters.await.map_err(|e| failed(&e))?;
            list(&letters, &output);
            Ok(Exit::Success)
        }
        DeadLettersCommand::Show { id: text, payload, json } => {
            let id = id(&text)?;
            let shown = dead_letters::show(&store, id, payload).await.map_err(|e| failed(&e))?;
            let Some(shown) = shown else {
                let text = format!(
                    "there is no dead letter {id}; `quittance dead-letters list --state any` lists them"
                );
                return Err(Failed::new(Exit::Failure, text));
            };
            show(&shown, json);
            Ok(Exit::Success)
        }
        DeadLettersCommand::Retry { ids, reason, actor, json } => {
            let ids = ids.iter().map(|text| id(text)).collect::<Result<Vec<_>, _>>()?;
            let producer = parts::producer(&settings)?;
            let name = who(actor);
            let actor = Actor { name: &name, reason: reason.as_deref() };
            let results = dead_letters::retry(&store, &producer, &ids, Duration::ZERO, actor);
            Ok(tell(&results.await.map_err(|error| refused(&error))?, json))
        }
        DeadLettersCommand::Discard { ids, reason, actor, json } => {
            let ids = ids.iter().map(|text| id(text)).collect::<Result<Vec<_>, _>>()?;
            let name = who(actor);
            let actor = Actor { name: &name, reason: Some(&reason) };
            let results = dead_letters::discard(&store, &ids, actor).await;
            Ok(tell(&results.map_err(|error| refused(&error))?, json))
        }
    }
}

fn refused(error: &Refusal) -> Failed {
    match error {
        Refusal::NoReason => Failed::new(Exit::Failure, format!("{error}: write --reason \"...\"")),
        Refusal::Past | Refusal::TooFar => Failed::new(Exit::Failure, error.to_string()),
        Refusal::Store(error) => failed(error),
    }
}

fn failed(error: &StoreError) -> Failed {
    let what = "the dead letters could not be read or changed (database.url)";
    Failed::because(exit_of_store(error), what, error)
}

fn id(text: &str) -> Result<DeadLetterId, Failed> {
    text.parse().map_err(|error| Failed::new(Exit::Failure, format!("`{text}`: {error}")))
}

fn wanted(state: StateArg) -> Option<LetterState> {
    match state {
        StateArg::Open => Some(LetterState::Open),
        StateArg::Retrying => Some(LetterState::Retrying),
        StateArg::Resolved => Some(LetterState::Resolved),
        StateArg::Discarded => Some(LetterState::Discarded),
        StateArg::Any => None,
    }
}

pub(super) fn who(actor: args::Actor) -> String {
    actor.name.unwrap_or_else(super::person::system_user)
}

fn list(letters: &[Letter], output: &Output) {
    if output.json {
        println!("{}", json!({ "dead_letters": letters }));
    } else if output.ids {
        letters.iter().for_each(|letter| println!("{}", letter.id));
    } else if letters.is_empty() {
        println!("No dead letters.");
    } else {
        let heading = ["ID", "STATE", "GIVEN UP", "EVENT", "OBJECT", "TRIES", "CODE", "MESSAGE"];
        let rows = letters.iter().map(|letter| {
            vec![
                letter.id.to_string(),
                letter.state.as_str().to_owned(),
                at(letter.created_at),
                letter.event_type.clone().unwrap_or_else(|| "?".to_owned()),
                letter.object_id.clone().unwrap_or_default(),
                letter.attempts.to_string(),
                letter.code.clone(),
                letter.message.clone(),
            ]
        });
        table::print(&heading, &rows.collect::<Vec<_>>());
    }
}

fn show(shown: &Shown, as_json: bool) {
    let document = json!(shown);
    if as_json {
        println!("{document}");
    } else {
        outline(&document, 0);
    }
}

/// A document for people: a line a value, nested ones indented.
fn outline(value: &Value, depth: usize) {
    let indent = "  ".repeat(depth);
    let nested = |value: &Value| match value {
        Value::Object(fields) => !fields.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    };
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if nested(value) {
                    println!("{indent}{name}:");
                    outline(value, depth + 1);
                } else {
                    println!("{indent}{name}: {}", plain(value));
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                if nested(item) {
                    println!("{indent}-");
                    outline(item, depth + 1);
                } else {
                    println!("{indent}- {}", plain(item));
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            println!("{indent}{}", plain(value));
        }
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        Value::Object(_) | Value::Array(_) => "none".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

fn at(moment: OffsetDateTime) -> String {
    let whole = moment.replace_nanosecond(0).unwrap_or(moment);
    whole.format(&Rfc3339).unwrap_or_default()
}

/// A line for each letter, and how the program ends.
fn tell(results: &[LetterResult], as_json: bool) -> Exit {
    if as_json {
        println!("{}", json!({ "results": results }));
    } else {
        results.iter().for_each(|one| println!("{}: {}", one.id, one.message));
    }
    let done = results.iter().filter(|one| one.ok).count();
    if done == results.len() {
        Exit::Success
    } else if done == 0 {
        Exit::Failure
    } else {
        Exit::Partial
    }
}

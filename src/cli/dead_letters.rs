//! `quittance dead-letters`: the verbs of [`crate::ops::dead_letters`], typed and printed.

use std::path::Path;

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::args::{self, DeadLettersCommand, Output, StateArg};
use super::exit::{Exit, Failed};
use super::roles::exit_of_store;
use super::{parts, table};
use crate::config::Role;
use crate::ops::dead_letters::{self, DiscardError, Discarded, Retried, Shown};
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
            let filter = Filter { state: wanted(state), limit, before };
            let letters = dead_letters::list(&store, &filter).await.map_err(|e| failed(&e))?;
            list(&letters, &output);
            Ok(Exit::Success)
        }
        DeadLettersCommand::Show { id: text, payload, json } => {
            let id = id(&text)?;
            let shown = dead_letters::show(&store, id).await.map_err(|e| failed(&e))?;
            let Some(shown) = shown else {
                let text = format!(
                    "there is no dead letter {id}; `quittance dead-letters list --state any` lists them"
                );
                return Err(Failed::new(Exit::Failure, text));
            };
            show(&shown, payload, json);
            Ok(Exit::Success)
        }
        DeadLettersCommand::Retry { ids, reason, actor, json } => {
            let ids = ids.iter().map(|text| id(text)).collect::<Result<Vec<_>, _>>()?;
            let producer = parts::producer(&settings)?;
            let name = who(actor);
            let actor = Actor { name: &name, reason: reason.as_deref() };
            let results = dead_letters::retry(&store, &producer, &ids, actor)
                .await
                .map_err(|e| failed(&e))?;
            let told = results.iter().map(|(id, result)| {
                let (ok, text) = retried(result);
                (*id, ok, text)
            });
            Ok(tell(told.collect(), json))
        }
        DeadLettersCommand::Discard { ids, reason, actor, json } => {
            let ids = ids.iter().map(|text| id(text)).collect::<Result<Vec<_>, _>>()?;
            let name = who(actor);
            let actor = Actor { name: &name, reason: Some(&reason) };
            let results =
                dead_letters::discard(&store, &ids, actor).await.map_err(|error| match error {
                    DiscardError::NoReason(error) => {
                        Failed::new(Exit::Failure, format!("{error}: write --reason \"...\""))
                    }
                    DiscardError::Store(error) => failed(&error),
                })?;
            let told = results.iter().map(|(id, result)| {
                let (ok, text) = discarded(*result);
                (*id, ok, text)
            });
            Ok(tell(told.collect(), json))
        }
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
    let user = || std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).ok();
    actor.name.or_else(user).unwrap_or_else(|| "unknown".to_owned())
}

fn list(letters: &[Letter], output: &Output) {
    if output.json {
        let letters: Vec<_> = letters.iter().map(|letter| of(letter, false)).collect();
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

fn show(shown: &Shown, payload: bool, as_json: bool) {
    let attempts = shown.attempts.iter().map(|a| {
        json!({
            "number": a.number, "started_at": at(a.started_at), "duration_ms": a.duration_ms,
            "worker": a.worker, "outcome": a.outcome, "class": a.class, "code": a.code,
            "chain": a.chain, "request_id": a.request_id, "trace_id": a.trace_id,
        })
    });
    let transitions = shown.transitions.iter().map(|t| {
        json!({
            "at": at(t.at), "from": t.from, "to": t.to, "kind": t.kind,
            "because_of": t.because_of, "version": t.version,
        })
    });
    let audit = shown.audit.iter().map(|entry| {
        json!({
            "at": at(entry.at), "actor": entry.actor, "verb": entry.verb, "reason": entry.reason,
            "details": entry.details,
        })
    });
    let current = shown.current.as_ref().map(|row| {
        json!({
            "version": row.version, "observed_at": at(row.observed_at), "deleted": row.deleted,
            "updated_at": at(row.updated_at), "data": row.data,
        })
    });
    let document = json!({
        "dead_letter": of(&shown.letter, payload),
        "attempts": attempts.collect::<Vec<_>>(),
        "current": current,
        "transitions": transitions.collect::<Vec<_>>(),
        "audit": audit.collect::<Vec<_>>(),
    });
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

fn of(letter: &Letter, payload: bool) -> Value {
    let mut value = json!({
        "id": letter.id.get(),
        "state": letter.state.as_str(),
        "reason": letter.reason,
        "class": letter.class,
        "code": letter.code,
        "message": letter.message,
        "fingerprint": letter.fingerprint,
        "event": letter.event_key,
        "event_type": letter.event_type,
        "object_kind": letter.object_kind,
        "object_id": letter.object_id,
        "account": letter.account,
        "livemode": letter.livemode,
        "endpoint": letter.endpoint,
        "lane": letter.lane,
        "received_at": at(letter.received_at),
        "first_failed_at": at(letter.first_failed_at),
        "given_up_at": at(letter.created_at),
        "resolved_at": letter.resolved_at.map(at),
        "attempts": letter.attempts,
        "deaths": letter.deaths,
        "retries": letter.retries,
        "body_sha256": letter.body_sha256,
        "body_bytes": letter.body_bytes,
    });
    if payload && let Some(fields) = value.as_object_mut() {
        fields.insert("payload".to_owned(), letter.payload.clone().unwrap_or(Value::Null));
    }
    value
}

fn at(moment: OffsetDateTime) -> String {
    let whole = moment.replace_nanosecond(0).unwrap_or(moment);
    whole.format(&Rfc3339).unwrap_or_default()
}

fn retried(result: &Retried) -> (bool, String) {
    match result {
        Retried::Enqueued => (true, "back in the queue".to_owned()),
        Retried::Overtaken => (true, "back in the queue; it had moved by itself".to_owned()),
        Retried::Unknown => (false, "there is no such dead letter".to_owned()),
        Retried::Closed(state) => (false, format!("it is {} already", state.as_str())),
        Retried::NoPayload => {
            (false, "its body was not JSON and not kept: resend the event in Stripe".to_owned())
        }
        Retried::NotEnqueued(error) => (false, format!("the queue did not take it: {error}")),
        Retried::NotMarked(error) => {
            (false, format!("back in the queue, but not marked so: {error}"))
        }
    }
}

fn discarded(result: Discarded) -> (bool, String) {
    match result {
        Discarded::Done => (true, "discarded".to_owned()),
        Discarded::Unknown => (false, "there is no such dead letter".to_owned()),
        Discarded::Closed(state) => (false, format!("it is {} already", state.as_str())),
    }
}

/// A line for each letter, and how the program ends.
fn tell(results: Vec<(DeadLetterId, bool, String)>, as_json: bool) -> Exit {
    if as_json {
        let all: Vec<_> = results
            .iter()
            .map(|(id, ok, text)| json!({ "id": id.get(), "ok": ok, "result": text }))
            .collect();
        println!("{}", json!({ "results": all }));
    } else {
        results.iter().for_each(|(id, _, text)| println!("{id}: {text}"));
    }
    let done = results.iter().filter(|(_, ok, _)| *ok).count();
    if done == results.len() {
        Exit::Success
    } else if done == 0 {
        Exit::Failure
    } else {
        Exit::Partial
    }
}

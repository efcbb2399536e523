//! `quittance operations`: [`crate::ops::operations`] on the command line.

use std::path::Path;

use clap::Subcommand;
use serde_json::json;

use super::actor::ActorArg;
use super::dead_letters::{finish, watch};
use super::format::at;
use super::table::{self, text, whole};
use crate::backfill::Report;
use crate::config::Role;
use crate::ops::operations::{self, ResultOfOne};
use crate::roles::exit::exit_of_store;
use crate::roles::exit::{Exit, Failed};
use crate::roles::parts;
use crate::store::dead_letter::{Actor, DeadLetterId};
use crate::store::operation::{
    Aftermath, Cancelling, Operation, OperationId, OperationState, OperationVerb, Selection,
    StoredLine,
};
use crate::store::{Store, StoreError};

/// `quittance operations ...`
#[derive(Debug, Subcommand)]
pub(super) enum OperationsCommand {
    /// List bulk operations, newest first.
    #[command(after_help = "Example:\n  quittance operations list --limit 10")]
    List {
        /// Maximum number of results.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
        /// Only operations with a lower id: the next page.
        #[arg(long, value_name = "ID")]
        before: Option<OperationId>,
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Show one operation: its selection, its progress, and the result of each dead letter or line of a file.
    #[command(
        after_help = "Examples:\n  quittance operations show 7 --failed\n  quittance operations show 7 --json --after 1200"
    )]
    Show {
        /// The operation.
        id: OperationId,
        /// Only the dead letters or lines that failed.
        #[arg(long)]
        failed: bool,
        /// Maximum number of dead letters or lines.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
        /// Only dead letters or lines after this one: the next page.
        #[arg(long, value_name = "ID")]
        after: Option<DeadLetterId>,
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Cancel an operation, whichever process runs it, and take back its retries that are still in the queue.
    /// What is done stays done.
    #[command(after_help = "Example:\n  quittance operations cancel 7 --reason 'wrong group'")]
    Cancel(Change),
    /// Continue an operation that was interrupted or cancelled, including retries that a cancel took back.
    #[command(after_help = "Example:\n  quittance operations resume 7")]
    Resume(Change),
}

/// An operation and the actor of a change.
#[derive(Debug, clap::Args)]
pub(super) struct Change {
    /// The operation.
    id: OperationId,
    /// Reason, stored in the audit log.
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    actor: ActorArg,
    /// One JSON document.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(config: Option<&Path>, command: OperationsCommand) -> Result<Exit, Failed> {
    let settings = parts::settings_and_log(config, Role::Ops)?;
    let store = parts::store(&settings, "operations")?;
    match command {
        OperationsCommand::List { limit, before, json } => {
            let all = operations::list(&store, before, limit).await.map_err(|e| failed(&e))?;
            list(&all, json);
            Ok(Exit::Success)
        }
        OperationsCommand::Show { id, failed: only, limit, after, json } => {
            let operation = known(&store, id).await?;
            if operation.verb == OperationVerb::Refund {
                let after = after.and_then(|it| i32::try_from(it.get()).ok());
                let lines = operations::lines(&store, &operation, only, after, limit).await;
                show_refunds(&operation, &lines.map_err(|e| failed(&e))?, limit, json);
                return Ok(Exit::Success);
            }
            if operation.verb == OperationVerb::Backfill {
                let report = super::backfill::of_operation(&store, &operation).await?;
                show_backfill(&operation, &report, json);
                return Ok(Exit::Success);
            }
            let results = operations::results(&store, &operation, only, after, limit).await;
            show(&operation, &results.map_err(|e| failed(&e))?, limit, json);
            Ok(Exit::Success)
        }
        OperationsCommand::Cancel(Change { id, reason, actor, json }) => {
            let name = actor.name();
            let actor = Actor { name: &name, reason: reason.as_deref() };
            let cancelled = operations::cancel(&store, id, actor).await.map_err(|e| failed(&e))?;
            match cancelled {
                Some(Cancelling::ByItsRunner(operation)) if json => {
                    println!("{}", json!({ "operation": operation }));
                    Ok(Exit::Success)
                }
                Some(Cancelling::ByItsRunner(operation)) => {
                    println!("Operation {id} stops before its next page: {}.", so_far(&operation));
                    Ok(Exit::Success)
                }
                Some(Cancelling::ByCaller(running)) => {
                    let operation = watch(&store, None, running).await?;
                    let exit = finish(&operation, json);
                    let is_cancelled = operation.state == OperationState::Cancelled;
                    Ok(if is_cancelled { Exit::Success } else { exit })
                }
                None => Err(not_now(&store, id).await),
            }
        }
        OperationsCommand::Resume(Change { id, reason, actor, json }) => {
            // Only a retry needs the queue.
            let producer = match known(&store, id).await?.verb {
                OperationVerb::Refund => {
                    let name = actor.name();
                    let actor = Actor { name: &name, reason: reason.as_deref() };
                    return match super::bulk_refunds::resume(&settings, id, actor, json).await? {
                        Some(exit) => Ok(exit),
                        None => Err(not_now(&store, id).await),
                    };
                }
                OperationVerb::Backfill => {
                    let name = actor.name();
                    let actor = Actor { name: &name, reason: reason.as_deref() };
                    return match super::backfill::resume(&settings, id, actor, json).await? {
                        Some(exit) => Ok(exit),
                        None => Err(not_now(&store, id).await),
                    };
                }
                OperationVerb::Retry => {
                    settings
                        .require(Role::Requeue)
                        .map_err(|error| Failed::new(Exit::Settings, error.to_string()))?;
                    Some(parts::producer(&settings)?)
                }
                OperationVerb::Discard | OperationVerb::Snooze | OperationVerb::Undo => None,
            };
            let name = actor.name();
            let actor = Actor { name: &name, reason: reason.as_deref() };
            let resumed = operations::resume(&store, id, actor).await.map_err(|e| failed(&e))?;
            let Some(running) = resumed else { return Err(not_now(&store, id).await) };
            let operation = watch(&store, producer.as_ref(), running).await?;
            Ok(finish(&operation, json))
        }
    }
}

fn failed(error: &StoreError) -> Failed {
    let what = "the operations could not be read or changed (database.url)";
    Failed::because(exit_of_store(error), what, error)
}

async fn known(store: &Store, id: OperationId) -> Result<Operation, Failed> {
    operations::show(store, id).await.map_err(|e| failed(&e))?.ok_or_else(|| {
        let text = format!("there is no operation {id}; `quittance operations list` lists them");
        Failed::new(Exit::Failure, text)
    })
}

/// Why an operation can be neither cancelled nor resumed.
async fn not_now(store: &Store, id: OperationId) -> Failed {
    match known(store, id).await {
        Ok(operation) => {
            let state = operation.state.as_str();
            Failed::new(Exit::Failure, format!("operation {id} is {state}"))
        }
        Err(error) => error,
    }
}

fn so_far(operation: &Operation) -> String {
    let Operation { done, failed, total, .. } = operation;
    format!("{done} succeeded, {failed} failed, {total} total")
}

fn list(all: &[Operation], as_json: bool) {
    if as_json {
        println!("{}", json!({ "operations": all }));
    } else if all.is_empty() {
        println!("No operations yet.");
    } else {
        let columns = [
            whole("ID"),
            whole("STARTED"),
            whole("ACTION"),
            whole("STATE"),
            whole("DONE"),
            whole("FAILED"),
            whole("TOTAL"),
            whole("ACTOR"),
            text("REASON"),
        ];
        let rows = all.iter().map(|one| {
            vec![
                one.id.to_string(),
                at(one.created_at),
                one.verb.as_str().to_owned(),
                one.state.as_str().to_owned(),
                one.done.to_string(),
                one.failed.to_string(),
                one.total.to_string(),
                one.actor.clone(),
                one.reason.clone().unwrap_or_default(),
            ]
        });
        table::print(&columns, &rows.collect::<Vec<_>>());
    }
}

fn show(operation: &Operation, results: &[ResultOfOne], limit: u32, as_json: bool) {
    if as_json {
        println!("{}", json!({ "operation": operation, "results": results }));
        return;
    }
    head(operation);
    if results.is_empty() {
        return;
    }
    println!();
    let rows = results.iter().map(|one| {
        let ok = if one.result.ok { "ok" } else { "failed" };
        vec![one.result.id.to_string(), ok.to_owned(), at(one.at), one.result.message.clone()]
    });
    let columns = [whole("DEAD LETTER"), whole("STATUS"), whole("TIME"), text("RESULT")];
    table::print(&columns, &rows.collect::<Vec<_>>());
    if let Some(last) = results.last().filter(|_| u32::try_from(results.len()) == Ok(limit)) {
        eprintln!("There may be more: --after {}", last.result.id);
    }
}

fn head(operation: &Operation) {
    let Operation { id, verb, actor, state, .. } = operation;
    println!("Operation {id}: {} by {actor}, {}.", verb.as_str(), at(operation.created_at));
    if let Some(reason) = &operation.reason {
        println!("Reason: {reason}");
    }
    match &operation.selection {
        Selection::Backfill(selection) => println!("Selection: {selection}"),
        selection @ (Selection::Letters(_) | Selection::Refunds(_)) => {
            println!("Selection: {}", json!(selection));
        }
    }
    println!("State: {}, {}.", state.as_str(), so_far(operation));
    if let Some(Aftermath { retrying, resolved, open, gone }) = operation.dead_letters {
        println!(
            "Of the retried dead letters, {resolved} are resolved, {open} were dead-lettered again, {gone} were \
             discarded or removed, {retrying} are still in the queue."
        );
    }
    if let Some(error) = &operation.error {
        println!("Interrupted: {error}");
    }
}

fn show_backfill(operation: &Operation, report: &Report, as_json: bool) {
    if as_json {
        println!("{}", json!({ "operation": operation, "report": report }));
        return;
    }
    head(operation);
    println!();
    super::backfill::print(report);
}

fn show_refunds(operation: &Operation, lines: &[StoredLine], limit: u32, as_json: bool) {
    if as_json {
        println!("{}", json!({ "operation": operation, "lines": lines }));
        return;
    }
    head(operation);
    if lines.is_empty() {
        return;
    }
    println!();
    let rows = lines.iter().map(|one| {
        let result = one.result.as_deref().unwrap_or("not yet");
        let detail = one.detail.as_deref().or(one.refund.as_deref()).unwrap_or_default();
        vec![
            one.line.to_string(),
            one.payment_intent.clone(),
            one.amount.map_or_else(|| "all".to_owned(), |amount| amount.to_string()),
            one.key.clone(),
            result.to_owned(),
            detail.to_owned(),
        ]
    });
    let columns = [
        whole("LINE"),
        whole("PAYMENT"),
        whole("AMOUNT"),
        whole("KEY"),
        whole("RESULT"),
        text("DETAIL"),
    ];
    table::print(&columns, &rows.collect::<Vec<_>>());
    if let Some(last) = lines.last().filter(|_| u32::try_from(lines.len()) == Ok(limit)) {
        eprintln!("There may be more: --after {}", last.line);
    }
}

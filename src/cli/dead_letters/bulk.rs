//! Bulk operations on dead letters: preview, confirmation, progress.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::print::{self, failed, refused};
use crate::ops::operations::{self, Agreed, BeginError, Preview, Request, RunError};
use crate::queue::Producer;
use crate::roles::exit::{Exit, Failed};
use crate::roles::signals;
use crate::store::Store;
use crate::store::dead_letter::{Act, ActWord, Actor, Filter};
use crate::store::operation::{Operation, OperationState, Running};

/// The request, as it was typed.
pub(super) struct Asked<'a> {
    pub(super) act: Act,
    pub(super) filter: &'a Filter,
    pub(super) over: Option<Duration>,
    pub(super) actor: Actor<'a>,
    pub(super) yes: bool,
    pub(super) json: bool,
}

/// Asks for confirmation, then begins the operation and runs it.
pub(super) async fn begin(
    store: &Store,
    producer: Option<&Producer>,
    asked: &Asked<'_>,
) -> Result<Exit, Failed> {
    let verb = asked.act.word();
    let preview = operations::preview(store, verb, asked.filter).await.map_err(|e| failed(&e))?;
    if preview.count == 0 {
        return Ok(nothing(asked.json));
    }
    let agreed = if asked.yes { None } else { Some(agree(&preview, verb).await?) };
    let request = Request {
        act: asked.act,
        selection: asked.filter,
        over: asked.over,
        agreed,
        actor: asked.actor,
    };
    let running = match operations::begin(store, &request).await {
        Ok(running) => running,
        Err(BeginError::Nothing) => return Ok(nothing(asked.json)),
        Err(BeginError::Refused(error)) => return Err(refused(&error)),
        Err(error @ BeginError::Changed { .. }) => {
            let text = format!("{error}: nothing was changed; run the command again");
            return Err(Failed::new(Exit::Failure, text));
        }
    };
    let operation = watch(store, producer, running).await?;
    Ok(finish(&operation, asked.json))
}

/// No dead letter matches, which is a success.
fn nothing(as_json: bool) -> Exit {
    if as_json {
        println!("{}", json!({ "operation": null }));
    } else {
        println!("Nothing matches.");
    }
    Exit::Success
}

/// Shows the count and the newest dead letters, and has the operator type the count.
async fn agree(preview: &Preview, verb: ActWord) -> Result<Agreed, Failed> {
    let count = preview.count;
    eprintln!("{count} dead letters match; the newest:");
    for line in print::sample(&preview.sample) {
        eprintln!("  {line}");
    }
    type_count(count, verb.as_str()).await?;
    Ok(Agreed { count, upto: preview.upto })
}

/// Has the count typed.
pub(in crate::cli) async fn type_count(count: i64, verb: &str) -> Result<(), Failed> {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        let text = format!(
            "there is no terminal to ask for confirmation: pass --yes to {verb} all {count}"
        );
        return Err(Failed::new(Exit::Failure, text));
    }
    eprint!("Type {count} to {verb} them, anything else to cancel: ");
    let typed = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stderr().flush()?;
        std::io::stdin().read_line(&mut line)?;
        Ok::<_, std::io::Error>(line)
    });
    let typed = typed.await.ok().and_then(Result::ok).unwrap_or_default();
    if typed.trim() == count.to_string() {
        Ok(())
    } else {
        Err(Failed::new(Exit::Failure, "nothing was changed"))
    }
}

/// Runs an operation with a progress bar on a terminal. The first Ctrl-C interrupts it before its next page.
pub(in crate::cli) async fn watch(
    store: &Store,
    producer: Option<&Producer>,
    running: Running,
) -> Result<Operation, Failed> {
    let stop = signals::shutdown()?;
    let id = running.operation.id;
    let bar = bar(&running.operation);
    let progress = |operation: &Operation| {
        let processed = operation.done.saturating_add(operation.failed);
        bar.set_position(processed.unsigned_abs());
        bar.set_message(format!("{} failed", operation.failed));
    };
    let ended = operations::run(store, producer, running, progress, &stop).await;
    bar.finish_and_clear();
    ended.map_err(|error| {
        let what = match error {
            RunError::TakenOver => format!("operation {id} is run by another process now"),
            RunError::Store(_)
            | RunError::Queue(_)
            | RunError::NoQueue
            | RunError::Refunds
            | RunError::Backfill => format!(
                "operation {id} was interrupted; `quittance operations resume {id}` continues it"
            ),
        };
        Failed::because(Exit::Failure, &what, &error)
    })
}

pub(in crate::cli) fn bar(operation: &Operation) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let template = "{prefix} {wide_bar} {human_pos}/{human_len}, {msg}, {eta} to go";
    let bar = ProgressBar::new(operation.total.unsigned_abs());
    bar.set_prefix(format!("operation {} ({})", operation.id, operation.verb.as_str()));
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        // The default one shows as much.
        Err(_) => bar,
    }
}

/// Prints how an operation ended, and returns the exit code.
pub(in crate::cli) fn finish(operation: &Operation, as_json: bool) -> Exit {
    let Operation { id, verb, total, done, failed, .. } = operation;
    if as_json {
        println!("{}", json!({ "operation": operation }));
    } else {
        let how = match operation.state {
            OperationState::Done => "done",
            OperationState::Cancelled => "cancelled",
            OperationState::Running => "running",
            OperationState::Interrupted => "interrupted",
        };
        println!(
            "Operation {id} ({}) is {how}: {done} succeeded, {failed} failed, {total} total.",
            verb.as_str()
        );
        let left = total.saturating_sub(done.saturating_add(*failed));
        match operation.state {
            OperationState::Cancelled | OperationState::Interrupted => {
                println!("{left} are left; `quittance operations resume {id}` continues.");
            }
            OperationState::Done if left > 0 => {
                println!("{left} no longer matched when their turn came.");
            }
            OperationState::Done | OperationState::Running => {}
        }
        if *failed > 0 {
            println!("`quittance operations show {id} --failed` lists them with the reasons.");
        }
    }
    match (operation.state, *done, *failed) {
        (OperationState::Done, _, 0) => Exit::Success,
        (OperationState::Done, 0, _) => Exit::Failure,
        (
            OperationState::Done
            | OperationState::Cancelled
            | OperationState::Running
            | OperationState::Interrupted,
            ..,
        ) => Exit::Partial,
    }
}

//! `quittance refunds create --file`: refunds by a file.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use humantime::parse_duration;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::dead_letters::{bar, finish, type_count};
use super::out::print_json;
use crate::commands::{
    self, BulkError, Commands, LONGEST_SPREAD, LineCheck, Problem, RefundPreview, RefundReason,
};
use crate::config::{Role, Settings};
use crate::domain::command::refund_file::{self, RefundLine};
use crate::roles::exit::{Exit, Failed, exit_of_store};
use crate::roles::{parts, signals};
use crate::store::StoreError;
use crate::store::dead_letter::Actor;
use crate::store::operation::{Operation, OperationId, RefundFile, Running};
use crate::supervise::Supervisor;

/// Largest file that is read.
const MOST_BYTES: u64 = 32 * 1024 * 1024;

/// Lines that are wrong and are printed; --json has all of them.
const FAULTS_SHOWN: usize = 50;

/// Refunds by a file, as they are asked for on the command line.
pub(super) struct BulkRefunds {
    /// A CSV file.
    pub(super) file: PathBuf,
    /// Stripe's reason, shown in its dashboard.
    pub(super) reason: Option<RefundReason>,
    /// The time over which the refunds are spread.
    pub(super) over: Option<Duration>,
    /// Whether it is only said what would be refunded.
    pub(super) dry_run: bool,
    /// Why, for the audit log.
    pub(super) note: Option<String>,
    /// Who, for the audit log.
    pub(super) actor: String,
    /// Whether nothing is asked.
    pub(super) yes: bool,
    /// Whether one JSON document is printed.
    pub(super) json: bool,
}

/// Reads `--over`.
pub(super) fn spread(text: &str) -> Result<Duration, String> {
    let over = parse_duration(text).map_err(|error| error.to_string())?;
    if over > LONGEST_SPREAD {
        Err("refunds can be spread over 24 hours at most".to_owned())
    } else {
        Ok(over)
    }
}

/// Refunds what a file lists, each line once.
pub(super) async fn run(config: Option<&Path>, args: BulkRefunds) -> Result<Exit, Failed> {
    let settings = parts::settings_and_log(config, Role::Act)?;
    // Once: what is confirmed is what is refunded, whatever becomes of the file meanwhile.
    let lines = match read(&args.file).await? {
        Ok(lines) => lines,
        Err(faults) => return wrong(&args, &faults),
    };
    let store = parts::store(&settings, "refunds")?;
    let commands = super::api::commands(&settings, &store)?;
    if args.dry_run {
        return dry_run(&commands, &args, &lines).await;
    }
    let preview = commands::preview_refunds(&store, &lines).await.map_err(|e| failed(&e))?;
    if !args.yes {
        describe(&args.file, &preview);
        type_count(i64::try_from(lines.len()).unwrap_or(i64::MAX), "refund").await?;
    }
    let actor = Actor { name: &args.actor, reason: args.note.as_deref() };
    let file = RefundFile { file: args.file.display().to_string(), reason: args.reason };
    let running = commands::begin_refunds(&store, &file, &lines, args.over, actor).await;
    let running = running.map_err(|e| failed(&e))?;
    drop(lines);
    watch(commands, running, args.json).await
}

/// Goes on with a bulk refund. None: it is done, or another process runs it.
pub(super) async fn resume(
    settings: &Settings,
    id: OperationId,
    actor: Actor<'_>,
    as_json: bool,
) -> Result<Option<Exit>, Failed> {
    settings.require(Role::Act).map_err(|error| Failed::new(Exit::Settings, error.to_string()))?;
    let store = parts::store(settings, "refunds")?;
    let commands = super::api::commands(settings, &store)?;
    let resumed = crate::ops::operations::resume(&store, id, actor).await;
    let Some(running) = resumed.map_err(|e| failed(&e))? else { return Ok(None) };
    watch(commands, running, as_json).await.map(Some)
}

/// The lines of a file, or what is wrong with them.
async fn read(path: &Path) -> Result<Result<Vec<RefundLine>, Vec<refund_file::LineError>>, Failed> {
    let unread = |error: &dyn std::error::Error| {
        Failed::new(Exit::Failure, format!("{} cannot be read: {error}", path.display()))
    };
    let size = tokio::fs::metadata(path).await.map_err(|error| unread(&error))?.len();
    if size > MOST_BYTES {
        let text = format!("{} has more than {MOST_BYTES} bytes: split it", path.display());
        return Err(Failed::new(Exit::Failure, text));
    }
    let bytes = tokio::fs::read(path).await.map_err(|error| unread(&error))?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Failed::new(Exit::Failure, format!("{} is not UTF-8 text", path.display())))?;
    Ok(refund_file::read(&text))
}

/// Names each line that is wrong.
fn wrong(args: &BulkRefunds, faults: &[refund_file::LineError]) -> Result<Exit, Failed> {
    if args.json {
        let lines = faults.iter().map(|it| json!({ "line": it.line, "problem": it.problem }));
        print_json(&json!({ "operation": null, "errors": lines.collect::<Vec<_>>() }))?;
    } else {
        faults.iter().take(FAULTS_SHOWN).for_each(|fault| eprintln!("{fault}"));
        let more = faults.len().saturating_sub(FAULTS_SHOWN);
        if more > 0 {
            eprintln!("… and {more} more, which --json lists");
        }
    }
    let text =
        format!("{}: {} wrong; nothing was started", args.file.display(), lines(faults.len()));
    Err(Failed::new(Exit::Failure, text))
}

fn lines(count: usize) -> String {
    if count == 1 { "1 line is".to_owned() } else { format!("{count} lines are") }
}

/// Prints what the person is to confirm.
fn describe(file: &Path, preview: &RefundPreview) {
    eprintln!("{}: {} refunds.", file.display(), preview.lines);
    for total in &preview.totals {
        if total.lines > 0 {
            match &total.currency {
                Some(currency) => {
                    let amount = commands::written(total.amount, Some(currency));
                    eprintln!("  {amount} in {} refunds", total.lines);
                }
                None => eprintln!(
                    "  {} of payments that are not in the tables: Stripe is asked about each",
                    total.lines
                ),
            }
        }
    }
    let earlier = preview.earlier();
    if earlier > 0 {
        eprintln!("  {earlier} were asked for by an earlier start, and are not refunded again");
    }
}

/// Runs it with a bar on a terminal. The first Ctrl-C interrupts it.
async fn watch(commands: Commands, running: Running, as_json: bool) -> Result<Exit, Failed> {
    let stop = signals::shutdown()?;
    let id = running.operation.id;
    let bar = bar(&running.operation);
    let progress = |operation: &Operation| {
        let had = operation.done.saturating_add(operation.failed);
        bar.set_position(had.unsigned_abs());
        bar.set_message(format!("{} failed", operation.failed));
    };
    // What became of a line after a timeout is found out here too, also where no API runs.
    let finished = CancellationToken::new();
    let finisher = super::api::finisher(commands.clone(), &Supervisor::default(), &finished);
    let ended = commands.run_refunds(running, progress, &stop).await;
    finished.cancel();
    // It ends with the token; a panic in it has been reported by the runtime.
    let _ = finisher.await;
    bar.finish_and_clear();
    let operation = ended.map_err(|error| {
        let what = match error {
            BulkError::TakenOver => format!("operation {id} goes on elsewhere"),
            BulkError::Store(_)
            | BulkError::Misconfigured
            | BulkError::Ended(_)
            | BulkError::NoRefunds => format!(
                "operation {id} was interrupted; `quittance operations resume {id}` goes on with it"
            ),
        };
        Failed::because(Exit::Failure, &what, &error)
    })?;
    Ok(finish(&operation, as_json))
}

/// Prints what would be refunded, and what a rule would refuse.
async fn dry_run(
    commands: &Commands,
    args: &BulkRefunds,
    all: &[RefundLine],
) -> Result<Exit, Failed> {
    let reason = args.reason;
    let preview = commands::preview_refunds(commands.store(), all).await.map_err(|e| failed(&e))?;
    // What the lines before refund of the same payment.
    let mut before: HashMap<&str, i64> = HashMap::new();
    let (mut good, mut earlier, mut refused) = (0_u64, 0_u64, Vec::new());
    for line in all {
        let so_far = before.get(line.payment_intent.as_str()).copied().unwrap_or(0);
        let checked = commands.check_refund(line, reason, so_far).await;
        let (check, amount) = checked.map_err(|error| {
            let what = format!("line {} cannot be checked now", line.line);
            Failed::because(Exit::Failure, &what, &error)
        })?;
        match check {
            LineCheck::Good => {
                good += 1;
                let sum = before.entry(&line.payment_intent).or_default();
                *sum = sum.saturating_add(amount);
            }
            LineCheck::Earlier => earlier += 1,
            LineCheck::Refused(error) => refused.push((line, Problem::from(&error))),
        }
    }
    if args.json {
        let refused = refused.iter().map(|(line, problem)| {
            json!({
                "line": line.line, "payment_intent": line.payment_intent, "code": problem.code,
                "detail": problem.detail,
            })
        });
        print_json(&json!({
            "lines": all.len(), "would_refund": good, "earlier": earlier, "totals": preview.totals,
            "refused": refused.collect::<Vec<_>>(),
        }))?;
    } else {
        describe(&args.file, &preview);
        for (line, problem) in &refused {
            println!(
                "line {}: {}: {} ({})",
                line.line, line.payment_intent, problem.detail, problem.code
            );
        }
        let count = refused.len();
        println!(
            "{good} would be refunded, {earlier} were by an earlier start, {count} would be refused. \
             Nothing was sent."
        );
    }
    Ok(if refused.is_empty() { Exit::Success } else { Exit::Partial })
}

fn failed(error: &StoreError) -> Failed {
    let what = "the refunds could not be read or written (database.url)";
    Failed::because(exit_of_store(error), what, error)
}

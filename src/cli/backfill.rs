//! `quittance backfill`: [`crate::backfill`] on the command line.

use std::collections::BTreeSet;
use std::io::IsTerminal as _;
use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use time::OffsetDateTime;

use super::actor::ActorArg;
use super::format::{at, plain};
use super::out::print_json;
use super::table::{self, text, whole};
use crate::backfill::{
    Backfill, BackfillAccounts, BackfillError, BackfillRequest, CountedKind, Report, report,
};
use crate::config::{Role, Settings};
use crate::domain::failure;
use crate::domain::object::Kind;
use crate::roles::exit::{Exit, Failed, exit_of_store};
use crate::roles::{parts, signals};
use crate::store::Store;
use crate::store::dead_letter::Actor;
use crate::store::operation::{
    BackfillSelection, Operation, OperationId, OperationState, Running, Selection,
};

/// `quittance backfill`
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Runs as an operation: Ctrl-C interrupts it, `quittance operations resume` continues it where it was, and\n`quittance queue pause --lane backfill` holds it. It publishes no notifications, except those of events that\narrive while it runs. Needs REDIS_URL, DATABASE_URL and STRIPE_SECRET_KEY.\n\nExamples:\n  quittance backfill --dry-run\n  quittance backfill\n  quittance backfill --kind customer --kind subscription --since 2025-01-01\n  quittance backfill --account all"
)]
pub(super) struct BackfillArgs {
    /// Only this object type; may be repeated [default: all that Stripe lists].
    #[arg(long = "kind", value_name = "TYPE", value_parser = listed_kind)]
    kinds: Vec<Kind>,
    /// Accounts to read: `own`, `connected`, `all`, or a connected account's id.
    #[arg(long, value_name = "ACCOUNTS", default_value = "own")]
    account: BackfillAccounts,
    /// Only objects created at this time or later: 2025-01-31, or with a time as in RFC 3339. Lists without a filter
    /// by `created` are read whole.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<OffsetDateTime>,
    /// Only objects created before this time.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<OffsetDateTime>,
    /// Publish the notifications of what is found, each with `origin: "backfill"`.
    #[arg(long)]
    notify: bool,
    /// Read the lists and count; write nothing.
    #[arg(long)]
    dry_run: bool,
    /// Reason, stored in the audit log.
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    actor: ActorArg,
    /// One JSON document.
    #[arg(long)]
    json: bool,
}

fn listed_kind(name: &str) -> Result<Kind, String> {
    let kind = Kind::parse(name)
        .ok_or_else(|| "no such object type: `quittance kinds` lists them".to_owned())?;
    let listing = kind.listing();
    if listing.lists.is_empty() {
        return Err(format!("it cannot be listed. {}", listing.omits));
    }
    Ok(kind)
}

/// A date, or a date with a time.
fn moment(text: &str) -> Result<OffsetDateTime, String> {
    let rfc3339 = &time::format_description::well_known::Rfc3339;
    OffsetDateTime::parse(text, rfc3339)
        .or_else(|_| OffsetDateTime::parse(&format!("{text}T00:00:00Z"), rfc3339))
        .map_err(|_| "write 2025-01-31, or 2025-01-31T12:00:00Z".to_owned())
}

pub(super) async fn run(config: Option<&Path>, args: BackfillArgs) -> Result<Exit, Failed> {
    let settings = parts::settings_and_log(config, Role::Reconcile)?;
    let store = parts::store(&settings, "backfill")?;
    let backfill = parts::backfill(&settings, &store)?;
    let mode = backfill.mode().map_err(|error| failed(&error, None))?;
    let kinds: BTreeSet<Kind> = args.kinds.iter().copied().collect();
    let listed = BackfillRequest::listed_kinds();
    let kinds = listed.into_iter().filter(|kind| kinds.is_empty() || kinds.contains(kind));
    let request = BackfillRequest {
        kinds: kinds.collect(),
        accounts: args.account,
        mode,
        since: args.since,
        until: args.until,
        notify: args.notify,
    };
    if args.dry_run {
        return dry_run(&backfill, &request, args.json).await;
    }
    let name = args.actor.name();
    let actor = Actor { name: &name, reason: args.reason.as_deref() };
    let running = backfill.begin(&request, actor).await.map_err(|error| failed(&error, None))?;
    if !args.json {
        eprintln!("Operation {} began.", running.operation.id);
    }
    watch(&store, &backfill, running, args.json).await
}

/// Continues a backfill. `None`: it is done, or another process runs it.
pub(super) async fn resume(
    settings: &Settings,
    id: OperationId,
    actor: Actor<'_>,
    as_json: bool,
) -> Result<Option<Exit>, Failed> {
    let refused =
        |error: crate::config::ConfigError| Failed::new(Exit::Settings, error.to_string());
    settings.require(Role::Reconcile).map_err(refused)?;
    let store = parts::store(settings, "backfill")?;
    let backfill = parts::backfill(settings, &store)?;
    let resumed = backfill.resume(id, actor).await.map_err(|error| failed(&error, Some(id)))?;
    let Some(running) = resumed else { return Ok(None) };
    watch(&store, &backfill, running, as_json).await.map(Some)
}

/// Runs it with a line of progress on a terminal. The first Ctrl-C interrupts it.
async fn watch(
    store: &Store,
    backfill: &Backfill,
    running: Running,
    as_json: bool,
) -> Result<Exit, Failed> {
    let stop = signals::shutdown()?;
    let id = running.operation.id;
    let bar = spinner();
    let before = running.operation.total;
    let progress = |operation: &Operation| {
        let Operation { total, failed, .. } = operation;
        let seconds = bar.elapsed().as_secs().max(1);
        let rate = total.saturating_sub(before).unsigned_abs() / seconds;
        bar.set_message(format!("operation {id}: {total} objects, {failed} failed, {rate}/s"));
    };
    let ended = backfill.run(running, progress, &stop).await;
    bar.finish_and_clear();
    let operation = ended.map_err(|error| failed(&error, Some(id)))?;
    let report = of_operation(store, &operation).await?;
    let exit = finish_backfill(&operation, &report, as_json)?;
    Ok(exit)
}

/// What came of a backfill.
pub(super) async fn of_operation(store: &Store, operation: &Operation) -> Result<Report, Failed> {
    let empty = BackfillSelection::default();
    let selection = match &operation.selection {
        Selection::Backfill(selection) => selection,
        Selection::Letters(_) | Selection::Refunds(_) => &empty,
    };
    let report = report::report(store, operation.id, selection).await;
    report.map_err(|error| failed(&BackfillError::Store(error), None))
}

fn finish_backfill(operation: &Operation, report: &Report, as_json: bool) -> Result<Exit, Failed> {
    if as_json {
        print_json(&json!({ "operation": operation, "report": report }))?;
    } else {
        print(report);
        println!();
        let Operation { id, total, done, failed, .. } = operation;
        let state = operation.state.as_str();
        println!(
            "Operation {id} (backfill) is {state}: {total} objects and lists, {done} succeeded, {failed} failed."
        );
        if operation.state != OperationState::Done {
            println!("`quittance operations resume {id}` continues it.");
        }
    }
    Ok(match (operation.state, operation.failed) {
        (OperationState::Done, 0) => Exit::Success,
        (OperationState::Done, _) => Exit::Partial,
        (OperationState::Running | OperationState::Cancelled | OperationState::Interrupted, _) => {
            Exit::Failure
        }
    })
}

/// Prints what came of a backfill: read, failed, and what cannot be listed.
pub(super) fn print(report: &Report) {
    let rows = report.kinds.iter().map(|one| {
        let read = &one.read;
        let state = match (read.failed, read.waiting) {
            (0, 0) => "read".to_owned(),
            (0, _) => read.reached.map_or_else(
                || "waiting".to_owned(),
                |reached| format!("reading, back to {}", at(reached)),
            ),
            (failed, _) => format!("{failed} lists failed"),
        };
        vec![
            read.kind.clone(),
            read.accounts.to_string(),
            read.seen.to_string(),
            read.added.to_string(),
            read.renewed.to_string(),
            read.unreadable.to_string(),
            state,
        ]
    });
    let columns = [
        whole("OBJECT TYPE"),
        whole("ACCOUNTS"),
        whole("READ"),
        whole("ADDED"),
        whole("CHANGED"),
        whole("FAILED"),
        text("STATE"),
    ];
    table::print(&columns, &rows.collect::<Vec<_>>());
    let errors =
        report.kinds.iter().filter_map(|one| Some((&one.read.kind, one.read.error.as_ref()?)));
    section("Lists that could not be read", errors.map(|(kind, why)| (kind.clone(), plain(why))));
    let faults = report.faults.iter();
    section(
        "Objects that could not be read or written",
        faults.map(|it| (format!("{} {}", it.kind, plain(&it.object_id)), plain(&it.message))),
    );
    let omits = report.kinds.iter().filter(|one| !one.omits.is_empty());
    let omits = omits.map(|one| (one.read.kind.clone(), one.omits.clone()));
    let unlisted = report.unlisted.iter().map(|it| (it.kind.clone(), it.why.clone()));
    section("Not listed by Stripe", omits.chain(unlisted));
}

fn section(title: &str, rows: impl Iterator<Item = (String, String)>) {
    let rows: Vec<_> = rows.map(|(name, why)| vec![name, why]).collect();
    if !rows.is_empty() {
        println!("\n{title}:");
        table::print(&[whole("OBJECT TYPE"), text("WHY")], &rows);
    }
}

async fn dry_run(
    backfill: &Backfill,
    request: &BackfillRequest,
    as_json: bool,
) -> Result<Exit, Failed> {
    let bar = spinner();
    let progress = |counts: &[CountedKind]| {
        let listed: i64 = counts.iter().map(|kind| kind.listed).sum();
        bar.set_message(format!("{listed} objects listed"));
    };
    let counted = backfill.count(request, progress).await;
    bar.finish_and_clear();
    let counted = counted.map_err(|error| failed(&error, None))?;
    let names: Vec<_> = request.kinds.iter().map(|kind| kind.as_str().to_owned()).collect();
    let unlisted = report::unlisted(&names);
    let is_whole = counted.iter().all(|kind| kind.error.is_none());
    if as_json {
        print_json(&json!({ "kinds": counted, "unlisted": unlisted }))?;
    } else {
        let rows = counted.iter().map(|one| {
            let counts = [one.listed, one.missing, one.differ, one.unreadable];
            let mut row = vec![one.kind.to_owned()];
            row.extend(counts.map(|count| count.to_string()));
            row.push(one.error.as_deref().map(plain).unwrap_or_default());
            row
        });
        let columns = [
            whole("OBJECT TYPE"),
            whole("LISTED"),
            whole("NO ROW"),
            whole("DIFFER"),
            whole("UNREADABLE"),
            text("ERROR"),
        ];
        table::print(&columns, &rows.collect::<Vec<_>>());
        println!("\nNothing was written.");
    }
    Ok(if is_whole { Exit::Success } else { Exit::Partial })
}

fn spinner() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner();
    bar.enable_steady_tick(Duration::from_millis(200));
    match ProgressStyle::with_template("{spinner} {msg}, {elapsed}") {
        Ok(style) => bar.with_style(style),
        // The default one shows as much.
        Err(_) => bar,
    }
}

fn failed(error: &BackfillError, id: Option<OperationId>) -> Failed {
    let exit = match error {
        BackfillError::Store(error) => exit_of_store(error),
        BackfillError::NoMode => Exit::Settings,
        BackfillError::Busy(_)
        | BackfillError::Misconfigured(_)
        | BackfillError::Unknown { .. }
        | BackfillError::NoBackfill
        | BackfillError::Ended(_)
        | BackfillError::TakenOver => Exit::Failure,
    };
    match (error, id) {
        (BackfillError::TakenOver, Some(id)) => {
            Failed::new(exit, format!("operation {id} is run by another process now"))
        }
        (BackfillError::Busy(_) | BackfillError::NoMode, _) | (_, None) => {
            Failed::new(exit, failure::chain(error).join(": "))
        }
        (error, Some(id)) => {
            let what = format!(
                "operation {id} was interrupted; `quittance operations resume {id}` continues it"
            );
            Failed::because(exit, &what, error)
        }
    }
}

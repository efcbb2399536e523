//! `quittance verify`: Stripe's list of events held against the ledger.

use std::io::IsTerminal as _;
use std::path::Path;
use std::time::Duration;

use super::actor::system_user;
use super::format;
use super::table::{self, whole};
use crate::cli::out;
use crate::completeness::{Accounts, Verifier, Verify, VerifyError};
use crate::config::Role;
use crate::roles::duties::client;
use crate::roles::exit::{Exit, Failed, exit_of_store};
use crate::roles::parts;
use crate::store::event_certificate::EventCertificate;

/// Missing events that are printed.
const SHOWN: usize = 50;

/// `quittance verify`
#[derive(Debug, clap::Args)]
#[command(
    after_help = "HELD: in the ledger, which is settled, ignored or dead-lettered. WAITING: in the queue. FRESH: younger than\nsweep.grace, so that the delivery may be on its way. MISSING: none of these. Changes nothing; each run leaves a\ncertificate.\n\nExit codes: 0 none is missing · 1 some are missing · 5 none is missing, but an account could not be read ·\nothers as for all commands\n\nExamples:\n  quittance verify\n  quittance verify --since 2h --account own\n  quittance verify --json | jq .missing_events\n  quittance verify --history"
)]
pub(super) struct VerifyArgs {
    /// How far back; Stripe lists the events of 30 days.
    #[arg(long, value_name = "TIME", default_value = "30d", value_parser = since)]
    since: Duration,
    /// Whose events: `all`, `own`, `connected`, or a connected account.
    #[arg(long, value_name = "ACCOUNT", default_value = "all", value_parser = accounts)]
    account: Accounts,
    /// List the certificates of former runs instead.
    #[arg(long, conflicts_with_all = ["since", "account"])]
    history: bool,
    /// One JSON document.
    #[arg(long)]
    json: bool,
}

fn since(text: &str) -> Result<Duration, String> {
    let since =
        humantime::parse_duration(text).map_err(|_| "how long ago: 90s, 2h, 3d".to_owned())?;
    if since.is_zero() || since > Duration::from_hours(30 * 24) {
        return Err("Stripe lists the events of 30 days: up to 30d".to_owned());
    }
    Ok(since)
}

fn accounts(text: &str) -> Result<Accounts, String> {
    Accounts::parse(text).ok_or_else(|| "all, own, connected, or acct_...".to_owned())
}

pub(super) async fn run(config: Option<&Path>, args: VerifyArgs) -> Result<Exit, Failed> {
    if args.history {
        return history(config, args.json).await;
    }
    let settings = parts::settings_and_log(config, Role::Reconcile)?;
    let store = parts::store(&settings, "verify")?;
    let inspector = parts::inspector(&settings)?;
    let verifier = Verifier::new(&settings, client(&settings)?, store, inspector);
    let wanted = Verify { accounts: args.account, since: args.since };
    let shows = std::io::stderr().is_terminal() && !args.json;
    let seen = |read: usize, all: usize| {
        if shows && all > 1 {
            eprint!("\r{read} of {all} accounts read");
        }
    };
    let certificate =
        verifier.run(&wanted, &system_user(), seen).await.map_err(|error| failed(&error))?;
    if shows && certificate.compared > 1 {
        eprint!("\n");
    }
    if args.json {
        println!("{}", out::json(&certificate)?);
    } else {
        print(&certificate);
    }
    Ok(match (certificate.counts.missing, certificate.unread.is_empty()) {
        (0, true) => Exit::Success,
        (0, false) => Exit::Partial,
        (_, _) => Exit::Failure,
    })
}

async fn history(config: Option<&Path>, json: bool) -> Result<Exit, Failed> {
    let settings = parts::settings_and_log(config, Role::Ops)?;
    let store = parts::store(&settings, "verify")?;
    let all = store.event_certificates(100).await.map_err(|error| {
        Failed::because(exit_of_store(&error), "the certificates cannot be read", &error)
    })?;
    if json {
        println!("{}", out::json(&all)?);
        return Ok(Exit::Success);
    }
    if all.is_empty() {
        println!("None yet: run `quittance verify`.");
        return Ok(Exit::Success);
    }
    let rows = all.iter().map(|one| {
        let counts = &one.counts;
        let numbers = [counts.listed, counts.held, counts.waiting, counts.fresh, counts.missing];
        let mut row = vec![one.id.to_string(), format::at(one.at), one.accounts.clone()];
        row.extend([format::at(one.from), format::at(one.until)]);
        row.extend(numbers.map(|number| number.to_string()));
        row.extend([one.unread.len().to_string(), one.actor.clone()]);
        row
    });
    let headings = [
        "ID", "AT", "ACCOUNTS", "FROM", "UNTIL", "LISTED", "HELD", "WAITING", "FRESH", "MISSING",
        "UNREAD", "BY",
    ];
    table::print(&headings.map(whole), &rows.collect::<Vec<_>>());
    Ok(Exit::Success)
}

fn failed(error: &VerifyError) -> Failed {
    let exit = match error {
        VerifyError::Store(source) => exit_of_store(source),
        VerifyError::WhichMode => Exit::Settings,
        VerifyError::Stripe(_) | VerifyError::Queue(_) => Exit::Failure,
    };
    Failed::because(exit, "the comparison has no result", error)
}

fn print(certificate: &EventCertificate) {
    let counts = &certificate.counts;
    let mode = if certificate.livemode { "live" } else { "test" };
    println!(
        "Events of {} in {mode} mode from {} to {}, {} read:",
        certificate.accounts,
        format::at(certificate.from),
        format::at(certificate.until),
        match certificate.compared {
            1 => "1 account".to_owned(),
            many => format!("{many} accounts"),
        }
    );
    let rows = [
        ("listed", counts.listed),
        ("held", counts.held),
        ("waiting", counts.waiting),
        ("fresh", counts.fresh),
        ("missing", counts.missing),
    ];
    for (name, count) in rows {
        println!("  {name:<8} {count}");
    }
    for one in &certificate.unread {
        let account = if one.account.is_empty() { "our own account" } else { &*one.account };
        println!("Could not be read: {account}: {}", format::plain(&one.error));
    }
    if !certificate.missing_events.is_empty() {
        println!();
        let rows = certificate.missing_events.iter().take(SHOWN).map(|one| {
            vec![
                one.id.clone(),
                format::plain(&one.event_type),
                format::at(one.created),
                one.account.clone(),
            ]
        });
        let headings = ["MISSING EVENT", "TYPE", "CREATED", "ACCOUNT"];
        table::print(&headings.map(whole), &rows.collect::<Vec<_>>());
        let more = counts.missing - i64::try_from(SHOWN).unwrap_or_default();
        if more > 0 {
            println!("… and {more} more (see --json)");
        }
        println!("The sweep brings what it finds; `quittance events replay` brings one event.");
    }
    let verdict = if certificate.is_complete() { "Nothing is missing." } else { "Not complete." };
    println!("{verdict} Certificate {}.", certificate.id);
}

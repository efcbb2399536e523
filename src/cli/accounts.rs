//! `quittance accounts`: [`crate::ops::accounts`] on the command line.

use std::path::Path;

use clap::Subcommand;
use time::format_description::well_known::Rfc3339;

use super::retry::with_retries;
use crate::config::Role;
use crate::domain::id::{AccountId, Mode};
use crate::ops::accounts::{self, CheckError, Checked};
use crate::roles::exit::exit_of_store;
use crate::roles::exit::{Exit, Failed};
use crate::roles::parts;
use crate::store::connected_account::Permission;

/// `quittance accounts ...`
#[derive(Debug, Subcommand)]
pub(super) enum AccountsCommand {
    /// Check whether this account can receive a destination charge.
    #[command(
        after_help = "Exit codes: 0 it can · 1 it cannot, or that is unknown (the text says why) · others as for all commands\n\nExamples:\n  quittance accounts check acct_1Pgc --live\n  quittance accounts check acct_1Pgc --test --refresh --json"
    )]
    Check(CheckArgs),
}

/// `quittance accounts check`
#[derive(Debug, clap::Args)]
pub(super) struct CheckArgs {
    /// The connected account, acct_...
    pub account: String,
    /// In live mode (default).
    #[arg(long, conflicts_with = "test")]
    pub live: bool,
    /// In test mode.
    #[arg(long)]
    pub test: bool,
    /// One JSON document.
    #[arg(long)]
    pub json: bool,
    /// Fetch the account from Stripe now instead of using the stored state. Needs all settings that a worker needs.
    #[arg(long)]
    pub refresh: bool,
}

pub(super) async fn run(config: Option<&Path>, command: AccountsCommand) -> Result<Exit, Failed> {
    let AccountsCommand::Check(args) = command;
    let account = AccountId::parse(&args.account)
        .map_err(|error| Failed::new(Exit::Failure, format!("`{}`: {error}", args.account)))?;
    let mode = if args.test { Mode::Test } else { Mode::Live };
    // A fetch from Stripe needs all settings of a worker.
    let role = if args.refresh { Role::Reconcile } else { Role::Ops };
    let settings = parts::settings_and_log(config, role)?;
    let store = parts::store(&settings, "accounts")?;
    let reconciler = if args.refresh { Some(parts::reconciler(&settings, &store)?) } else { None };
    let check = async || accounts::check(&store, reconciler.as_ref(), &account, mode).await;
    let answer = with_retries(check, CheckError::failure).await;
    let answer = answer.map_err(|error| failed(&error))?;
    print_check(&account, mode, &answer, &args);
    // 1 says "no", as any failure does: a script that checks before it sends money continues at 0 alone.
    Ok(if answer.allowed { Exit::Success } else { Exit::Failure })
}

fn failed(error: &CheckError) -> Failed {
    match error {
        CheckError::Refresh(_) => {
            Failed::because(Exit::Failure, "the account could not be checked", error)
        }
        CheckError::Store(error) => {
            Failed::because(exit_of_store(error), "the account could not be checked", error)
        }
    }
}

fn print_check(account: &AccountId, mode: Mode, answer: &Permission, args: &CheckArgs) {
    if args.json {
        let checked = Checked::new(account, mode, answer.clone());
        println!("{}", serde_json::json!(checked));
        return;
    }
    let as_of = answer.as_of.and_then(|at| at.format(&Rfc3339).ok());
    let verdict = if answer.allowed { "can receive payments" } else { "cannot receive payments" };
    let why = answer.why_not.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    let as_of = as_of.map(|at| format!(" (as of {at})")).unwrap_or_default();
    println!("{account} {verdict} in {mode} mode{why}{as_of}");
}

//! `quittance accounts`: the verbs of [`crate::ops::accounts`], typed and printed.

use std::path::Path;

use time::format_description::well_known::Rfc3339;

use super::args::{AccountsCommand, CheckArgs};
use super::retry::with_retries;
use crate::config::Role;
use crate::domain::id::{AccountId, Mode};
use crate::ops::accounts::{self, CheckError, Checked};
use crate::roles::exit::exit_of_store;
use crate::roles::exit::{Exit, Failed};
use crate::roles::parts;
use crate::store::connected_account::Permission;

pub(super) async fn run(config: Option<&Path>, command: AccountsCommand) -> Result<Exit, Failed> {
    let AccountsCommand::Check(args) = command;
    let account = AccountId::parse(&args.account)
        .map_err(|error| Failed::new(Exit::Failure, format!("`{}`: {error}", args.account)))?;
    let mode = if args.test { Mode::Test } else { Mode::Live };
    // A look at Stripe needs all that a worker needs.
    let role = if args.refresh { Role::Reconcile } else { Role::Ops };
    let settings = parts::settings_and_log(config, role)?;
    let store = parts::store(&settings, "accounts")?;
    let reconciler = if args.refresh { Some(parts::reconciler(&settings, &store)?) } else { None };
    let check = async || accounts::check(&store, reconciler.as_ref(), &account, mode).await;
    let answer = with_retries(check, CheckError::failure).await;
    let answer = answer.map_err(|error| failed(&error))?;
    tell(&account, mode, &answer, &args);
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

fn tell(account: &AccountId, mode: Mode, answer: &Permission, args: &CheckArgs) {
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

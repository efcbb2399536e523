//! `quittance audit`: [`crate::ops::audit`], printed.

use std::path::Path;

use clap::Subcommand;
use time::OffsetDateTime;

use super::format;
use super::table::{self, text, whole};
use crate::cli::out;
use crate::config::Role;
use crate::ops::audit::{self, AuditPage};
use crate::roles::exit::exit_of_store;
use crate::roles::exit::{Exit, Failed};
use crate::roles::parts;
use crate::store::audit::AuditFilter;

/// `quittance audit ...`
#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// List manual actions, newest first.
    #[command(
        after_help = "Examples:\n  quittance audit list --since 2h\n  quittance audit list --actor jane --verb dead_letter --json\n  quittance audit list --target lane:live"
    )]
    List {
        /// Only actions of this actor.
        #[arg(long, value_name = "NAME")]
        actor: Option<String>,
        /// Only this action: `queue.pause`; `queue` stands for all that begin with `queue.`.
        #[arg(long)]
        verb: Option<String>,
        /// Only actions on this target: `dead_letter:5`, `lane:live`.
        #[arg(long)]
        target: Option<String>,
        /// Only actions since this time: 2026-01-31T12:00:00Z, or how long ago: 2h, 3d.
        #[arg(long, value_name = "WHEN", value_parser = format::moment)]
        since: Option<OffsetDateTime>,
        /// Maximum number of results.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
        /// Only entries with a lower id: the next page.
        #[arg(long, value_name = "ID", value_parser = clap::value_parser!(i64).range(1..))]
        before: Option<i64>,
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
}

pub(super) async fn run(config: Option<&Path>, command: AuditCommand) -> Result<Exit, Failed> {
    let settings = parts::settings_and_log(config, Role::Ops)?;
    let store = parts::store(&settings, "audit")?;
    let AuditCommand::List { actor, verb, target, since, limit, before, json } = command;
    let filter = AuditFilter { actor, verb, target, since };
    let page = audit::list(&store, &filter, before, limit).await.map_err(|error| {
        let what = "the audit log could not be read (database.url)";
        Failed::because(exit_of_store(&error), what, &error)
    })?;
    if json {
        println!("{}", out::json(&page)?);
    } else {
        list(&page, filter != AuditFilter::default() || before.is_some());
    }
    Ok(Exit::Success)
}

fn list(page: &AuditPage, filtered: bool) {
    if page.entries.is_empty() {
        let text = if filtered { "Nothing matches." } else { "No manual actions yet." };
        println!("{text}");
        return;
    }
    let rows = page.entries.iter().map(|entry| {
        vec![
            entry.id.to_string(),
            format::at(entry.at),
            entry.actor.clone(),
            entry.verb.clone(),
            entry.target.clone(),
            entry.count.to_string(),
            entry.reason.clone().unwrap_or_default(),
        ]
    });
    let columns = [
        whole("ID"),
        whole("TIME"),
        whole("ACTOR"),
        whole("ACTION"),
        whole("TARGET"),
        whole("COUNT"),
        text("REASON"),
    ];
    table::print(&columns, &rows.collect::<Vec<_>>());
    if let Some(next) = page.next {
        println!("There are more: --before {next}");
    }
}

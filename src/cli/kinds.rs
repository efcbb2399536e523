//! `quittance kinds`

use super::table::{self, prose, whole};
use crate::ops::kinds::{self, Report};
use crate::roles::exit::Exit;

/// `quittance kinds`
#[derive(Debug, clap::Args)]
#[command(
    after_help = "SUPPORT: `typed` has a state machine, a table in schema app, transitions and notifications;\n`mirrored` has its latest JSON in quittance.objects. IF NOT FOUND: what becomes of an event whose\nobject Stripe does not find.\n\nExample:\n  quittance kinds --json"
)]
pub(super) struct KindsArgs {
    /// One JSON document.
    #[arg(long, conflicts_with = "markdown")]
    pub json: bool,
    /// The table of docs/coverage.md.
    #[arg(long)]
    pub markdown: bool,
}

pub(super) fn run(args: &KindsArgs) -> Exit {
    let report = kinds::report();
    if args.markdown {
        print!("{}", report.markdown());
    } else if args.json {
        println!("{:#}", report.document());
    } else {
        for_people(&report);
    }
    Exit::Success
}

fn for_people(report: &Report) {
    let rows: Vec<_> = report
        .kinds
        .iter()
        .map(|it| {
            vec![
                it.kind.as_str().to_owned(),
                it.depth().to_owned(),
                it.prefix().to_owned(),
                it.missing().to_owned(),
                it.event_types.join(" "),
            ]
        })
        .collect();
    let columns = [
        whole("OBJECT TYPE"),
        whole("SUPPORT"),
        whole("ID PREFIX"),
        whole("IF NOT FOUND"),
        prose("EVENT TYPES"),
    ];
    table::print(&columns, &rows);
    println!("\nIgnored (stored in the event log only, because there is nothing to fetch):");
    let rows: Vec<_> =
        report.kept.iter().map(|(kind, why)| vec![(*kind).to_owned(), (*why).to_owned()]).collect();
    table::print(&[whole("EVENT TYPE"), prose("REASON")], &rows);
    println!("\nHandled: {}.", report.coverage());
}

//! `quittance kinds`

use super::args::KindsArgs;
use super::exit::Exit;
use super::table;
use crate::ops::kinds::{self, Report};

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
    table::print(&["OBJECT", "DEPTH", "IDS", "IF STRIPE HAS NONE", "EVENT TYPES"], &rows);
    println!("\nNothing to fetch; kept in the ledger as ignored:");
    let rows: Vec<_> =
        report.kept.iter().map(|(kind, why)| vec![(*kind).to_owned(), (*why).to_owned()]).collect();
    table::print(&["EVENT TYPE", "WHY"], &rows);
    println!("\nHandled: {}.", report.coverage());
}

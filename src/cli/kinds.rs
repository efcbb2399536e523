//! `quittance kinds`

use serde_json::json;

use super::args::KindsArgs;
use super::exit::Exit;
use super::table;
use crate::ops::kinds::{self, Report};

pub(super) fn run(args: &KindsArgs) -> Exit {
    let report = kinds::report();
    if args.markdown {
        print!("{}", report.markdown());
    } else if args.json {
        println!("{:#}", document(&report));
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

fn document(report: &Report) -> serde_json::Value {
    let kinds: Vec<_> = report
        .kinds
        .iter()
        .map(|it| {
            json!({
                "object": it.kind.as_str(),
                "depth": it.depth(),
                "id_prefix": it.prefix(),
                "missing": it.missing(),
                "paths": it.kind.mirror().map(|mirror| mirror.paths().collect::<Vec<_>>()),
                "event_types": it.event_types,
            })
        })
        .collect();
    let kept: Vec<_> = report
        .kept
        .iter()
        .map(|(event_type, why)| json!({"event_type": event_type, "why": why}))
        .collect();
    json!({
        "kinds": kinds,
        "kept": kept,
        "coverage": {
            "handled": report.handled(),
            "all": report.total,
            "per_mille": report.per_mille(),
        },
    })
}

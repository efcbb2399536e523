//! Documentation of the kinds that are handled.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use quittance::domain::event_types;
use quittance::ops::kinds::report;
use serde_json::{Value, json};

const BEGIN: &str = "<!-- kinds:begin -->\n";
const END: &str = "<!-- kinds:end -->";

fn quittance(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quittance"));
    command.env_clear().args(arguments).envs(environment.iter().copied());
    command.output().unwrap()
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn the_published_table_is_what_is_handled() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/coverage.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).expect("docs/coverage.md marks its table");
    let (table, after) = rest.split_once(END).expect("docs/coverage.md marks the end of its table");
    let now = text(&quittance(&["kinds", "--markdown"], &[]));
    if std::env::var_os("QUITTANCE_UPDATE_DOCS").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{now}{END}{after}")).unwrap();
        return;
    }
    assert!(
        table == now,
        "docs/coverage.md does not say what is handled; run \
         `QUITTANCE_UPDATE_DOCS=1 cargo test --features dev --test it kinds` and review the difference"
    );
}

#[test]
fn programs_read_the_same_as_people() {
    let document: Value =
        serde_json::from_str(&text(&quittance(&["kinds", "--json"], &[]))).unwrap();
    let report = report();
    assert_eq!(document["coverage"]["handled"], json!(report.handled()));
    assert_eq!(document["kinds"].as_array().unwrap().len(), report.kinds.len());
    assert!(text(&quittance(&["kinds"], &[])).contains(&report.coverage()));
}

/// The sources of async-stripe's list, wherever cargo keeps them.
fn list_of_async_stripe() -> PathBuf {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--offline", "--locked"])
        // What other platforms need is not there.
        .args(["--filter-platform", "host-tuple", "--manifest-path"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"))
        .output()
        .unwrap();
    assert!(metadata.status.success(), "{}", String::from_utf8_lossy(&metadata.stderr));
    let metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let package = packages.iter().find(|it| it["name"] == "async-stripe-shared").unwrap();
    let manifest = PathBuf::from(package["manifest_path"].as_str().unwrap());
    manifest.with_file_name("src").join("event.rs")
}

#[test]
fn the_catalogue_has_every_event_type_that_async_stripe_knows() {
    let source = std::fs::read_to_string(list_of_async_stripe()).unwrap();
    let (_, list) = source.split_once("fn as_str").unwrap();
    let (list, _) = list.split_once("Unknown(v) => v").unwrap();
    let theirs: BTreeSet<&str> = list.split('"').skip(1).step_by(2).collect();
    assert!(theirs.len() > 200 && theirs.contains("coupon.created"), "{theirs:?}");
    let ours: BTreeSet<&str> = event_types::all().map(|(event_type, _, _)| event_type).collect();
    assert_eq!(theirs.difference(&ours).collect::<Vec<_>>(), [&""; 0], "not in the catalogue");
    assert_eq!(ours.difference(&theirs).collect::<Vec<_>>(), [&""; 0], "not Stripe's");
}

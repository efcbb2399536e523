//! Which module of `src/` may import which. Cargo holds the boundaries between the crates; this holds
//! those inside the program, which no compiler knows.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What each module may import of the others, and of the crates of the workspace. A new module is refused
/// until it has a row here. `cli` and `dev` call all of them, so they may import anything; only `dev` names
/// the simulator, and `roles` knows neither.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("http", &["config", "supervise"]),
    ("telemetry", &["config", "http_client"]),
    ("circuit_breaker", &[]),
    ("joint_request", &[]),
    ("single_flight", &["panics"]),
    ("envelope", &["domain"]),
    ("ingress", &["domain", "envelope", "queue", "http", "config", "telemetry"]),
    (
        "reconcile",
        &[
            "domain",
            "envelope",
            "redaction",
            "stripe_api",
            "store",
            "config",
            "joint_request",
            "single_flight",
        ],
    ),
    (
        "worker",
        &[
            "domain",
            "envelope",
            "queue",
            "reconcile",
            "store",
            "config",
            "http",
            "circuit_breaker",
            "panics",
            "supervise",
            "telemetry",
        ],
    ),
    ("backfill", &["domain", "config", "queue", "reconcile", "store", "stripe_api"]),
    ("duties", &["panics", "store", "supervise"]),
    ("completeness", &["config", "domain", "duties", "queue", "store", "stripe_api"]),
    ("commands", &["domain", "reconcile", "store", "stripe_api", "config"]),
    ("card_data", &["domain"]),
    ("api", &["card_data", "commands", "domain", "http", "config"]),
    ("outbox", &["domain", "store", "config", "http_client", "supervise"]),
    ("ops", &["domain", "envelope", "store", "queue", "reconcile", "config"]),
    ("admin", &["backfill", "card_data", "commands", "ops", "http", "config"]),
    (
        "roles",
        &[
            "backfill",
            "completeness",
            "domain",
            "duties",
            "config",
            "queue",
            "redaction",
            "stripe_api",
            "store",
            "http",
            "ingress",
            "ops",
            "outbox",
            "reconcile",
            "supervise",
            "telemetry",
            "worker",
        ],
    ),
    ("cli", ANYTHING),
    ("dev", ANYTHING),
    ("main", &["cli"]),
    ("lib", CRATES),
];

const ANYTHING: &[&str] = &["*"];

/// The crates of the workspace, as `lib.rs` names them.
const CRATES: &[&str] =
    &["domain", "config", "http_client", "queue", "redaction", "stripe_api", "store", "tasks"];

/// The module that a file belongs to: `src/ingress/verify.rs` to `ingress`.
fn module_of(path: &str) -> &str {
    let inner = path.strip_prefix("src/").unwrap_or(path);
    inner.split(['/', '.']).next().unwrap_or_default()
}

/// The top-level modules and crates that a text names, comments left out. Every path to another module
/// begins with `crate::`, `quittance::` or the name of a crate: what else there is, this refuses.
fn named(text: &str) -> BTreeSet<String> {
    let code: String = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n");
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let mut found = BTreeSet::new();
    for prefix in ["crate::", "quittance::", "quittance_", "stripe_simulator"] {
        for (at, _) in code.match_indices(prefix) {
            if code[..at].chars().next_back().is_some_and(word) {
                continue;
            }
            let name: String = code[at + prefix.len()..].chars().take_while(|c| word(*c)).collect();
            let name = match (prefix, name.as_str()) {
                ("stripe_simulator", _) => prefix.to_owned(),
                ("quittance_", "stripe") => "stripe_api".to_owned(),
                // The names of metrics begin like those of the crates.
                ("quittance_", other) if !CRATES.contains(&other) => continue,
                _ => name,
            };
            found.insert(name);
        }
    }
    found
}

/// Every breach in one file, in words.
fn breaches(path: &str, text: &str) -> Vec<String> {
    let module = module_of(path);
    let Some((_, allowed)) = MAY_IMPORT.iter().find(|(name, _)| *name == module) else {
        return vec![format!("{path}: the module `{module}` has no row in MAY_IMPORT")];
    };
    let mut found = Vec::new();
    for target in named(text) {
        if target.is_empty() {
            found
                .push(format!("{path}: name each module that is imported from the root by itself"));
        } else if target == "stripe_simulator" {
            if module != "dev" {
                found.push(format!("{path}: `{module}` must not name `stripe_simulator`"));
            }
        } else if target != module && *allowed != ANYTHING && !allowed.contains(&target.as_str()) {
            found.push(format!("{path}: `{module}` must not import `{target}`"));
        }
    }
    // `super` may lead to a module's own root and no further.
    let depth = path.matches('/').count() - usize::from(path.ends_with("/mod.rs"));
    let chain = "super::".repeat(depth);
    if text.lines().any(|line| line.starts_with("use ") && line.contains(&chain)) {
        found.push(format!("{path}: `super` leads out of the module; write `crate::`"));
    }
    found
}

fn rust_files(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, out);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            out.push(path);
        }
    }
}

#[test]
fn modules_import_only_what_they_may() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    rust_files(&root.join("src"), &mut files);
    assert!(files.len() > 10, "the sources were not found");
    let mut found = Vec::new();
    for file in files {
        let path = file.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
        found.extend(breaches(&path, &std::fs::read_to_string(&file).unwrap()));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn each_sort_of_breach_is_caught() {
    for (path, text, expected) in [
        ("src/ingress/mod.rs", "use crate::store::X;", "`ingress` must not import `store`"),
        ("src/ingress/mod.rs", "use quittance_store::X;", "`ingress` must not import `store`"),
        ("src/ingress/mod.rs", "use quittance_stripe::X;", "must not import `stripe_api`"),
        ("src/reconcile/mod.rs", "fn f(x: crate::queue::X) {}", "must not import `queue`"),
        ("src/worker/mod.rs", "use crate::dev::X;", "`worker` must not import `dev`"),
        ("src/worker/mod.rs", "use crate::cli::X;", "`worker` must not import `cli`"),
        ("src/worker/mod.rs", "use crate::{cli, store};", "by itself"),
        ("src/ops/mod.rs", "use stripe_simulator::X;", "must not name `stripe_simulator`"),
        ("src/ingress/verify.rs", "use super::super::store::X;", "leads out of the module"),
        ("src/ingress/mod.rs", "use super::store::X;", "leads out of the module"),
        ("src/roles/mod.rs", "use crate::cli::X;", "`roles` must not import `cli`"),
        ("src/brandnew/mod.rs", "", "`brandnew` has no row"),
    ] {
        let found = breaches(path, text);
        assert!(found.iter().any(|f| f.contains(expected)), "{path}: {text}: {found:?}");
    }
    for (path, text) in [
        ("src/reconcile/round.rs", "use crate::store::Known; // not crate::queue\nuse super::own;"),
        ("src/ingress/verify.rs", "use super::answer::Answer;"),
        ("src/dev/run.rs", "use stripe_simulator::Simulator; use crate::worker::X;"),
    ] {
        assert_eq!(breaches(path, text), Vec::<String>::new(), "{path}: {text}");
    }
}

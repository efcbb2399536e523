//! A single crate has no wall between its modules. This test is the wall: it reads `src/` and
//! fails on an import that points the wrong way.

mod source;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use source::Source;

/// Who may import whom. A new top-level module is refused until it has a row here.
const LAYERS: &[(&str, Imports)] = &[
    ("domain", Imports::Only(&[])),
    ("config", Imports::Only(&[])),
    ("http", Imports::Only(&["config"])),
    ("telemetry", Imports::Only(&["config"])),
    ("envelope", Imports::Only(&["domain"])),
    ("stripe_api", Imports::Only(&["domain", "config"])),
    ("store", Imports::Only(&["domain", "config"])),
    ("queue", Imports::Only(&["domain", "config"])),
    ("ingress", Imports::Only(&["domain", "envelope", "queue", "http", "config", "telemetry"])),
    ("reconcile", Imports::Only(&["domain", "envelope", "stripe_api", "store", "config"])),
    (
        "worker",
        Imports::Only(&[
            "domain",
            "envelope",
            "queue",
            "reconcile",
            "store",
            "config",
            "http",
            "telemetry",
        ]),
    ),
    ("outbox", Imports::Only(&["domain", "store", "config"])),
    ("ops", Imports::Only(&["domain", "envelope", "store", "queue", "reconcile", "config"])),
    ("admin", Imports::Only(&["ops", "http", "config"])),
    ("cli", Imports::Anything),
    ("dev", Imports::Anything),
    ("main", Imports::Only(&["cli"])),
    ("lib", Imports::Only(&[])),
];

enum Imports {
    Only(&'static [&'static str]),
    Anything,
}

/// Crates that one place alone may name.
const CRATES: &[(&str, &str)] = &[
    ("sqlx", "src/store/"),
    ("redis", "src/queue/"),
    ("apalis", "src/queue/"),
    ("apalis_core", "src/queue/"),
    ("stripe_checkout", "src/stripe_api/"),
    ("stripe_billing", "src/stripe_api/"),
    ("stripe_client_core", "src/stripe_api/"),
    ("stripe_connect", "src/stripe_api/"),
    ("stripe_core", "src/stripe_api/"),
    ("stripe_payment", "src/stripe_api/"),
    ("stripe_product", "src/stripe_api/"),
    ("stripe_shared", "src/stripe_api/"),
    ("stripe_types", "src/stripe_api/"),
    ("stripe_simulator", "src/dev/"),
    ("backoff", "src/domain/retry.rs"),
];

/// What would make a rule depend on when, where or how often it runs.
const IMPURE: &[&str] = &[
    "async",
    "await",
    "Instant",
    "SystemTime",
    "OffsetDateTime",
    "serde",
    "serde_json",
    "rand",
    "tokio",
    "futures_util",
    "hyper",
    "axum",
    "tracing",
    "uuid",
];

/// Every breach in one file, in words.
fn breaches(path: &str, text: &str) -> Vec<String> {
    let source = Source::read(path, text);
    let module = source.module();
    let mut found = Vec::new();
    let Some((_, imports)) = LAYERS.iter().find(|(name, _)| *name == module) else {
        return vec![format!("{path}: the module `{module}` has no row in LAYERS")];
    };
    for target in source.edges() {
        let allowed = target == module
            || match imports {
                Imports::Anything => true,
                Imports::Only(list) => list.contains(&target.as_str()),
            };
        if !allowed {
            found.push(format!("{path}: `{module}` must not import `{target}`"));
        }
    }
    for (name, home) in CRATES {
        if !path.starts_with(home) && source.names_crate(name) {
            found.push(format!("{path}: only {home} may name the crate `{name}`"));
        }
    }
    if module == "domain" {
        for word in IMPURE.iter().filter(|word| source.has_word(word)) {
            found.push(format!("{path}: `domain` is pure and must not name `{word}`"));
        }
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
fn imports_point_only_where_the_layers_allow() {
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

fn edges(path: &str, text: &str) -> Vec<String> {
    let edges: BTreeSet<_> = Source::read(path, text).edges().into_iter().collect();
    edges.into_iter().collect()
}

#[test]
fn every_way_to_write_an_import_is_seen() {
    for (text, expected) in [
        ("use crate::store;", &["store"][..]),
        ("use crate::store::Store as S;", &["store"]),
        ("use crate::{queue::{Job, Lane}, store, domain as d};", &["domain", "queue", "store"]),
        ("use crate::{self, ops};", &["ops"]),
        ("use ::quittance::worker;", &["worker"]),
        ("fn f(x: &crate::ops::X) -> quittance::cli::Y {}", &["cli", "ops"]),
        ("use super::super::store::Store;", &["store"]),
        ("use super::super::{store, queue::Job};", &["queue", "store"]),
        ("use super::{super::store, own};", &["store"]),
        ("mod tests { use super::super::super::store; }", &["store"]),
        ("mod tests { use super::super::own; }", &[]),
        ("use super::own; use self::own; pub(crate) fn f() {} pub(super) fn g() {}", &[]),
        ("pub(in crate::worker) fn f() {}", &["worker"]),
        ("// use crate::store;\n/* crate::a /* crate::b */ crate::c */ fn f() {}", &[]),
        ("/// [`crate::store`]\nfn f() {}", &[]),
        ("fn f() { let s = \"crate::store \\\" crate::ops\"; }", &[]),
        (
            "fn f() { let s = r#\"crate::store \" crate::ops\"#; let c = '\"'; } use crate::queue;",
            &["queue"],
        ),
        ("fn f<'a>(x: &'a str) -> crate::queue::X<'a> {}", &["queue"]),
        ("macro_rules! m { () => { $crate::store::x() } }", &["store"]),
        ("use crate as ours;", &["(all of the crate, under another name)"]),
        ("use crate::*;", &["(all of the crate)"]),
    ] {
        assert_eq!(edges("src/ingress/verify.rs", text), expected, "{text}");
    }
    // From a `mod.rs`, one `super` is enough to leave.
    assert_eq!(edges("src/ingress/mod.rs", "use super::store::X;"), ["store"]);
    assert_eq!(edges("src/telemetry.rs", "use super::store::X;"), ["store"]);
}

#[test]
fn each_sort_of_breach_is_caught() {
    for (path, text, expected) in [
        ("src/domain/id.rs", "use crate::config::X;", "`domain` must not import `config`"),
        ("src/ingress/mod.rs", "use crate::store::X;", "`ingress` must not import `store`"),
        ("src/ingress/mod.rs", "use crate::stripe_api::X;", "must not import `stripe_api`"),
        ("src/store/mod.rs", "use crate::queue::X;", "`store` must not import `queue`"),
        ("src/reconcile/mod.rs", "use crate::queue::X;", "`reconcile` must not import `queue`"),
        ("src/worker/mod.rs", "use crate::dev::X;", "`worker` must not import `dev`"),
        ("src/ops/mod.rs", "use stripe_simulator::X;", "may name the crate `stripe_simulator`"),
        ("src/worker/mod.rs", "use crate::cli::X;", "`worker` must not import `cli`"),
        ("src/brandnew/mod.rs", "", "`brandnew` has no row"),
        ("src/brandnew.rs", "", "`brandnew` has no row"),
        ("src/worker/mod.rs", "use sqlx::PgPool;", "may name the crate `sqlx`"),
        ("src/worker/mod.rs", "fn f() { ::sqlx::query(q); }", "may name the crate `sqlx`"),
        ("src/worker/mod.rs", "use sqlx as db;", "may name the crate `sqlx`"),
        ("src/worker/mod.rs", "#[derive(sqlx::FromRow)] struct X;", "may name the crate `sqlx`"),
        ("src/store/mod.rs", "use {bytes::Bytes, redis::cmd};", "may name the crate `redis`"),
        ("src/worker/mod.rs", "use apalis_core::task;", "may name the crate `apalis_core`"),
        ("src/worker/mod.rs", "extern crate apalis;", "may name the crate `apalis`"),
        ("src/reconcile/mod.rs", "use stripe_shared::X;", "may name the crate `stripe_shared`"),
        ("src/domain/plan.rs", "use backoff::X;", "may name the crate `backoff`"),
        ("src/domain/plan.rs", "async fn f() {}", "must not name `async`"),
        ("src/domain/plan.rs", "fn f() { Instant::now(); }", "must not name `Instant`"),
        ("src/domain/plan.rs", "use std::time::SystemTime;", "must not name `SystemTime`"),
        ("src/domain/plan.rs", "#[derive(serde::Deserialize)] struct X;", "not name `serde`"),
        ("src/domain/plan.rs", "fn f() { rand::random() }", "must not name `rand`"),
    ] {
        let found = breaches(path, text);
        assert!(found.iter().any(|f| f.contains(expected)), "{path}: {text}: {found:?}");
    }
}

#[test]
fn what_is_allowed_passes() {
    for (path, text) in [
        ("src/domain/retry.rs", "use backoff::X; use super::failure::Class;"),
        ("src/domain/id.rs", "use std::time::Duration; use thiserror::Error;"),
        ("src/store/mod.rs", "use sqlx::PgPool; use crate::domain::id; use crate::config;"),
        ("src/queue/mod.rs", "use redis::cmd; use apalis::prelude::*;"),
        ("src/stripe_api/mod.rs", "use stripe_core::x; use stripe_shared::y;"),
        // A field, a module of ours and a variable may be called what a crate is called.
        ("src/worker/run.rs", "fn f(c: C) { c.redis.url; let redis = 1; super::redis::x(); }"),
        ("src/cli/mod.rs", "use crate::{dev, worker, ingress};"),
        ("src/main.rs", "fn main() { quittance::cli::main() }"),
        ("src/lib.rs", "pub mod domain; pub mod config;"),
    ] {
        assert_eq!(breaches(path, text), Vec::<String>::new(), "{path}: {text}");
    }
}

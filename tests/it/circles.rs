//! No circles of imports between the files of a crate: each can be read after those that it imports.
//!
//! Reads the `use` lines at the beginning of a line, so neither those of tests nor those inside of
//! functions. What a file names by a path alone is not seen.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The sources without circles. The others are not there yet.
const WITHOUT: &[&str] = &[
    "crates/quittance-config/src",
    "crates/quittance-domain/src",
    "crates/quittance-http-client/src",
    "crates/quittance-queue/src",
    "crates/quittance-redaction/src",
    "crates/quittance-store/src",
    "crates/quittance-stripe/src",
    "crates/quittance-tasks/src",
    "crates/stripe-simulator/src",
    "src",
];

/// Modules of `src` that still have circles within themselves.
const NOT_YET: &[&str] = &["api", "http", "ingress", "telemetry"];

/// A file by the path of its module: `src/ingress/mod.rs` is `["ingress"]`.
type Module = Vec<String>;

fn modules(root: &Path, under: &[String], out: &mut BTreeMap<Module, String>) {
    for entry in std::fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let mut module = under.to_vec();
        if path.is_dir() {
            module.push(name);
            modules(&path, &module, out);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            if !matches!(name.as_str(), "mod" | "lib" | "main") {
                module.push(name);
            }
            out.insert(module, std::fs::read_to_string(&path).unwrap());
        }
    }
}

/// The paths of a `use`: `a::{b, c::{d, e}}` is `a::b`, `a::c::d`, `a::c::e`.
fn paths(tree: &str) -> Vec<String> {
    let Some((start, rest)) = tree.split_once('{') else { return vec![tree.to_owned()] };
    let inner = rest.strip_suffix('}').unwrap_or(rest);
    let (mut depth, mut from, mut found) = (0, 0, Vec::new());
    for (at, c) in inner.char_indices().chain([(inner.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                let part = &inner[from..at];
                found.extend(paths(part).iter().map(|path| format!("{start}{path}")));
                from = at + 1;
            }
            _ => {}
        }
    }
    found
}

/// The files that a file imports.
fn imports(module: &Module, text: &str, all: &BTreeMap<Module, String>) -> BTreeSet<Module> {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let mut found = BTreeSet::new();
    for line in code.split(';').filter_map(|statement| {
        let at = statement.rfind("\nuse ").or_else(|| statement.rfind("\npub use "))?;
        statement[at..].split_once("use ").map(|(_, tree)| tree)
    }) {
        let tree: String =
            line.split(" as ").next().unwrap_or_default().split_whitespace().collect();
        for path in paths(&tree) {
            let mut segments: Vec<&str> = path.split("::").collect();
            let mut target = match segments[0] {
                "crate" => Module::new(),
                "self" | "super" => module.clone(),
                // A child, or another crate.
                child => {
                    let mut of = module.clone();
                    of.push(child.to_owned());
                    if !all.contains_key(&of) {
                        continue;
                    }
                    module.clone()
                }
            };
            while matches!(segments.first(), Some(&("crate" | "self" | "super"))) {
                if segments.remove(0) == "super" {
                    target.pop();
                }
            }
            target.extend(segments.into_iter().map(str::to_owned));
            while !target.is_empty() && !all.contains_key(&target) {
                target.pop();
            }
            // The root gathers and re-exports; it is no file that is read for a name.
            if !target.is_empty() && target != *module {
                found.insert(target);
            }
        }
    }
    found
}

/// All that a file leads to.
fn reachable<'a>(
    from: &'a Module,
    imports: &'a BTreeMap<Module, BTreeSet<Module>>,
) -> BTreeSet<&'a Module> {
    let mut seen = BTreeSet::new();
    let mut next: Vec<&Module> = imports[from].iter().collect();
    while let Some(module) = next.pop() {
        if seen.insert(module) {
            next.extend(&imports[module]);
        }
    }
    seen
}

/// The files that lead to themselves, each with those of its circle.
fn circles(all: &BTreeMap<Module, String>) -> Vec<String> {
    let graph: BTreeMap<Module, BTreeSet<Module>> =
        all.iter().map(|(module, text)| (module.clone(), imports(module, text, all))).collect();
    let to: BTreeMap<&Module, BTreeSet<&Module>> =
        graph.keys().map(|module| (module, reachable(module, &graph))).collect();
    let of = |module: &Module| {
        let members = to[module].iter().filter(|other| to[*other].contains(module));
        members.map(|it| it.join("::")).collect::<Vec<_>>()
    };
    let found: BTreeSet<_> = graph.keys().map(of).filter(|members| !members.is_empty()).collect();
    found.into_iter().map(|members| members.join(", ")).collect()
}

#[test]
fn no_file_imports_itself_through_others() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for source in WITHOUT {
        let mut all = BTreeMap::new();
        modules(&root.join(source), &[], &mut all);
        assert!(all.len() > 1, "{source}: the sources were not found");
        let is_known = |circle: &str| {
            let mut members = circle.split(", ").map(|file| file.split("::").next());
            members.all(|module| module.is_some_and(|module| NOT_YET.contains(&module)))
        };
        let new = circles(&all).into_iter().filter(|circle| *source != "src" || !is_known(circle));
        found.extend(new.map(|circle| format!("{source}: {circle}")));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_circle_is_found_however_it_is_written() {
    let of = |files: &[(&str, &str)]| {
        let module = |name: &str| name.split("::").map(str::to_owned).collect::<Module>();
        circles(&files.iter().map(|(name, text)| (module(name), format!("\n{text}"))).collect())
    };
    assert_eq!(of(&[("a", "use super::b::X;"), ("b", "use crate::a::{self, Y};")]), ["a, b"]);
    assert_eq!(
        of(&[("a", "use super::{c, b::X};"), ("b", "pub use super::a::Y;"), ("c", "")]),
        ["a, b"]
    );
    assert_eq!(of(&[("a", "pub use b::X;"), ("a::b", "use super::Y;")]), ["a, a::b"]);
    assert_eq!(
        of(&[("a", "use crate::b;"), ("b", "use crate::c;"), ("c", "use crate::a;")]),
        ["a, b, c"]
    );
    assert!(of(&[("a", "use super::b::X;"), ("b", "#[cfg(test)]\nuse super::a::Y;")]).is_empty());
    assert!(of(&[("a", "pub use b::X;"), ("a::b", "use serde::Y;")]).is_empty());
}

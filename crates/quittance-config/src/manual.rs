//! `config/default.toml`: the defaults, the list of all settings with their types, and the manual.

use toml::{Table, Value};

/// The file as it is.
pub const TEXT: &str = include_str!("../../../config/default.toml");

/// Where any name may stand: the tables above it.
const FAMILIES: [&[&str]; 5] = [
    &["endpoints"],
    &["outbox", "destinations"],
    &["admin", "tokens"],
    &["api", "amounts"],
    &["api", "tokens"],
];

/// The member of a family whose table stands for those of all others.
const DEFAULT: &str = "default";

/// How many keys lead to the table of one member of a family, its name included; none if the path
/// leads to no such table.
pub(super) fn member(path: &[String]) -> Option<usize> {
    let family = FAMILIES.iter().find(|family| {
        path.len() > family.len() && path.iter().zip(**family).all(|(a, b)| a == b)
    })?;
    Some(family.len() + 1)
}

/// Parsed. Fails only if the file in this repository is broken, which a test would notice.
pub(super) fn table() -> Result<Table, toml::de::Error> {
    toml::from_str(TEXT)
}

/// The default that stands at a path, or for it; it also says the type.
pub(super) fn template<'a>(defaults: &'a Table, path: &[String]) -> Option<&'a Value> {
    let mut at = None;
    let mut table = Some(defaults);
    for (depth, key) in path.iter().enumerate() {
        let key = if Some(depth + 1) == member(path) { DEFAULT } else { key };
        at = table?.get(key);
        table = at.and_then(Value::as_table);
    }
    at
}

/// What the manual says of a setting (`queue.lease`), in one line.
#[must_use]
pub fn entry(key: &str) -> Option<String> {
    let (section, key) = key.rsplit_once('.')?;
    let mut path: Vec<String> = section.split('.').map(str::to_owned).collect();
    if let Some(name) = member(&path).and_then(|depth| path.get_mut(depth - 1)) {
        DEFAULT.clone_into(name);
    }
    let section = path.join(".");
    let mut here = false;
    let mut comment: Vec<&str> = Vec::new();
    for line in TEXT.lines() {
        if let Some(text) = line.strip_prefix('#') {
            comment.push(text.trim());
        } else if let Some(name) = line.strip_prefix('[') {
            here = name.trim_end_matches(']') == section;
            comment.clear();
        } else {
            let name = line.split_once('=').map(|(name, _)| name.trim());
            if here && name == Some(key) && !comment.is_empty() {
                return Some(comment.join(" "));
            }
            comment.clear();
        }
    }
    None
}

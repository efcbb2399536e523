//! `config/default.toml`: the defaults, the list of all settings with their types, and the manual.

use toml::{Table, Value};

/// Text of the file.
pub const TEXT: &str = include_str!("../../../config/default.toml");

/// Families of tables: their members have names of the user's choice.
const FAMILIES: [&[&str]; 5] = [
    &["endpoints"],
    &["outbox", "destinations"],
    &["admin", "tokens"],
    &["api", "amounts"],
    &["api", "tokens"],
];

/// The member of a family whose defaults are those of all members.
const DEFAULT: &str = "default";

/// Number of keys in the path of a family's member, including its name; `None` if the path is in no family.
pub(super) fn member(path: &[String]) -> Option<usize> {
    let family = FAMILIES.iter().find(|family| {
        path.len() > family.len() && path.iter().zip(**family).all(|(a, b)| a == b)
    })?;
    Some(family.len() + 1)
}

/// Parses the file. Fails only if the file in this repository is invalid, which a test would notice.
pub(super) fn table() -> Result<Table, toml::de::Error> {
    toml::from_str(TEXT)
}

/// The default of a path, which also determines its type.
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

/// The text of the manual about a setting (`queue.lease`), in one line.
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

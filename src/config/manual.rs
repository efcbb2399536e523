//! `config/default.toml`: the defaults, the list of all settings with their types, and the manual.

use toml::{Table, Value};

/// The file as it is.
pub const TEXT: &str = include_str!("../../config/default.toml");

/// The endpoint whose table stands for those of all others.
pub(super) const ENDPOINT: [&str; 2] = ["endpoints", "default"];

/// Parsed. Fails only if the file in this repository is broken, which a test would notice.
pub(super) fn table() -> Result<Table, toml::de::Error> {
    toml::from_str(TEXT)
}

/// The default that stands at a path, or for it; it also says the type.
pub(super) fn template<'a>(defaults: &'a Table, path: &[String]) -> Option<&'a Value> {
    let mut at = None;
    let mut table = Some(defaults);
    for (depth, key) in path.iter().enumerate() {
        // Any name is an endpoint's.
        let key = if depth == 1 && path[0] == ENDPOINT[0] { ENDPOINT[1] } else { key };
        at = table?.get(key);
        table = at.and_then(Value::as_table);
    }
    at
}

/// What the manual says of a setting (`queue.lease`), in one line.
#[must_use]
pub fn entry(key: &str) -> Option<String> {
    let (section, key) = key.rsplit_once('.')?;
    let section = if section.starts_with("endpoints.") { "endpoints.default" } else { section };
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

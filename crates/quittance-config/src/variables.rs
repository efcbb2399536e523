//! What the environment sets.
//!
//! Names with one underscore after `QUITTANCE` are left alone: Kubernetes gives each container
//! variables such as `QUITTANCE_SERVICE_HOST` for a service of that name, and must not keep it from
//! starting.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::fault::{Fault, Origin};

/// Names that are a convention, and the settings that they are for.
const CONVENTIONAL: [(&str, &str); 5] = [
    ("DATABASE_URL", "database.url"),
    ("REDIS_URL", "redis.url"),
    ("STRIPE_SECRET_KEY", "stripe.secret_key"),
    ("STRIPE_WEBHOOK_SECRET", "endpoints.default.secrets"),
    ("STRIPE_API_BASE", "stripe.api_base"),
];

/// Before the names of all others.
const PREFIX: &str = "QUITTANCE__";

/// After a name: the value is in a file.
const FILE: &str = "_FILE";

/// A value that the environment sets.
pub(super) struct Given {
    pub(super) path: Vec<String>,
    pub(super) text: String,
    pub(super) origin: Origin,
}

/// The values that the environment sets, no two of them for one setting.
pub(super) fn read(variables: &BTreeMap<String, String>, faults: &mut Vec<Fault>) -> Vec<Given> {
    let mut by_path: BTreeMap<Vec<String>, &str> = BTreeMap::new();
    let mut given = Vec::new();
    for (name, value) in variables {
        let Some((path, in_file)) = meaning(name, value) else { continue };
        if let Some(other) = by_path.insert(path.clone(), name) {
            faults.push(Fault {
                key: path.join("."),
                value: None,
                origin: None,
                problem: format!("is set twice in the environment, by {other} and by {name}"),
                remedy: "Remove one of them.".into(),
            });
            continue;
        }
        if !in_file {
            let origin = Origin::Variable(name.clone());
            given.push(Given { path, text: value.clone(), origin });
            continue;
        }
        let file = PathBuf::from(value);
        match std::fs::read_to_string(&file) {
            Ok(text) => {
                let origin = Origin::VariableFile { variable: name.clone(), path: file };
                given.push(Given { path, text: text.trim().to_owned(), origin });
            }
            Err(error) => faults.push(Fault {
                key: path.join("."),
                value: None,
                origin: Some(Origin::VariableFile { variable: name.clone(), path: file }),
                problem: format!("cannot be read: {error}"),
                remedy: "Name a file that exists and that this user may read.".into(),
            }),
        }
    }
    given
}

/// The setting that a variable is for, and whether it names a file; `None` for one that is not ours.
fn meaning(name: &str, value: &str) -> Option<(Vec<String>, bool)> {
    let (base, in_file) = match name.strip_suffix(FILE) {
        Some(base) => (base, true),
        None => (name, false),
    };
    let split = |key: &str, by| key.split(by).map(str::to_lowercase).collect();
    if let Some((_, key)) = CONVENTIONAL.iter().find(|(known, _)| *known == base) {
        // Compose files and charts pass them on empty when they are not set outside.
        return (!value.is_empty()).then(|| (split(key, "."), in_file));
    }
    base.strip_prefix(PREFIX).map(|key| (split(key, "__"), in_file))
}

/// The conventional name of a setting, for advice.
pub(super) fn conventional(key: &str) -> Option<&'static str> {
    CONVENTIONAL.iter().find(|(_, known)| *known == key).map(|(name, _)| *name)
}

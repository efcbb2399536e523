//! Settings from environment variables.
//!
//! Names with one underscore after `QUITTANCE` are left alone: Kubernetes gives each container
//! variables such as `QUITTANCE_SERVICE_HOST` for a service of that name, and must not keep it from
//! starting.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::fault::{Fault, Origin};

/// Conventional names of variables, with the settings that they set.
const CONVENTIONAL: [(&str, &str); 5] = [
    ("DATABASE_URL", "database.url"),
    ("REDIS_URL", "redis.url"),
    ("STRIPE_SECRET_KEY", "stripe.secret_key"),
    ("STRIPE_WEBHOOK_SECRET", "endpoints.default.secrets"),
    ("STRIPE_API_BASE", "stripe.api_base"),
];

/// Prefix of all other names.
const PREFIX: &str = "QUITTANCE__";

/// Suffix of a name: the value is the path of a file that contains the setting.
const FILE: &str = "_FILE";

/// A value from an environment variable.
pub(super) struct Given {
    pub(super) path: Vec<String>,
    pub(super) text: String,
    pub(super) origin: Origin,
}

/// Reads the values from the environment, at most one for each setting.
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

/// The setting that a variable sets, and whether its value is a file's path; `None` for other programs' variables.
fn meaning(name: &str, value: &str) -> Option<(Vec<String>, bool)> {
    let (base, in_file) = match name.strip_suffix(FILE) {
        Some(base) => (base, true),
        None => (name, false),
    };
    let split = |key: &str, by| key.split(by).map(str::to_lowercase).collect();
    if let Some((_, key)) = CONVENTIONAL.iter().find(|(known, _)| *known == base) {
        // Compose files and charts pass them on as empty when they are not set outside.
        return (!value.is_empty()).then(|| (split(key, "."), in_file));
    }
    base.strip_prefix(PREFIX).map(|key| (split(key, "__"), in_file))
}

/// The conventional variable of a setting, for error messages.
pub(super) fn conventional(key: &str) -> Option<&'static str> {
    CONVENTIONAL.iter().find(|(_, known)| *known == key).map(|(name, _)| *name)
}

//! Conversion of the layers to the types of the settings.

use toml::Value;

use super::Settings;
use super::fault::Fault;
use super::layers::{Layers, remedy};
use super::redact;

/// Converts the layers to settings. A value that is refused becomes a fault, and is replaced by its default, so
/// that the others are checked too. `None` if that fails as well.
pub(super) fn decode(layers: &mut Layers, faults: &mut Vec<Fault>) -> Option<Settings> {
    loop {
        let error = match serde_path_to_error::deserialize(Value::Table(layers.to_table())) {
            Ok(settings) => return Some(settings),
            Err(error) => error,
        };
        let path = error.path().to_string();
        // `endpoints.default.secrets[1]` is a fault of the list.
        let key = path.split_once('[').map_or(&*path, |(key, _)| key).to_owned();
        let leaf = layers.get(&key);
        let problem = match leaf {
            Some(leaf) if is_duration(&key) => duration_problem(&leaf.value),
            Some(_) if redact::is_secret(&key) => "is not what it should be".to_owned(),
            Some(_) | None => error.inner().message().trim().to_owned(),
        };
        faults.push(Fault {
            value: leaf.and_then(|leaf| redact::shown(&key, &leaf.value)),
            origin: leaf.map(|leaf| leaf.origin.clone()),
            problem,
            remedy: remedy(&key),
            key: key.clone(),
        });
        if !layers.reset(&key) {
            return None;
        }
    }
}

/// Whether the default of a setting is a duration.
fn is_duration(key: &str) -> bool {
    let path: Vec<String> = key.split('.').map(str::to_owned).collect();
    super::manual::table()
        .ok()
        .and_then(|defaults| {
            let text = super::manual::template(&defaults, &path)?.as_str()?;
            Some(humantime::parse_duration(text).is_ok())
        })
        .unwrap_or(false)
}

fn duration_problem(value: &Value) -> String {
    match value.as_str().map(humantime::parse_duration) {
        Some(Err(error)) => format!("is not a duration: {error}"),
        Some(Ok(_)) | None => "is not a duration".into(),
    }
}

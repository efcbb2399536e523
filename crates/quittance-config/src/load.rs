//! Loading the settings.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::Table;

use super::Settings;
use super::fault::{ConfigError, Fault, Origin};
use super::layers::Layers;
use super::{check, decode, redact, variables};

/// Variable with the path of the settings file, unless the command line gives one.
const FILE_VARIABLE: &str = "QUITTANCE_CONFIG";

/// The environment of the process. A value that is not Unicode gets replacement characters, and is refused
/// by the setting's check.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().map(|(name, value)| {
        (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned())
    })
}

/// Loads the settings: the defaults, then the file, then the environment, each over the ones before. A `path`
/// takes precedence over `QUITTANCE_CONFIG`.
///
/// # Errors
/// All problems of the settings.
pub fn load(
    path: Option<&Path>,
    env: impl Iterator<Item = (String, String)>,
) -> Result<Settings, ConfigError> {
    let variables: BTreeMap<String, String> = env.collect();
    let mut faults = Vec::new();
    let mut layers =
        Layers::new().map_err(|error| broken_file(Path::new("default.toml"), &error))?;
    let named = variables.get(FILE_VARIABLE).filter(|name| !name.is_empty()).map(PathBuf::from);
    if let Some(path) = path.map(Path::to_owned).or(named) {
        let table = read_file(&path)?;
        layers.put_table(Vec::new(), table, &Origin::File(path), &mut faults);
    }
    for given in variables::read(&variables, &mut faults) {
        layers.put_text(given.path, &given.text, given.origin, &mut faults);
    }
    let summary = redact::summary(&layers);
    let settings = decode::decode(&mut layers, &mut faults);
    if let Some(settings) = &settings {
        check::check(settings, &layers, &mut faults);
    }
    match settings {
        Some(settings) if faults.is_empty() => Ok(Settings { summary, ..settings }),
        Some(_) | None => Err(ConfigError { faults }),
    }
}

fn read_file(path: &Path) -> Result<Table, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        one(Fault {
            key: path.display().to_string(),
            value: None,
            origin: None,
            problem: format!("cannot be read: {error}"),
            remedy: format!("Give --config or {FILE_VARIABLE} a file that exists, or neither."),
        })
    })?;
    toml::from_str(&text).map_err(|error| broken_toml(path, &text, &error))
}

/// The line and the problem, without the parser's excerpt, which may contain a secret.
fn broken_toml(path: &Path, text: &str, error: &toml::de::Error) -> ConfigError {
    let Some(before) = error.span().and_then(|span| text.get(..span.start)) else {
        return broken_file(path, error);
    };
    let line = before.matches('\n').count() + 1;
    one(Fault {
        key: format!("{}:{line}", path.display()),
        value: None,
        origin: None,
        problem: "is not TOML".into(),
        remedy: format!("Mend that line: {}.", first_line(error)),
    })
}

fn broken_file(path: &Path, error: &toml::de::Error) -> ConfigError {
    one(Fault {
        key: path.display().to_string(),
        value: None,
        origin: None,
        problem: "is not TOML".into(),
        remedy: format!("Mend it: {}.", first_line(error)),
    })
}

fn first_line(error: &toml::de::Error) -> &str {
    error.message().lines().next().unwrap_or_default()
}

fn one(fault: Fault) -> ConfigError {
    ConfigError { faults: vec![fault] }
}

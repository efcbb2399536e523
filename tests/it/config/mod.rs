//! Promises of the settings.

mod layers;
mod refusals;
mod said;

use quittance::config::{self, ConfigError, Settings};

fn env(variables: &[(&str, &str)]) -> Vec<(String, String)> {
    variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
}

fn load(file: &str, variables: &[(&str, &str)]) -> Result<Settings, ConfigError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("q.toml");
    std::fs::write(&path, file).unwrap();
    config::load(Some(&path), env(variables).into_iter())
}

/// The refusal, with the directory of the settings file taken out.
fn refusal(file: &str, variables: &[(&str, &str)]) -> String {
    let text = load(file, variables).expect_err("this is refused").to_string();
    let places = text.split_inclusive(['(', ' ', '\n']).map(|word| match word.rfind("/q.toml") {
        Some(at) => &word[at + 1..],
        None => word,
    });
    places.collect()
}

#[track_caller]
fn refused(file: &str, variables: &[(&str, &str)], expected: &[&str]) {
    let text = refusal(file, variables);
    for expected in expected {
        assert!(text.contains(expected), "no {expected:?} in:\n{text}");
    }
}

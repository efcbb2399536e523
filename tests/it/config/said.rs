//! Descriptions of the settings: in the manual, in a summary, by a role.

use std::path::Path;

use quittance::config::{Role, manual};

use super::load;

#[test]
fn no_refusal_and_no_summary_shows_a_secret() {
    let word = "hunter2";
    for (file, variables) in [
        (format!("[redis]\nurl = \"http://:{word}@h\""), vec![]),
        (format!("[redis]\nurl = \"{word}"), vec![]),
        (format!("[redis]\nurl = {word}"), vec![]),
        (format!("[redis]\nurl = [\"{word}\"]"), vec![]),
        (format!("[redis]\nurls = \"{word}\""), vec![]),
        (format!("[database]\nurl = \"{word}\""), vec![]),
        (format!("[stripe]\nsecret_key = \"pk_{word}\""), vec![]),
        (format!("[endpoints.default]\nsecrets = [\"{word}\"]"), vec![]),
        (format!("[endpoints.default]\nsecrets = \"{word}\""), vec![]),
        (format!("[endpoints.default]\nsecrets = [[\"{word}\"]]"), vec![]),
        (String::new(), vec![("STRIPE_SECRET_KEY", "pk_hunter2")]),
        (String::new(), vec![("STRIPE_WEBHOOK_SECRET", "hunter2")]),
    ] {
        let error = load(&file, &variables).unwrap_err();
        assert!(!error.to_string().contains(word), "{error}");
        assert!(!format!("{error:?}").contains(word), "{error:?}");
    }
    let settings = load(
        "",
        &[
            ("DATABASE_URL", "postgres://u:hunter2@h/db?sslpassword=hunter2"),
            ("REDIS_URL", "redis://:hunter2@h"),
            ("STRIPE_SECRET_KEY", "sk_test_hunter2"),
            ("STRIPE_WEBHOOK_SECRET", "whsec_hunter2"),
        ],
    )
    .unwrap();
    assert!(!settings.redacted().contains(word), "{}", settings.redacted());
    assert!(!format!("{settings:?}").contains(word), "{settings:?}");
}

#[test]
fn the_summary_says_what_is_in_force_and_where_it_came_from() {
    let settings = load(
        "",
        &[
            ("DATABASE_URL", "postgres://u:hunter2@h/db"),
            ("STRIPE_SECRET_KEY", "sk_test_hunter2"),
            ("STRIPE_WEBHOOK_SECRET", "whsec_a,whsec_b"),
        ],
    )
    .unwrap();
    let summary = settings.redacted();
    for line in [
        "[worker]",
        "concurrency = 16",
        "url = \"postgres://u:***@h/db\"  # from the environment variable DATABASE_URL",
        "secret_key = \"sk_test_[redacted]\"  # from the environment variable STRIPE_SECRET_KEY",
        "secrets = [\"[redacted]\", \"[redacted]\"]  # from the environment variable STRIPE_WEBHOOK_SECRET",
    ] {
        assert!(summary.lines().any(|shown| shown == line), "no {line:?} in:\n{summary}");
    }
    toml::from_str::<toml::Table>(summary).unwrap();
}

#[test]
fn a_role_says_what_it_lacks_and_how_to_give_it() {
    let settings = load("", &[]).unwrap();
    let lacks = |role| -> Vec<String> {
        let error = settings.require(role).unwrap_err();
        error.faults.iter().map(|fault| fault.key.clone()).collect()
    };
    assert_eq!(lacks(Role::Ingress), ["redis.url", "endpoints.default.secrets"]);
    assert_eq!(lacks(Role::Worker), ["redis.url", "database.url", "stripe.secret_key"]);
    assert_eq!(lacks(Role::Migrate), ["database.url"]);
    assert_eq!(lacks(Role::Ops), ["database.url"]);
    assert_eq!(lacks(Role::Requeue), ["redis.url", "database.url"]);
    assert_eq!(lacks(Role::Reconcile), ["redis.url", "database.url", "stripe.secret_key"]);
    let text = settings.require(Role::Migrate).unwrap_err().to_string();
    assert!(
        text.contains(
            "database.url is not set, and the role migrate needs it.\n  Set DATABASE_URL, or database.url in a settings file."
        ),
        "{text}"
    );
    let connect =
        load("[endpoints.connect]\nsecrets = [\"whsec_1\"]", &[("REDIS_URL", "redis://h")]);
    connect.unwrap().require(Role::Ingress).unwrap();
}

fn keys(at: &str, table: &toml::Table) -> Vec<String> {
    table
        .iter()
        .flat_map(|(key, value)| {
            let key = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
            match value.as_table() {
                Some(table) => keys(&key, table),
                None => vec![key],
            }
        })
        .collect()
}

#[test]
fn each_setting_is_explained_right_above_it() {
    let defaults: toml::Table = toml::from_str(manual::TEXT).unwrap();
    let keys = keys("", &defaults);
    assert!(keys.len() > 40, "{keys:?}");
    for key in keys {
        let entry = manual::entry(&key).unwrap_or_else(|| panic!("{key} is not explained"));
        assert!(entry.ends_with('.') && entry.len() > 10, "{key}: {entry}");
    }
}

#[test]
fn each_field_of_each_section_is_in_the_manual() {
    // Loading the defaults misses a field that the manual lacks, unless serde may make one up.
    load("", &[]).unwrap();
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/quittance-config/src");
    for entry in std::fs::read_dir(sources).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(!text.contains("serde(default"), "{}", path.display());
        }
    }
}

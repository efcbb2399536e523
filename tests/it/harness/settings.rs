//! Settings for tests: those of the manual, with a test's servers and short times.

use quittance::config::{self, Settings};

/// Settings of a test over the defaults; later entries win.
const SHORT: &[(&str, &str)] = &[
    ("STRIPE_SECRET_KEY", "sk_test_simulator"),
    ("STRIPE_WEBHOOK_SECRET", "whsec_test"),
    ("QUITTANCE__INGRESS__LISTEN", "127.0.0.1:0"),
    ("QUITTANCE__INGRESS__ENQUEUE_TIMEOUT", "2s"),
    ("QUITTANCE__INGRESS__GRACE", "5s"),
    ("QUITTANCE__REDIS__CONNECT_TIMEOUT", "1s"),
    ("QUITTANCE__REDIS__COMMAND_TIMEOUT", "1s"),
    ("QUITTANCE__QUEUE__LEASE", "30s"),
    ("QUITTANCE__QUEUE__SWEEP_INTERVAL", "20ms"),
    ("QUITTANCE__WORKER__JOB_TIMEOUT", "20s"),
    ("QUITTANCE__WORKER__GRACE", "10s"),
    ("QUITTANCE__WORKER__PROBE_INTERVAL", "50ms"),
    ("QUITTANCE__RETRY__FIRST", "20ms"),
    ("QUITTANCE__RETRY__CAP", "100ms"),
    ("QUITTANCE__DATABASE__MAX_CONNECTIONS", "4"),
    ("QUITTANCE__STRIPE__TIMEOUT", "10s"),
];

/// The environment of a role: short times, with `env` over them.
pub(crate) fn environment(env: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    for (name, value) in SHORT.iter().chain(env) {
        all.retain(|(given, _)| given != name);
        all.push(((*name).to_owned(), (*value).to_owned()));
    }
    all
}

/// The settings that a role reads from that environment.
pub(crate) fn settings(env: &[(&str, &str)]) -> Settings {
    config::load(None, environment(env).into_iter()).unwrap()
}

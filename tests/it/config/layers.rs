//! Where a setting comes from.

use quittance::config::{self, LogFormat, ModeFilter, Role};

use super::{env, load, refusal, refused};

#[test]
fn a_percent_sign_in_a_url_stands_for_a_character() {
    let said = ["database.url", "holds a %", "%25"];
    refused("", &[("DATABASE_URL", "postgres://u:p4ssw%zz@h/x")], &said);
    assert!(load("", &[("DATABASE_URL", "postgres://u:p4ssw%25zz@h/x")]).is_ok());
}

#[test]
fn the_defaults_are_sound_and_say_what_the_manual_says() {
    let settings = load("", &[]).unwrap();
    assert_eq!(settings.ingress.listen, "0.0.0.0:8080".parse().unwrap());
    assert_eq!(settings.ingress.max_body_bytes, 1 << 20);
    assert_eq!(settings.worker.listen, None);
    assert_eq!(settings.metrics.listen, None);
    assert_eq!(settings.retry.max_attempts, 12);
    assert_eq!(settings.log.format, LogFormat::Auto);
    assert!(settings.endpoints["default"].secrets.is_empty());
}

#[test]
fn the_environment_goes_before_the_file_and_the_file_before_the_defaults() {
    let file =
        "[worker]\nconcurrency = 3\njob_timeout = \"20s\"\n[database]\nurl = \"postgres://file/x\"";
    let settings = load(
        file,
        &[
            ("QUITTANCE__WORKER__CONCURRENCY", "4"),
            ("DATABASE_URL", "postgres://env/x"),
            ("QUITTANCE__METRICS__LISTEN", "127.0.0.1:9100"),
            ("QUITTANCE__RETRY__FACTOR", "1.5"),
        ],
    )
    .unwrap();
    assert_eq!(settings.worker.concurrency, 4);
    assert_eq!(settings.worker.job_timeout.as_secs(), 20);
    assert_eq!(settings.worker.down_after, 5);
    assert_eq!(settings.database.url.reveal(), "postgres://env/x");
    assert_eq!(settings.metrics.listen, Some("127.0.0.1:9100".parse().unwrap()));
    assert!((settings.retry.factor - 1.5).abs() < f64::EPSILON);
}

#[test]
fn a_file_may_be_named_by_the_environment() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("q.toml");
    std::fs::write(&path, "[queue]\nname = \"theirs\"").unwrap();
    let variables = [("QUITTANCE_CONFIG", path.to_str().unwrap())];
    let settings = config::load(None, env(&variables).into_iter()).unwrap();
    assert_eq!(settings.queue.name, "theirs");
}

#[test]
fn the_conventional_variables_are_understood() {
    let settings = load(
        "",
        &[
            ("DATABASE_URL", "postgresql://u:p@h/db"),
            ("REDIS_URL", "rediss://h:6380"),
            ("STRIPE_SECRET_KEY", "rk_test_1"),
            ("STRIPE_WEBHOOK_SECRET", "whsec_a, whsec_b,"),
            ("STRIPE_API_BASE", "http://127.0.0.1:12111"),
        ],
    )
    .unwrap();
    let secrets: Vec<_> =
        settings.endpoints["default"].secrets.iter().map(|secret| secret.reveal()).collect();
    assert_eq!(secrets, ["whsec_a", "whsec_b"]);
    assert_eq!(settings.stripe.api_base, "http://127.0.0.1:12111");
    for role in
        [Role::Ingress, Role::Worker, Role::Migrate, Role::Ops, Role::Requeue, Role::Reconcile]
    {
        settings.require(role).unwrap();
    }
}

#[test]
fn a_secret_may_come_from_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("secret");
    std::fs::write(&path, " whsec_a,whsec_b \n").unwrap();
    let path = path.to_str().unwrap();
    for name in ["STRIPE_WEBHOOK_SECRET_FILE", "QUITTANCE__ENDPOINTS__DEFAULT__SECRETS_FILE"] {
        let settings = load("", &[(name, path)]).unwrap();
        assert_eq!(settings.endpoints["default"].secrets.len(), 2);
    }
    refused(
        "",
        &[("REDIS_URL_FILE", "/nowhere/at/all")],
        &[
            "redis.url (from /nowhere/at/all, which REDIS_URL_FILE names) cannot be read: No such file",
        ],
    );
}

#[test]
fn a_setting_that_two_variables_set_is_refused() {
    for (one, other) in [
        ("REDIS_URL", "REDIS_URL_FILE"),
        ("QUITTANCE__REDIS__URL", "REDIS_URL"),
        ("QUITTANCE__REDIS__URL_FILE", "REDIS_URL"),
    ] {
        let text = refusal("", &[(one, "redis://h"), (other, "redis://h")]);
        assert!(text.contains("redis.url is set twice in the environment, by "), "{text}");
        assert!(text.contains(one) && text.contains(other), "{text}");
    }
}

#[test]
fn an_empty_conventional_variable_counts_as_not_set() {
    let file = "[redis]\nurl = \"redis://file\"";
    let settings = load(file, &[("REDIS_URL", ""), ("REDIS_URL_FILE", "")]).unwrap();
    assert_eq!(settings.redis.url.reveal(), "redis://file");
}

#[test]
fn a_further_endpoint_begins_with_the_defaults() {
    let settings = load(
        "[endpoints.connect]\nmode = \"live\"",
        &[("QUITTANCE__ENDPOINTS__CONNECT__SECRETS", "whsec_c")],
    )
    .unwrap();
    let connect = &settings.endpoints["connect"];
    assert_eq!((connect.mode, connect.tolerance.as_secs()), (ModeFilter::Live, 300));
    assert_eq!(connect.secrets.len(), 1);
    assert!(settings.endpoints.contains_key("default"));
}

#[test]
fn variables_of_others_are_left_alone() {
    load("", &[("QUITTANCE_SERVICE_HOST", "10.0.0.1"), ("QUITTANCE_PORT", "tcp://x")]).unwrap();
}

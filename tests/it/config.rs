//! What is promised of the settings.

use std::path::Path;

use quittance::config::{self, ConfigError, LogFormat, ModeFilter, Role, Settings, manual};

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

#[test]
fn a_word_that_is_no_level_is_refused_as_a_filter() {
    let filter = |text: &str| load("", &[("QUITTANCE__LOG__FILTER", text)]).is_ok();
    for good in ["info", "DEBUG", "warn,quittance=debug", "quittance::worker", "off", "2"] {
        assert!(filter(good), "{good}");
    }
    let said = ["log.filter", "\"infoo\", which is no level", "Did you mean info?"];
    refused("", &[("QUITTANCE__LOG__FILTER", "quittance=debug,infoo")], &said);
}

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
fn an_unknown_key_is_refused_with_the_one_that_was_meant() {
    refused(
        "[worker]\nconcurency = 3",
        &[],
        &["worker.concurency (from q.toml) is no setting.\n  Did you mean worker.concurrency?"],
    );
    refused("[workr]\nx = 3", &[], &["workr (from q.toml) is no setting.\n  Did you mean worker?"]);
    refused(
        "",
        &[("QUITTANCE__INGRES__LISTEN", "x")],
        &[
            "ingres.listen (from the environment variable QUITTANCE__INGRES__LISTEN) is no setting.\n  Did you mean QUITTANCE__INGRESS__LISTEN?",
        ],
    );
    refused(
        "[endpoints.connect]\nsecret = []",
        &[],
        &[
            "endpoints.connect.secret (from q.toml) is no setting.\n  Did you mean endpoints.connect.secrets?",
        ],
    );
    refused(
        "zzz = 1",
        &[],
        &["zzz (from q.toml) is no setting.\n  All settings are in config/default.toml."],
    );
}

#[test]
fn variables_of_others_are_left_alone() {
    load("", &[("QUITTANCE_SERVICE_HOST", "10.0.0.1"), ("QUITTANCE_PORT", "tcp://x")]).unwrap();
}

#[test]
fn a_value_of_another_type_is_refused_with_what_the_manual_says() {
    refused(
        "[worker]\nconcurrency = \"many\"",
        &[],
        &[
            "worker.concurrency (from q.toml) must be a whole number.\n  The manual: Jobs run at once in one process",
        ],
    );
    refused(
        "",
        &[("QUITTANCE__WORKER__CONCURRENCY", "many")],
        &["(from the environment variable QUITTANCE__WORKER__CONCURRENCY) must be a whole number."],
    );
    refused("[endpoints.default]\nsecrets = \"whsec_1\"", &[], &["must be a list of texts"]);
    refused("[queue]\nlease = 60", &[], &["queue.lease (from q.toml) must be a text in quotes"]);
    refused("worker = 1", &[], &["worker (from q.toml) is a section, and no setting by itself"]);
    refused(
        "[queue]\nlease = \"5 parsecs\"",
        &[],
        &["queue.lease = \"5 parsecs\" (from q.toml) is not a duration: unknown time unit"],
    );
    refused(
        "[ingress]\nlisten = \"here\"",
        &[],
        &["ingress.listen = \"here\" (from q.toml) is not an address and a port."],
    );
    refused("[worker]\nlisten = \"here\"", &[], &["worker.listen = \"here\""]);
    refused(
        "[endpoints.default]\nmode = \"prod\"",
        &[],
        &[
            "endpoints.default.mode = \"prod\" (from q.toml) unknown variant `prod`, expected one of `any`",
        ],
    );
    refused(
        "[worker]\nconcurrency = -1",
        &[],
        &["worker.concurrency = -1 (from q.toml) invalid value"],
    );
}

#[test]
fn a_value_out_of_its_range_is_refused() {
    for (section, line, problem) in [
        ("ingress", "max_body_bytes = 10", "must be 1024 to 16777216"),
        ("ingress", "max_head_bytes = 10", "must be 1024 to 262144"),
        ("ingress", "max_in_flight = 0", "must be at least 1"),
        ("ingress", "enqueue_timeout = \"0s\"", "must be at least 1ms"),
        ("ingress", "enqueue_timeout = \"31s\"", "must be at most 30s"),
        ("ingress", "read_timeout = \"1ms\"", "must be at least 10ms"),
        ("ingress", "keep_alive = \"1ms\"", "must be at least 10ms"),
        ("endpoints.default", "tolerance = \"0s\"", "must be at least 1s"),
        ("redis", "connect_timeout = \"0s\"", "must be at least 1ms"),
        ("redis", "command_timeout = \"0s\"", "must be at least 1ms"),
        ("queue", "name = \"\"", "must be one or more of"),
        ("queue", "name = \"a{b}\"", "must be one or more of"),
        ("queue", "max_deliveries = 0", "must be at least 1"),
        ("queue", "live_share = 0", "must be 1 to 9"),
        ("queue", "live_share = 10", "must be 1 to 9"),
        ("queue", "backfill_at_once = 0", "must be 1 to 4096"),
        ("queue", "sweep_interval = \"0s\"", "must be at least 10ms"),
        ("worker", "concurrency = 0", "must be 1 to 4096"),
        ("worker", "job_timeout = \"1ms\"", "must be at least 100ms"),
        ("worker", "down_after = 0", "must be at least 1"),
        ("worker", "probe_interval = \"0s\"", "must be at least 10ms"),
        ("retry", "max_attempts = 0", "must be at least 1"),
        ("retry", "first = \"0s\"", "must be at least 1ms"),
        ("retry", "factor = 0.5", "must be 1.0 to 10.0"),
        ("retry", "factor = nan", "must be 1.0 to 10.0"),
        ("reconcile", "clock_skew = \"1500ms\"", "must be whole seconds"),
        ("reconcile", "max_rounds = 0", "must be at least 1"),
        ("database", "max_connections = 0", "must be at least 1"),
        ("database", "acquire_timeout = \"0s\"", "must be at least 1ms"),
        ("database", "statement_timeout = \"0s\"", "must be at least 1ms"),
        ("stripe", "timeout = \"1ms\"", "must be at least 100ms"),
        ("stripe", "endpoint_rate = 0", "must be at least 1"),
        ("stripe", "account_rate = 0", "must be at least 1"),
        ("log", "filter = \"a=b=c\"", "cannot be read"),
    ] {
        let text = refusal(&format!("[{section}]\n{line}"), &[]);
        let begin = format!("{section}.{line} (from q.toml) {problem}");
        assert!(text.contains(&begin), "no {begin:?} in:\n{text}");
        assert!(text.contains("\n  The manual: "), "{text}");
    }
}

#[test]
fn settings_that_cannot_go_together_are_refused() {
    refused(
        "[queue]\nlease = \"51s\"",
        &[],
        &[
            "queue.lease = \"51s\" (from q.toml) must be longer than worker.job_timeout + redis.connect_timeout + 2 * redis.command_timeout = 51s",
            "Raise queue.lease or lower worker.job_timeout.",
        ],
    );
    refused("[worker]\njob_timeout = \"54s\"", &[], &["queue.lease = \"60s\" (from the default)"]);
    refused("[queue]\nsweep_interval = \"60s\"", &[], &["must be less than queue.lease = 1m"]);
    refused("[stripe]\ntimeout = \"45s\"", &[], &["must be less than worker.job_timeout = 45s"]);
    refused("[retry]\ncap = \"1s\"", &[], &["must be at least retry.first = 2s"]);
    refused(
        "[metrics]\nlisten = \"0.0.0.0:8080\"",
        &[],
        &["is the address of ingress.listen, too.\n  Give them two ports."],
    );
}

#[test]
fn a_url_of_another_kind_is_refused() {
    refused("", &[("REDIS_URL", "http://h")], &["must begin with redis:// or rediss://"]);
    refused(
        "",
        &[("DATABASE_URL", "mysql://h")],
        &["must begin with postgres:// or postgresql://"],
    );
    refused("", &[("DATABASE_URL", "nonsense")], &["is not a URL: relative URL without a base"]);
    let base = |url| refusal("", &[("STRIPE_API_BASE", url)]);
    assert!(base("http://api.stripe.com").contains("unencrypted"));
    assert!(base("ftp://api.stripe.com").contains("must begin with https://"));
    assert!(base("https://h/?x=1").contains("a scheme, a host and a port alone"));
    for fine in ["http://localhost:1", "http://[::1]:1", "http://127.0.0.2:1", "https://h:1"] {
        load("", &[("STRIPE_API_BASE", fine)]).unwrap();
    }
}

#[test]
fn a_key_of_another_kind_is_refused_with_what_it_is() {
    let key = |key| refusal("", &[("STRIPE_SECRET_KEY", key)]);
    assert!(key("pk_live_1").contains("is a publishable key"));
    assert!(key("whsec_1").contains("is a webhook signing secret"));
    assert!(key("hello").contains("must begin with sk_ or rk_"));
    assert!(key("sk_test_1 ").contains("holds space"));
    let secret = |secret| refusal("", &[("STRIPE_WEBHOOK_SECRET", secret)]);
    assert!(secret("whsec_1,sk_test_1").contains("a secret (number 2) that does not begin"));
    assert!(secret("whsec_").contains("cut off"));
    assert!(secret("whsec_a b").contains("holds space"));
    assert!(secret("whsec_1,whsec_1").contains("a secret (number 2) twice"));
}

#[test]
fn live_and_test_are_not_mixed() {
    refused(
        "[endpoints.default]\nmode = \"live\"",
        &[("STRIPE_SECRET_KEY", "sk_test_1")],
        &[
            "takes live events, but stripe.secret_key is a test key",
            "Use a live key, or mode = \"test\".",
        ],
    );
    refused(
        "[endpoints.default]\nmode = \"test\"",
        &[("STRIPE_SECRET_KEY", "rk_live_1")],
        &["takes test events, but stripe.secret_key is a live key"],
    );
    load("[endpoints.default]\nmode = \"live\"", &[("STRIPE_SECRET_KEY", "sk_live_1")]).unwrap();
    load("[endpoints.default]\nmode = \"live\"", &[]).unwrap();
}

#[test]
fn an_endpoint_that_cannot_be_a_path_is_refused() {
    for name in ["\"a/b\"", "\"\"", "Connect", "\"a.b\""] {
        let text = refusal(&format!("[endpoints.{name}]\nmode = \"any\""), &[]);
        assert!(text.contains("is not a name for an endpoint"), "{text}");
    }
}

#[test]
fn all_faults_are_reported_at_once() {
    let file = "
        typo = 1
        [worker]
        concurrency = \"many\"
        [queue]
        lease = \"soon\"
        live_share = 11
        [ingress]
        listen = \"here\"
        [stripe]
        secret_key = \"pk_1\"
    ";
    let error = load(file, &[("REDIS_URL", "http://h")]).unwrap_err();
    let mut keys: Vec<_> = error.faults.iter().map(|fault| fault.key.as_str()).collect();
    keys.sort_unstable();
    assert_eq!(
        keys,
        [
            "ingress.listen",
            "queue.lease",
            "queue.live_share",
            "redis.url",
            "stripe.secret_key",
            "typo",
            "worker.concurrency"
        ]
    );
}

#[test]
fn a_file_that_is_none_is_refused_with_its_line() {
    refused(
        "[redis]\nurl = \"redis://:hunter2@h\n",
        &[],
        &["q.toml:2 is not TOML.\n  Mend that line: "],
    );
    let error = config::load(Some(Path::new("/nowhere/q.toml")), std::iter::empty()).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("/nowhere/q.toml cannot be read: No such file"), "{text}");
}

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
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/config");
    for entry in std::fs::read_dir(sources).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(!text.contains("serde(default"), "{}", path.display());
        }
    }
}

//! Refusals of settings, and their messages.

use std::path::Path;

use quittance::config;

use super::{load, refusal, refused};

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
        ("ingress", "max_connections = 0", "must be at least 1"),
        ("ingress", "max_body_memory = 65535", "must be at least 65536"),
        ("ingress", "stall_timeout = \"1ms\"", "must be at least 10ms"),
        ("ingress", "head_timeout = \"1ms\"", "must be at least 10ms"),
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
    refused(
        "[ingress]\nmax_body_memory = 2097151",
        &[],
        &[
            "ingress.max_body_memory = 2097151 (from q.toml) must be at least twice ingress.max_body_bytes = 2097152",
        ],
    );
    refused("[worker]\njob_timeout = \"54s\"", &[], &["queue.lease = \"60s\" (from the default)"]);
    refused("[queue]\nsweep_interval = \"60s\"", &[], &["must be less than queue.lease = 1m"]);
    refused("[stripe]\ntimeout = \"45s\"", &[], &["must be less than worker.job_timeout = 45s"]);
    refused("[retry]\ncap = \"1s\"", &[], &["must be at least retry.first = 2s"]);
    for line in ["[status]\nmax_command_age = \"5m\"", "[api]\nlist_lag = \"15m\""] {
        refused(line, &[], &["must be longer than api.list_lag"]);
    }
    load("[status]\nmax_command_age = \"301s\"", &[]).unwrap();
    refused(
        "[metrics]\nlisten = \"0.0.0.0:8080\"",
        &[],
        &["is the address of ingress.listen, too.\n  Give them two ports."],
    );
}

#[test]
fn a_url_of_another_kind_is_refused() {
    refused("", &[("REDIS_URL", "http://h")], &["must begin with redis:// or rediss://"]);
    for several in ["redis+sentinel://h:26379/main", "redis-cluster://h", "redis://a:1,b:2"] {
        refused("", &[("REDIS_URL", several)], &["Redis Cluster and Sentinel are not supported"]);
    }
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

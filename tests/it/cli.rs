//! The command line itself: what it says of itself, and of servers that are not there.

use std::path::Path;

use crate::harness::{Program, temp_dir};

#[tokio::test]
async fn the_document_about_the_command_line_is_up_to_date() {
    let ended = Program::run(&["man", "--markdown"], &[]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cli.md");
    if std::env::var_os("QUITTANCE_UPDATE_DOCS").is_some() {
        std::fs::write(&path, &ended.stdout).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == ended.stdout,
        "docs/cli.md is stale: QUITTANCE_UPDATE_DOCS=1 cargo test --features dev --test it cli"
    );
}

#[tokio::test]
async fn the_exit_codes_are_the_same_everywhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/configuration.md")).unwrap();
    let reference = std::fs::read_to_string(root.join("docs/cli.md")).unwrap();
    let codes = reference.split("## Exit codes").nth(1).unwrap().lines();
    let codes: Vec<_> =
        codes.filter(|line| line.starts_with("| ") && !line.contains("code")).take(7).collect();
    assert_eq!(codes.len(), 7);
    for line in codes {
        assert!(page.contains(line), "docs/configuration.md lacks {line}");
    }
}

#[tokio::test]
async fn shells_and_man_get_what_they_need() {
    for (shell, sign) in
        [("bash", "complete -F"), ("zsh", "#compdef quittance"), ("fish", "complete -c quittance")]
    {
        let ended = Program::run(&["completions", shell], &[]).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.stdout.contains(sign), "{shell}: {}", ended.stdout);
        assert!(ended.stdout.contains("dead-letters"), "{shell}");
    }
    let dir = temp_dir();
    let ended = Program::run(&["man", "--dir", dir.path().to_str().unwrap()], &[]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for page in ["quittance.1", "quittance-events-replay.1"] {
        let text = std::fs::read_to_string(dir.path().join(page)).unwrap();
        assert!(text.contains(".SH"), "{page}: {text}");
    }
}

#[tokio::test]
async fn a_reader_that_has_seen_enough_ends_it_without_a_word() {
    // More than a pipe holds, so that it writes on when nobody reads any more.
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_quittance"))
        .args(["man", "--markdown"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(program.stdout.take());
    let ended = program.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(ended.stderr).unwrap(), "");
    assert_eq!(ended.status.code(), Some(0));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_with_its_setting_and_what_to_try() {
    // Port 1 of this machine: nobody listens there.
    let env = [
        ("DATABASE_URL", "postgres://jane:hush@127.0.0.1:1/quittance"),
        ("QUITTANCE__DATABASE__ACQUIRE_TIMEOUT", "1s"),
    ];
    let ended = Program::run(&["events", "list"], &env).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let said = &ended.stderr;
    assert!(said.contains("postgres://jane:***@127.0.0.1:1/quittance"), "{said}");
    assert!(said.contains("database.url, from the environment variable DATABASE_URL"), "{said}");
    assert!(said.contains("try:") && said.contains("psql"), "{said}");
    assert!(!said.contains("hush"), "{said}");
}

#[tokio::test]
async fn a_url_that_its_driver_cannot_use_is_refused_with_its_setting() {
    for (variable, url, key, fault) in [
        ("REDIS_URL", "redis://u:hush@h/abc", "redis.url = redis://u:***@h/abc", "database number"),
        (
            "DATABASE_URL",
            "postgres://u:hush@h/x?sslmode=foo",
            "database.url = postgres://u:***@h/x?sslmode=foo",
            "unknown value \"foo\"",
        ),
    ] {
        let ended = Program::run(&["config", "check"], &[(variable, url)]).await;
        assert_eq!(ended.code, Some(3), "{ended:?}");
        for part in [key, fault, variable, "It looks like"] {
            assert!(ended.stderr.contains(part), "no {part:?} in {ended:?}");
        }
        assert!(!ended.stderr.contains("hush"), "{ended:?}");
    }
}

#[tokio::test]
async fn what_a_command_lacks_is_said_by_the_name_of_the_command() {
    for command in [&["status"][..], &["queue", "show"], &["events", "list"]] {
        let ended = Program::run(command, &[]).await;
        assert_eq!(ended.code, Some(3), "{ended:?}");
        let said = format!("quittance {}: the settings are refused:", command.join(" "));
        assert!(ended.stderr.starts_with(&said), "{ended:?}");
        assert!(ended.stderr.contains("is not set, and this command needs it"), "{ended:?}");
    }
}

#[tokio::test]
async fn a_command_line_that_cannot_be_followed_says_what_could_be_typed() {
    for (args, parts) in [
        (
            &["dead-letters", "retry"][..],
            &["--all", "--group", "--code", "--newer-than", "--customer"][..],
        ),
        (&["objects", "list"], &["--kind", "--customer", "--metadata"]),
        (&["dead-letters", "retry", "1", "--over", "48h"], &["24 hours at most"]),
        (&["dead-letters", "snooze", "1", "--for", "0s"], &["must be longer than 0s"]),
        (
            &["dead-letters", "snooze", "1", "--until", "2020-01-01T00:00:00Z"],
            &["this time is in the past"],
        ),
    ] {
        // Before anything is looked at: not even the settings are there.
        let ended = Program::run(args, &[]).await;
        assert_eq!(ended.code, Some(2), "{args:?}: {ended:?}");
        for part in parts {
            assert!(ended.stderr.contains(part), "{args:?}: no {part:?} in {}", ended.stderr);
        }
    }
}

#[tokio::test]
async fn a_message_that_nobody_can_read_does_not_change_the_exit_code() {
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let dir = temp_dir();
    let config = dir.path().join("quittance.toml");
    std::fs::write(&config, "[database]\nuri = \"x\"\n").unwrap();
    let run = |args: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_quittance"));
        command.args(args).env_clear().env("QUITTANCE_CONFIG", &config).stderr(full());
        command.status().unwrap().code()
    };
    assert_eq!(run(&["migrate"]), Some(3), "settings refused");
    assert_eq!(run(&["no-such-command"]), Some(2));
}

#[tokio::test]
async fn a_log_that_cannot_be_written_ends_nobody() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let status = std::process::Command::new(env!("CARGO_BIN_EXE_quittance"))
        .args(["migrate"])
        .env_clear()
        // Port 1 of this machine: nobody listens there.
        .envs([("DATABASE_URL", "postgres://127.0.0.1:1/x"), ("QUITTANCE__LOG__FILTER", "trace")])
        .stderr(full)
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(1), "it was the database that was not there");
}

#[tokio::test]
async fn nothing_is_coloured_or_cut_where_no_person_looks() {
    let ended = Program::run(&["kinds"], &[]).await;
    assert!(!ended.stdout.contains('\u{1b}') && !ended.stdout.contains('…'), "{}", ended.stdout);
    let ended = Program::run(&["--help"], &[]).await;
    assert!(!ended.stdout.contains('\u{1b}'), "{}", ended.stdout);
    assert!(ended.stdout.contains("Exit codes:"), "{}", ended.stdout);
}

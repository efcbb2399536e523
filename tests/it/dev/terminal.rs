//! `quittance dev` as somebody meets it in a terminal.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use crate::harness::{temp_dir, within};

fn dev(root: &std::path::Path, env: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quittance"));
    command.args(["dev", "--payments", "1", "--calm", "--workers", "1", "--root"]).arg(root);
    for name in ["STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET", "QUITTANCE_CONFIG"] {
        command.env_remove(name);
    }
    command.envs(env.iter().copied()).stdin(Stdio::null()).kill_on_drop(true);
    command
}

#[tokio::test]
async fn a_run_that_nobody_watches_any_more_comes_to_its_verdict_and_no_other_runs_beside_it() {
    let dir = temp_dir();
    let one_of_two = [("STRIPE_SECRET_KEY", "sk_test_x")];
    let mut first =
        dev(dir.path(), &one_of_two).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(first.stdout.take().unwrap()).lines();
    within("its first line", lines.next_line()).await.unwrap().unwrap();
    assert!(dir.path().join("env").exists());

    let second = within("a refusal", dev(dir.path(), &[]).output()).await.unwrap();
    let said = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(1), "{said}");
    assert!(said.contains("another `quittance dev` runs in"), "{said}");

    drop(lines);
    let ended = first.wait_with_output().await.unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(0), "{said}");
    assert!(said.contains("Using the simulated Stripe: STRIPE_SECRET_KEY is set, but"), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    assert!(!dir.path().join("env").exists(), "it leads nowhere any more");
}

#[tokio::test]
async fn a_key_of_live_mode_is_refused() {
    let dir = temp_dir();
    let env = [("STRIPE_SECRET_KEY", "rk_live_x"), ("STRIPE_WEBHOOK_SECRET", "whsec_x")];
    let ended = dev(dir.path(), &env).output().await.unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(3), "{said}");
    assert!(said.contains("live mode") && said.contains("sk_test_"), "{said}");
}

//! The same by the command line, as a script uses it.

use serde_json::{Value, json};

use super::notifications::{SHOP, given_up};
use super::{execute, many};
use crate::harness::{Program, TestDatabase, redis_url};

/// Runs `quittance ...` on a test's servers.
async fn command(db: &TestDatabase, args: &[&str]) -> (i32, String, String) {
    let (url, redis) = (db.url(), redis_url());
    let name = crate::harness::queue_name();
    let env = [
        ("DATABASE_URL", url.as_str()),
        ("REDIS_URL", redis.as_str()),
        ("QUITTANCE__QUEUE__NAME", name.as_str()),
    ];
    let ended = Program::run(args, &env).await;
    (ended.code.unwrap(), ended.stdout, ended.stderr)
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"))
}

#[tokio::test]
async fn what_a_payload_calls_its_object_neither_ends_a_line_nor_commands_the_terminal() {
    let db = TestDatabase::migrated().await;
    many(&db, 1).await;
    execute(&db, "UPDATE quittance.dead_letters SET object_id = E'ch_1\\nch_2\\x1b[2J'".into())
        .await;
    let (_, out, _) = command(&db, &["dead-letters", "list"]).await;
    assert!(out.lines().count() == 2 && out.contains(r"ch_1\nch_2\u{1b}[2J"), "{out}");
}

#[tokio::test]
async fn who_is_told_nothing_and_what_was_not_given_up_are_named() {
    let db = TestDatabase::migrated().await;
    let (claimed, _) = given_up(&db).await;
    let refused: [&[&str]; 2] =
        [&["outbox", "dead", "--destination", "nope"], &["outbox", "retry", "nope", "--all"]];
    for args in refused {
        let (code, out, said) = command(&db, args).await;
        assert_eq!((code, out.as_str()), (1, ""), "{said}");
        assert!(said.contains("there is no destination nope") && said.contains(SHOP), "{said}");
    }
    let (known, unknown) = (claimed.id.to_string(), "00000000-0000-7000-8000-000000000000");
    let (code, out, said) = command(&db, &["outbox", "retry", SHOP, unknown]).await;
    assert_eq!((code, out.as_str()), (1, "0 queued for redelivery to http:shop.\n"), "{said}");
    assert!(said.contains(&format!("{unknown} is not dead-lettered for http:shop")), "{said}");
    let (code, out, said) = command(&db, &["outbox", "retry", SHOP, &known, unknown]).await;
    assert_eq!((code, out.as_str()), (5, "1 queued for redelivery to http:shop.\n"), "{said}");
    assert!(said.contains(unknown) && !said.contains(&known), "{said}");
}

#[tokio::test]
async fn a_group_is_found_and_acted_on_as_a_whole_and_the_operation_shown() {
    let db = TestDatabase::migrated().await;
    many(&db, 3).await;
    let (code, out, _) = command(&db, &["dead-letters", "groups"]).await;
    assert!(code == 0 && out.contains("f:charge.failed") && out.contains("FIRST SEEN"), "{out}");
    let (_, out, _) = command(&db, &["dead-letters", "groups", "--json"]).await;
    let group = parsed(&out)["groups"][0].clone();
    assert_eq!(group["states"]["open"], 3);
    assert_eq!(group["hourly"].as_array().unwrap().len(), 24);
    let name = group["group"].as_str().unwrap();

    // Nobody can be asked here.
    let args = ["dead-letters", "discard", "--group", name, "--reason", "a test", "--as", "joe"];
    let (code, _, said) = command(&db, &args).await;
    assert!(code == 1 && said.contains("3 dead letters match") && said.contains("--yes"), "{said}");
    assert_eq!(db.count("quittance.operations").await, 0);

    let (code, out, _) = command(&db, &[&args[..], &["--yes", "--json"]].concat()).await;
    let operation = parsed(&out)["operation"].clone();
    assert_eq!((code, &operation["state"], &operation["done"]), (0, &json!("done"), &json!(3)));
    let id = operation["id"].to_string();
    let (code, out, _) = command(&db, &["operations", "show", &id, "--json"]).await;
    let shown = parsed(&out);
    assert_eq!((code, &shown["operation"]["actor"]), (0, &json!("joe")));
    assert_eq!(shown["results"].as_array().unwrap().len(), 3);
    let (_, out, _) = command(&db, &["operations", "list"]).await;
    assert!(out.contains("discard") && out.contains("joe"), "{out}");
    for verb in ["cancel", "resume"] {
        let (code, _, said) = command(&db, &["operations", verb, &id]).await;
        assert!(code == 1 && said.contains(&format!("operation {id} is done")), "{said}");
    }
    let (code, _, said) = command(&db, &["operations", "show", "999"]).await;
    assert!(code == 1 && said.contains("there is no operation 999"), "{said}");

    let (code, out, _) = command(&db, &["dead-letters", "undo", "--all", "--yes"]).await;
    assert_eq!(code, 0, "{out}");
    let (_, out, _) = command(&db, &["dead-letters", "list", "--ids"]).await;
    assert_eq!(out.lines().count(), 3);
}

#[tokio::test]
async fn what_was_partly_done_says_which_and_why() {
    let db = TestDatabase::migrated().await;
    many(&db, 3).await;
    execute(
        &db,
        "UPDATE quittance.dead_letters SET payload = NULL WHERE event_id = 'evt_2'".into(),
    )
    .await;
    let (code, out, _) = command(&db, &["dead-letters", "retry", "--all", "--yes"]).await;
    assert_eq!(code, 5, "{out}");
    assert!(out.contains("2 succeeded, 1 failed, 3 total") && out.contains("--failed"), "{out}");
    let id = db.number("SELECT max(id) FROM quittance.operations").await.to_string();
    let (_, out, _) = command(&db, &["operations", "show", &id, "--failed"]).await;
    assert!(out.contains("resend the event in Stripe"), "{out}");
    assert_eq!(out.lines().filter(|line| line.contains("failed  ")).count(), 1, "{out}");
}

#[tokio::test]
async fn no_dead_letters_and_no_match_are_told_apart_and_who_is_meant_must_be_said() {
    let db = TestDatabase::migrated().await;
    let (_, out, _) = command(&db, &["dead-letters", "list"]).await;
    assert_eq!(out, "No dead letters.\n");
    let (_, out, _) = command(&db, &["dead-letters", "list", "--customer", "cus_1"]).await;
    assert_eq!(out, "No dead letters match.\n");
    let (code, out, _) = command(&db, &["dead-letters", "retry", "--all", "--yes"]).await;
    assert_eq!((code, &*out), (0, "Nothing matches.\n"));
    for wrong in [
        &["dead-letters", "retry"][..],
        &["dead-letters", "retry", "1", "--all"],
        &["dead-letters", "retry", "--customer", "cus_1"],
        &["dead-letters", "snooze", "1"],
        &["dead-letters", "list", "--older-than", "soon"],
        &["dead-letters", "list", "--group", "x"],
    ] {
        let (code, _, said) = command(&db, wrong).await;
        assert_eq!(code, 2, "{wrong:?}: {said}");
    }
    let (code, _, said) =
        command(&db, &["dead-letters", "retry", "1", "--customer", "cus_1"]).await;
    assert!(code == 1 && said.contains("--all"), "{said}");
    let (code, out, _) = command(&db, &["dead-letters", "snooze", "1", "--for", "2h"]).await;
    assert_eq!((code, &*out), (1, "1: there is no such dead letter\n"));
}

//! `quittance status`, `queue` and `audit` as commands.

use serde_json::{Value, json};

use super::*;
use crate::harness::{Program, eventually};

/// Runs a command on this app's servers: its exit code and what it printed.
async fn command(app: &App, args: &[&str]) -> (i32, String, String) {
    let url = app.db.url();
    let env = [
        ("DATABASE_URL", url.as_str()),
        ("REDIS_URL", app.settings.redis.url.reveal()),
        ("QUITTANCE__QUEUE__NAME", &app.settings.queue.name),
    ];
    let ended = Program::run(args, &env).await;
    (ended.code.unwrap(), ended.stdout, ended.stderr)
}

fn document(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[tokio::test]
async fn the_exit_code_of_the_status_says_healthy_or_not() {
    let mut app = App::without_workers().await;
    let (code, out, err) = command(&app, &["status", "--json"]).await;
    assert_eq!((code, err.as_str()), (1, ""));
    assert_eq!(document(&out)["findings"][0]["code"], "no_workers", "{out}");
    let (code, out, _) = command(&app, &["status"]).await;
    assert_eq!(code, 1);
    assert!(out.starts_with("Unhealthy.\n  problem: no worker"), "{out}");

    app.add_worker().await;
    eventually("the worker reports itself", async || status(&app).await.healthy).await;
    let (code, out, _) = command(&app, &["status"]).await;
    assert_eq!(code, 0, "{out}");
    assert!(out.starts_with("Healthy.\n") && out.contains("worker-1"), "{out}");
    let (code, out, _) = command(&app, &["status", "--json"]).await;
    assert_eq!((code, &document(&out)["healthy"]), (0, &json!(true)));
}

#[tokio::test]
async fn a_watch_looks_again_and_again_until_it_is_told_to_stop() {
    let app = App::without_workers().await;
    let url = app.db.url();
    let env = [
        ("DATABASE_URL", url.as_str()),
        ("REDIS_URL", app.settings.redis.url.reveal()),
        ("QUITTANCE__QUEUE__NAME", &app.settings.queue.name),
    ];
    let (code, lines) = Program::watched(&["status", "--watch", "1", "--json"], &env, 2).await;
    assert_eq!(code, Some(0));
    assert!(lines.iter().all(|line| document(line)["healthy"] == false), "{lines:?}");
}

#[tokio::test]
async fn an_operator_pauses_looks_resumes_and_shows_afterwards_who_did_what() {
    let app = App::without_workers().await;
    app.pays("pm_card_visa");
    app.stripe().wait_all_acknowledged().await.unwrap();
    let pause = ["queue", "pause", "--reason", "wrong key", "--as", "jane"];
    let (code, out, _) = command(&app, &pause).await;
    assert_eq!(code, 0);
    assert_eq!(out, "live: paused: no new job starts\nbackfill: paused: no new job starts\n");
    let (code, out, _) =
        command(&app, &["queue", "pause", "--lane", "live", "--reason", "x"]).await;
    assert!(code == 0 && out.contains("was already paused") && out.contains("by jane: wrong key"));
    let (code, _, err) = command(&app, &["queue", "pause"]).await;
    assert_eq!(code, 2, "a pause needs a reason");
    assert!(err.contains("--reason"), "{err}");
    for nameless in ["", "  "] {
        let (code, _, err) = command(&app, &["queue", "resume", "--as", nameless]).await;
        assert!(code == 2 && err.contains("a name is needed"), "{err}");
    }

    let (code, out, _) = command(&app, &["queue", "show", "--json"]).await;
    assert_eq!((code, &document(&out)["lanes"][0]["paused"]["by"]), (0, &json!("jane")));
    let (code, out, _) = command(&app, &["queue", "peek", "--json", "--limit", "1"]).await;
    let jobs = &document(&out)["jobs"];
    assert_eq!((code, jobs.as_array().unwrap().len()), (0, 1));
    assert_eq!(jobs[0]["place"], "waiting");
    assert!(!out.contains("client_secret") && !out.contains("\"data\""), "no payload: {out}");
    let (_, out, _) = command(&app, &["queue", "peek", "--lane", "backfill"]).await;
    assert_eq!(out, "No jobs in this state.\n");

    let (code, out, _) = command(&app, &["queue", "resume", "--as", "joe", "--json"]).await;
    assert_eq!((code, &document(&out)["lanes"][0]["changed"]), (0, &json!(true)));
    let (code, out, _) =
        command(&app, &["audit", "list", "--verb", "queue", "--since", "1h", "--json"]).await;
    let entries = &document(&out)["entries"];
    assert_eq!((code, entries.as_array().unwrap().len()), (0, 4));
    assert_eq!((&entries[0]["actor"], &entries[3]["actor"]), (&json!("joe"), &json!("jane")));
    let (_, out, _) = command(&app, &["audit", "list", "--actor", "nobody"]).await;
    assert_eq!(out, "Nothing matches.\n");
    let mut app = app;
    app.may_leave_work();
}

#[tokio::test]
async fn a_pause_that_could_not_be_noted_is_partly_done() {
    let app = App::without_workers().await;
    let env = [
        ("DATABASE_URL", "postgres://nobody:hush@127.0.0.1:1/none"),
        ("REDIS_URL", app.settings.redis.url.reveal()),
        ("QUITTANCE__QUEUE__NAME", &app.settings.queue.name),
    ];
    let args = ["queue", "pause", "--lane", "live", "--reason", "x"];
    let ended = Program::run(&args, &env).await;
    assert_eq!(ended.code, Some(5), "{ended:?}");
    assert!(ended.stderr.contains("not recorded in the audit log"), "{ended:?}");
    assert!(!ended.stderr.contains("hush"), "{ended:?}");
    assert_eq!(inspector(&app).pauses().await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_status_shows_what_stripe_was_asked_to_do_and_what_waits_for_an_operator() {
    let app = App::start().await;
    eventually("the worker reports itself", async || status(&app).await.healthy).await;
    let with = async |states: &'static str| app.db.execute(states).await;
    with(
        "INSERT INTO quittance.commands (id, caller, idempotency_key, fingerprint, kind, livemode,
             parameters, state, stripe_key, due_at, created_at, closed_at)
         SELECT gen_random_uuid(), 'shop', c.state, 'f', 'create_refund', false, '{}', c.state, c.state,
                now() + interval '1 day', now() - interval '2 minutes',
                CASE c.state WHEN 'done' THEN now() END
         FROM unnest(ARRAY['done', 'unknown']) AS c (state)",
    )
    .await;
    let (code, out, _) = command(&app, &["status"]).await;
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("Commands: 1 unknown (oldest 2m"), "{out}");
    assert!(out.contains("; 1 done and 0 refused in the last 24 hours"), "{out}");

    with(
        "INSERT INTO quittance.commands (id, caller, idempotency_key, fingerprint, kind, livemode,
             parameters, state, stripe_key, due_at, created_at)
         SELECT gen_random_uuid(), 'shop', c.state, 'f', 'create_refund', false, '{}', c.state, c.state,
                now() + interval '1 day', now() - interval '16 minutes'
         FROM unnest(ARRAY['accepted', 'dead']) AS c (state)",
    )
    .await;
    let (code, out, _) = command(&app, &["status", "--json"]).await;
    let status = document(&out);
    let findings = status["findings"].as_array().unwrap();
    let codes: Vec<_> = findings.iter().map(|it| it["code"].as_str().unwrap()).collect();
    assert_eq!((code, codes), (1, vec!["commands_dead", "commands_late"]), "{out}");
    let of_state = |state: &str| {
        let open = status["commands"]["open"].as_array().unwrap().clone();
        open.into_iter().find(|it| it["state"] == state).unwrap()["count"].clone()
    };
    assert_eq!((of_state("dead"), of_state("accepted")), (json!(1), json!(1)));
}

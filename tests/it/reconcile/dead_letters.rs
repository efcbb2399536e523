//! Dead-lettered events: shown, retried and discarded, as calls and as commands.

use std::time::Duration;

use quittance::ops::dead_letters::{self, DeadLetterResult};
use quittance::store::dead_letter::{Actor, DeadLetterId, DeadLetterState, Filter};
use serde_json::{Value, json};

use crate::harness::{App, Program};

const JANE: Actor<'_> = Actor { name: "jane", reason: Some("Stripe was ill") };

/// An event that was given up although its object is there; its dead letter.
async fn given_up(app: &App) -> (String, DeadLetterId) {
    app.stripe().set_auto_deliver(false);
    app.pays("pm_card_visa");
    let event = app.events("payment_intent.succeeded").pop().unwrap();
    app.stripe().set_chaos(|chaos| chaos.server_errors = 1.0);
    app.deliver(&event).await;
    app.drained().await;
    app.stripe().set_chaos(|chaos| chaos.server_errors = 0.0);
    let dead_letter = app.db.json("quittance.dead_letters", &format!("event_id = '{event}'")).await;
    (event, dead_letter["id"].to_string().parse().unwrap())
}

async fn retry(app: &App, id: DeadLetterId) -> Vec<DeadLetterResult> {
    let ids = [id];
    let retrying = dead_letters::retry(&app.db.store, &app.producer, &ids, Duration::ZERO, JANE);
    retrying.await.unwrap()
}

async fn fragile() -> App {
    let env = &[("QUITTANCE__RETRY__MAX_ATTEMPTS", "1")];
    App::with(crate::harness::Options { env, ..Default::default() }).await
}

#[tokio::test]
async fn a_retry_settles_the_event_and_resolves_its_dead_letter() {
    let app = fragile().await;
    let (event, id) = given_up(&app).await;
    let open =
        async || dead_letters::list(&app.db.store, &Filter::open(), None, 10).await.unwrap().len();
    assert_eq!(open().await, 1);

    let results = retry(&app, id).await;
    assert!(results[0].ok, "{results:?}");
    app.drained().await;

    let shown = dead_letters::show(&app.db.store, id, false).await.unwrap().unwrap();
    assert_eq!(shown.dead_letter.state, DeadLetterState::Resolved);
    assert_eq!(shown.dead_letter.event_key, event);
    assert_eq!(app.event(&event).await["status"], "settled");
    let outcomes: Vec<_> = shown.attempts.iter().map(|a| a.outcome.as_str()).collect();
    assert_eq!(outcomes, ["dead", "applied"]);
    assert_eq!(shown.current.unwrap().data.unwrap()["status"], "succeeded");
    assert_eq!(shown.event.unwrap().outcome.as_deref(), Some("applied"));
    let story: Vec<_> = shown.timeline.iter().map(|moment| moment.what.word()).collect();
    for word in ["event", "attempt", "transition", "dead_letter", "act"] {
        assert!(story.contains(&word), "no {word} in {story:?}");
    }
    let [entry] = &shown.audit[..] else { panic!("one entry") };
    assert_eq!((entry.actor.as_str(), entry.reason.as_deref()), ("jane", JANE.reason));
    assert_eq!(open().await, 0);
}

#[tokio::test]
async fn a_retry_that_was_taken_back_ends_without_an_attempt_and_the_next_one_does_not() {
    let app = fragile().await;
    let (event, id) = given_up(&app).await;
    // As if somebody took it back between the job and the worker.
    app.db.execute("UPDATE quittance.dead_letters SET taken_back = 1").await;
    assert!(retry(&app, id).await[0].ok);
    app.drained().await;
    assert_eq!(app.attempts(&event).await.len(), 1, "the one before");
    assert_eq!(app.event(&event).await["status"], "dead");

    assert!(retry(&app, id).await[0].ok);
    app.drained().await;
    assert_eq!(app.event(&event).await["status"], "settled");
    let traces = app.db.number("SELECT count(DISTINCT trace_id) FROM quittance.attempts").await;
    assert_eq!(traces, 1, "a retry goes on with the trace of what it retries");
}

#[tokio::test]
async fn a_dead_letter_that_dies_again_is_the_same_dead_letter_and_a_discarded_one_stays_so() {
    let app = fragile().await;
    let (event, id) = given_up(&app).await;
    app.stripe().set_chaos(|chaos| chaos.server_errors = 1.0);
    retry(&app, id).await;
    app.drained().await;
    let dead_letter = app.db.json("quittance.dead_letters", &format!("event_id = '{event}'")).await;
    assert_eq!(json!([dead_letter["state"], dead_letter["deaths"]]), json!(["open", 2]));
    let results = dead_letters::discard(&app.db.store, &[id], JANE).await.unwrap();
    assert_eq!(results[0].result, "done");
    assert_eq!(retry(&app, id).await[0].result, "discarded");
    assert_eq!(app.producer.depth().await.unwrap().total(), 0);
}

/// Runs `quittance dead-letters ...` on this app's servers.
async fn command(app: &App, args: &[&str]) -> (i32, String, String) {
    let url = app.db.url();
    let env = [
        ("DATABASE_URL", url.as_str()),
        ("REDIS_URL", app.settings.redis.url.reveal()),
        ("QUITTANCE__QUEUE__NAME", &app.settings.queue.name),
    ];
    let ended = Program::run(&[&["dead-letters"], args].concat(), &env).await;
    (ended.code.unwrap(), ended.stdout, ended.stderr)
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"))
}

#[tokio::test]
async fn the_commands_list_show_retry_and_discard() {
    let app = fragile().await;
    let (event, first) = given_up(&app).await;
    let (_, second) = given_up(&app).await;
    let (one, two) = (first.to_string(), second.to_string());

    let (code, table, _) = command(&app, &["list"]).await;
    assert_eq!(code, 0);
    assert!(table.contains("payment_intent.succeeded") && table.contains("pi_"), "{table}");
    let (_, ids, _) = command(&app, &["list", "--ids"]).await;
    assert_eq!(ids, format!("{two}\n{one}\n"), "newest first");
    let (_, list, _) = command(&app, &["list", "--json", "--limit", "1"]).await;
    assert_eq!(parsed(&list)["dead_letters"][0]["id"], second.get());

    let (code, shown, _) = command(&app, &["show", &one, "--json", "--payload"]).await;
    let shown = parsed(&shown);
    assert_eq!((code, &shown["dead_letter"]["event"]), (0, &json!(event)));
    assert_eq!(shown["dead_letter"]["payload"]["id"], event);
    assert!(!shown.to_string().contains("_secret_"));
    let (code, _, said) = command(&app, &["show", "999"]).await;
    assert_eq!(code, 1);
    assert!(said.contains("there is no dead letter 999"), "{said}");
    let (code, _, said) = command(&app, &["show", "x"]).await;
    assert_eq!(code, 2);
    assert!(said.contains("whole number"), "{said}");

    let (code, out, _) = command(&app, &["retry", &one, "999", "--as", "jane", "--json"]).await;
    assert_eq!(code, 5, "some, not all");
    let results = parsed(&out);
    assert_eq!(results["results"][0]["ok"], true);
    assert_eq!(
        results["results"][1],
        json!({
            "id": 999, "ok": false, "result": "unknown", "message": "there is no such dead letter"
        })
    );
    app.drained().await;
    assert_eq!(app.event(&event).await["status"], "settled");
    let (code, out, _) = command(&app, &["retry", &one]).await;
    assert_eq!((code, out), (1, format!("{one}: it is resolved already\n")));

    let (code, _, _) = command(&app, &["discard", &two]).await;
    assert_eq!(code, 2, "a reason is needed");
    let (code, _, _) = command(&app, &["discard", &two, "--reason", "  "]).await;
    assert_eq!(code, 1, "and not an empty one");
    let (code, _, _) = command(&app, &["discard", &two, "--reason", "a test", "--as", "joe"]).await;
    assert_eq!(code, 0);
    let audit = app
        .db
        .rows("SELECT actor, verb, target, reason FROM quittance.audit_log ORDER BY id")
        .await;
    let entry = |actor: &str, verb: &str, id: &str, reason: Option<&str>| json!({"actor": actor, "verb": verb, "target": format!("dead_letter:{id}"), "reason": reason});
    assert_eq!(
        audit,
        [
            entry("jane", "dead_letter.retry", &one, None),
            entry("joe", "dead_letter.discard", &two, Some("a test")),
        ]
    );
    let (code, out, _) = command(&app, &["list"]).await;
    assert_eq!((code, out.as_str()), (0, "No dead letters.\n"));
}

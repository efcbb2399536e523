//! Bulk retries whose process is stopped in the middle.

use nix::sys::signal::Signal;
use quittance::domain::failure::{Class, Failure};
use quittance::domain::retry::DeadReason;
use quittance::store::dead_letter::{DeadEvent, NewDeadLetter};
use serde_json::{Value, json};
use stripe_simulator::Kind;

use crate::harness::{App, Ended, Program, eventually};
use crate::store::given::{attempt, receipt};

/// More than two pages of an operation.
const MANY: usize = 401;

/// Gives up all events so far as a worker does, without an attempt at them.
async fn give_up_all(app: &App) -> i64 {
    let events = app.stripe().truth(Kind::Event);
    for event in &events {
        let key = event["id"].as_str().unwrap().to_owned();
        let body = event.to_string();
        let dead_letter = NewDeadLetter {
            event: DeadEvent { key, ..DeadEvent::unreadable(body.as_bytes()) },
            receipt: receipt(),
            lane: "live".into(),
            reason: DeadReason::Permanent.into(),
            attempt: attempt(),
            failure: Failure {
                class: Class::Permanent,
                code: "stripe_resource_missing".into(),
                chain: vec!["no such charge".into()],
                request_id: None,
                should_retry: None,
            },
            body: body.into(),
        };
        app.db.store.dead_letter(&dead_letter).await.unwrap().unwrap();
    }
    i64::try_from(events.len()).unwrap()
}

fn env(app: &App, url: &str) -> Vec<(&'static str, String)> {
    vec![
        ("DATABASE_URL", url.to_owned()),
        ("REDIS_URL", app.settings.redis.url.reveal().to_owned()),
        ("QUITTANCE__QUEUE__NAME", app.settings.queue.name.clone()),
    ]
}

fn borrowed<'a>(env: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    env.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

async fn command(app: &App, args: &[&str]) -> Ended {
    Program::run(args, &borrowed(&env(app, &app.db.url()))).await
}

async fn operation(app: &App) -> Value {
    app.db.json("quittance.operations", "true").await
}

async fn dead_letters(app: &App, condition: &str) -> i64 {
    app.db.count(&format!("quittance.dead_letters WHERE {condition}")).await
}

/// Begins a retry of all dead letters in a process of its own, and interrupts that in the middle of the
/// second page, which another transaction holds up until the process has heard of it.
async fn interrupted(app: &App) {
    let mut holds = app.db.connect().await;
    // By its id: FOR UPDATE also locks the rows that an OFFSET skips.
    let hold = "BEGIN; SELECT FROM quittance.dead_letters
                WHERE id = (SELECT id FROM quittance.dead_letters ORDER BY id OFFSET 300 LIMIT 1)
                FOR UPDATE";
    sqlx::raw_sql(hold).execute(&mut holds).await.unwrap();
    let env = env(app, &app.db.url());
    let args = ["dead-letters", "retry", "--all", "--yes", "--over", "0s"];
    let mut program = Program::start(&args, &borrowed(&env));
    eventually("the second page waits for a lock", async || {
        app.db
            .count(
                "pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
            )
            .await
            > 0
    })
    .await;
    program.signal(Signal::SIGINT);
    program.says("shutdown requested").await;
    sqlx::raw_sql("ROLLBACK").execute(&mut holds).await.unwrap();
    let ended = program.ended().await;
    assert_eq!(ended.code(), Some(5), "{}", program.logged);
}

#[tokio::test]
async fn a_retry_whose_process_is_stopped_keeps_what_it_queued_and_any_process_goes_on_with_it() {
    let mut app = App::without_workers().await;
    app.stripe().set_auto_deliver(false);
    while app.events("").len() < MANY {
        app.pays("pm_card_visa");
    }
    let total = give_up_all(&app).await;
    interrupted(&app).await;
    let it = operation(&app).await;
    assert_eq!(
        (&it["state"], &it["done"], &it["failed"]),
        (&json!("interrupted"), &json!(400), &json!(0))
    );
    assert_eq!(it["error"], "the process that ran it was stopped");
    assert_eq!(dead_letters(&app, "state = 'retrying'").await, 400, "nothing is taken back");
    assert_eq!(dead_letters(&app, "taken_back > 0").await, 0);

    let id = it["id"].to_string();
    let resumed = command(&app, &["operations", "resume", &id]).await;
    assert_eq!(resumed.code, Some(0), "{resumed:?}");
    assert!(resumed.stdout.contains(&format!("{total} succeeded, 0 failed")), "{resumed:?}");
    app.add_worker().await;
    app.drained().await;
    assert_eq!(dead_letters(&app, "state = 'resolved' AND retries = 1").await, total);
    assert_eq!(app.db.count("quittance.events WHERE status <> 'dead'").await, total);
    let twice =
        "(SELECT event_id FROM quittance.attempts GROUP BY event_id HAVING count(*) <> 2) AS e";
    assert_eq!(app.db.count(twice).await, 0, "the one in vain and one retry");
}

#[tokio::test]
async fn a_retry_that_is_cancelled_is_taken_back_and_resumed_it_queues_all_of_it_again() {
    let mut app = App::without_workers().await;
    app.stripe().set_auto_deliver(false);
    while app.events("").len() < MANY {
        app.pays("pm_card_visa");
    }
    let total = give_up_all(&app).await;
    interrupted(&app).await;
    let id = operation(&app).await["id"].to_string();
    let cancelled = command(&app, &["operations", "cancel", &id]).await;
    assert_eq!(cancelled.code, Some(0), "{cancelled:?}");
    assert!(cancelled.stdout.contains("is cancelled: 0 succeeded"), "{cancelled:?}");
    let it = operation(&app).await;
    assert_eq!(
        (&it["state"], &it["done"], &it["failed"]),
        (&json!("cancelled"), &json!(0), &json!(400))
    );
    assert_eq!(dead_letters(&app, "state = 'open'").await, total);
    assert_eq!(dead_letters(&app, "taken_back = 1").await, 400);
    let noted = "(SELECT FROM quittance.audit_log WHERE verb = 'operation.cancelled'
                  AND details -> 'taken_back' = '400') AS n";
    assert_eq!(app.db.count(noted).await, 1);
    // What waits in the queue ends without an attempt.
    app.add_worker().await;
    app.drained().await;
    assert_eq!(app.db.count("quittance.attempts").await, total);
    assert_eq!(dead_letters(&app, "state = 'open'").await, total);

    let resumed = command(&app, &["operations", "resume", &id]).await;
    assert_eq!(resumed.code, Some(0), "{resumed:?}");
    let it = operation(&app).await;
    assert_eq!(
        (&it["state"], &it["done"], &it["failed"]),
        (&json!("done"), &json!(total), &json!(0))
    );
    app.drained().await;
    assert_eq!(dead_letters(&app, "state = 'resolved'").await, total);
}

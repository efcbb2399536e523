//! Refunds by a file: each line once, whatever is started twice, killed, cancelled or refused.

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use stripe_simulator::{Fault, FaultKind, Kind};

use crate::harness::{App, Ended, Program, eventually, within};

const REFUND: &str = "POST /v1/refunds";

/// Payments of 20.00 EUR that are paid, and their rows.
async fn paid(app: &App, count: usize) -> Vec<String> {
    let payments: Vec<_> = (0..count).map(|_| app.pays("pm_card_visa")).collect();
    app.settled().await;
    payments
}

/// A file in a directory of its own, which is removed with it.
struct File {
    dir: tempfile::TempDir,
}

impl File {
    fn of(text: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("refunds.csv"), text).unwrap();
        Self { dir }
    }

    fn path(&self) -> String {
        self.dir.path().join("refunds.csv").display().to_string()
    }
}

fn env(app: &App) -> Vec<(&'static str, String)> {
    vec![
        ("DATABASE_URL", app.db.url()),
        ("REDIS_URL", app.settings.redis.url.reveal().to_owned()),
        ("QUITTANCE__QUEUE__NAME", app.settings.queue.name.clone()),
        ("STRIPE_API_BASE", app.stripe().base_url().to_owned()),
        ("STRIPE_SECRET_KEY", app.stripe().secret_key().to_owned()),
        ("QUITTANCE__API__LIST_LAG", "1s".to_owned()),
    ]
}

fn borrowed<'a>(env: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    env.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

async fn program(app: &App, args: &[&str]) -> Ended {
    Program::run(args, &borrowed(&env(app))).await
}

/// Starts a file without asking, as fast as it goes.
async fn start(app: &App, file: &File) -> (Option<i32>, Value) {
    let path = file.path();
    let args = ["refunds", "create", "--file", &path, "--yes", "--over", "0s", "--json"];
    let ended = program(app, &args).await;
    let document = serde_json::from_str(&ended.stdout);
    (ended.code, document.unwrap_or_else(|_| panic!("{ended:?}")))
}

/// The lines of an operation, with what came of each.
async fn lines(app: &App, id: &Value) -> Vec<Value> {
    let ended = program(app, &["operations", "show", &id.to_string(), "--json"]).await;
    let document: Value = serde_json::from_str(&ended.stdout).unwrap();
    document["lines"].as_array().unwrap().clone()
}

fn results(lines: &[Value]) -> Vec<&str> {
    lines.iter().map(|line| line["result"].as_str().unwrap_or("none")).collect()
}

fn refunded(app: &App) -> Vec<i64> {
    let mut all: Vec<_> =
        app.stripe().truth(Kind::Refund).iter().map(|it| it["amount"].as_i64().unwrap()).collect();
    all.sort_unstable();
    all
}

#[tokio::test]
async fn a_file_that_is_started_twice_refunds_each_line_once() {
    let app = App::start().await;
    let payments = paid(&app, 2).await;
    let (first, second) = (&payments[0], &payments[1]);
    let file = File::of(&format!(
        "payment_intent,amount,key\n{first},500,shoes\n{first},500,hat\n{second},,\n"
    ));
    let (code, it) = start(&app, &file).await;
    let it = &it["operation"];
    assert_eq!((code, &it["verb"], &it["state"]), (Some(0), &json!("refund"), &json!("done")));
    assert_eq!((&it["total"], &it["done"], &it["failed"]), (&json!(3), &json!(3), &json!(0)));
    assert_eq!(results(&lines(&app, &it["id"]).await), ["refunded"; 3]);
    assert_eq!(refunded(&app), [500, 500, 2000], "equal amounts are not duplicates");

    // In another order, and with a line more.
    let file = File::of(&format!(
        "key,payment_intent,amount\n,{second},\nhat,{first},500\nbelt,{first},400\nshoes,{first},500\n"
    ));
    let (code, again) = start(&app, &file).await;
    let again = &again["operation"];
    assert_eq!((code, &again["done"]), (Some(0), &json!(4)));
    let shown = lines(&app, &again["id"]).await;
    assert_eq!(results(&shown), ["earlier", "earlier", "refunded", "earlier"]);
    assert_eq!(refunded(&app), [400, 500, 500, 2000], "equal keys are");
    let audit = app.db.count("quittance.audit_log WHERE verb = 'payment.refund'").await;
    assert_eq!(audit, 2);
    app.settled().await;
    app.is_true().await;
}

#[tokio::test]
async fn two_starts_of_a_file_at_once_refund_each_line_once() {
    let app = App::start().await;
    let payments = paid(&app, 6).await;
    let rows: Vec<_> = payments.iter().map(|payment| format!("{payment},700\n")).collect();
    let file = File::of(&format!("payment_intent,amount\n{}", rows.concat()));
    let ((first, one), (second, two)) = tokio::join!(start(&app, &file), start(&app, &file));
    assert_eq!((first, second), (Some(0), Some(0)), "{one} {two}");
    assert_eq!(refunded(&app), [700; 6]);
    app.settled().await;
    app.is_true().await;
}

#[tokio::test]
async fn a_file_with_a_wrong_line_starts_nothing_and_each_is_named() {
    let app = App::start().await;
    let file = File::of("payment_intent,amount\npi_1,19.99\npi_2,100\ncus_3,100\n");
    let path = file.path();
    let ended = program(&app, &["refunds", "create", "--file", &path, "--yes"]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for said in
        ["line 2: amount: write a whole number", "line 4: payment_intent:", "nothing was started"]
    {
        assert!(ended.stderr.contains(said), "{said}: {ended:?}");
    }
    assert_eq!(app.db.count("quittance.operations").await, 0);
    assert_eq!(app.db.count("quittance.commands").await, 0);
}

#[tokio::test]
async fn without_a_terminal_and_without_yes_nothing_is_started() {
    let app = App::start().await;
    let payments = paid(&app, 1).await;
    let file = File::of(&format!("payment_intent\n{}\n", payments[0]));
    let path = file.path();
    let ended = program(&app, &["refunds", "create", "--file", &path]).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("20.00 EUR in 1 refunds"), "{ended:?}");
    assert!(ended.stderr.contains("pass --yes to refund all 1"), "{ended:?}");
    assert_eq!(app.db.count("quittance.operations").await, 0);
}

#[tokio::test]
async fn a_line_that_is_refused_says_why_and_stops_none_of_the_others() {
    let app = App::start().await;
    let payments = paid(&app, 3).await;
    let (one, two, three) = (&payments[0], &payments[1], &payments[2]);
    let text = format!(
        "payment_intent,amount,currency,key\n\
         {one},1500,eur,a\n\
         {one},501,eur,b\n\
         {two},100,usd,\n\
         pi_nowhere,100,,\n\
         {three},2001,,\n\
         {three},2000,,whole\n"
    );
    let file = File::of(&text);
    let path = file.path();
    let dry = program(&app, &["refunds", "create", "--file", &path, "--dry-run", "--json"]).await;
    let document: Value = serde_json::from_str(&dry.stdout).unwrap();
    assert_eq!((dry.code, &document["would_refund"]), (Some(5), &json!(2)), "{dry:?}");
    let codes: Vec<_> =
        document["refused"].as_array().unwrap().iter().map(|it| it["code"].clone()).collect();
    let expected = ["refund_exceeds_left", "currency_differs", "not_found", "refund_exceeds_left"];
    assert_eq!(codes, expected.map(Value::from));
    assert_eq!(app.db.count("quittance.commands").await, 0, "a dry run writes nothing");
    assert_eq!(app.db.count("quittance.operations").await, 0);

    let (code, it) = start(&app, &file).await;
    let it = &it["operation"];
    assert_eq!((code, &it["done"], &it["failed"]), (Some(5), &json!(2), &json!(4)), "{it}");
    let shown = lines(&app, &it["id"]).await;
    let mut words = results(&shown);
    assert_eq!(
        words.split_off(2),
        ["currency_differs", "not_found", "refund_exceeds_left", "refunded"]
    );
    // The first two are under way at once: whichever is first is good.
    words.sort_unstable();
    assert_eq!(words, ["refund_exceeds_left", "refunded"]);
    assert!(shown[2]["detail"].as_str().unwrap().contains("in eur, not in usd"), "{shown:?}");
    app.settled().await;
    app.is_true().await;
}

#[tokio::test]
async fn a_run_that_is_killed_while_stripe_answers_is_gone_on_with_by_another_process() {
    let app = App::start().await;
    let payments = paid(&app, 5).await;
    let rows: Vec<_> = payments.iter().map(|payment| format!("{payment},\n")).collect();
    let file = File::of(&format!("payment_intent,amount\n{}", rows.concat()));
    let path = file.path();
    app.stripe().add_fault(Fault::once(REFUND, FaultKind::HoldAfter));
    let env = env(&app);
    let args = ["refunds", "create", "--file", &path, "--yes", "--over", "0s"];
    let mut killed = Program::start(&args, &borrowed(&env));
    let held = within("the refund", app.stripe().next_held()).await;
    eventually("the other four are refunded", async || {
        app.db.count("quittance.operation_lines WHERE ok").await == 4
    })
    .await;
    killed.signal(Signal::SIGKILL);
    killed.ended().await;
    held.proceed();
    assert_eq!(app.db.count("quittance.commands WHERE state = 'sent'").await, 1);

    let id = app.db.json("quittance.operations", "true").await["id"].to_string();
    let early = program(&app, &["operations", "resume", &id]).await;
    assert_eq!(early.code, Some(1), "it may still run: {early:?}");
    app.db
        .execute("UPDATE quittance.operations SET heartbeat_at = now() - interval '2 minutes'")
        .await;
    app.db.execute("UPDATE quittance.commands SET due_at = now() WHERE state = 'sent'").await;
    let resumed = program(&app, &["operations", "resume", &id]).await;
    assert_eq!(resumed.code, Some(0), "{resumed:?}");
    assert!(
        resumed.stdout.contains("(refund) is done: 5 succeeded, 0 failed, 5 total"),
        "{resumed:?}"
    );
    assert_eq!(refunded(&app), [2000; 5]);
    app.settled().await;
    app.is_true().await;
}

#[tokio::test]
async fn what_became_of_a_line_is_found_out_before_the_operation_is_done() {
    let app = App::start().await;
    let payments = paid(&app, 4).await;
    let rows: Vec<_> = payments.iter().map(|payment| format!("{payment},\n")).collect();
    let file = File::of(&format!("payment_intent,amount\n{}", rows.concat()));
    // Refunded, and answered 500; not refunded, and answered 500; refused for a moment.
    for kind in [FaultKind::ErrorAfter, FaultKind::ErrorBefore, FaultKind::RateLimited] {
        app.stripe().add_fault(Fault::once(REFUND, kind));
    }
    let (code, it) = start(&app, &file).await;
    let it = &it["operation"];
    assert_eq!((code, &it["done"], &it["failed"]), (Some(0), &json!(4), &json!(0)), "{it}");
    assert_eq!(results(&lines(&app, &it["id"]).await), ["refunded"; 4]);
    assert_eq!(refunded(&app), [2000; 4]);
    app.settled().await;
    app.is_true().await;
}

#[tokio::test]
async fn a_cancel_from_elsewhere_ends_it_before_its_next_line_and_a_resume_goes_on() {
    let app = App::start().await;
    let payments = paid(&app, 3).await;
    let rows: Vec<_> = payments.iter().map(|payment| format!("{payment},\n")).collect();
    let file = File::of(&format!("payment_intent,amount\n{}", rows.concat()));
    let path = file.path();
    let env = env(&app);
    let args = ["refunds", "create", "--file", &path, "--yes", "--over", "24h"];
    let mut running = Program::start(&args, &borrowed(&env));
    eventually("the first line is refunded", async || {
        app.db.count("quittance.operation_lines WHERE ok").await == 1
    })
    .await;
    let id = app.db.json("quittance.operations", "true").await["id"].to_string();
    let cancelled = program(&app, &["operations", "cancel", &id, "--reason", "wrong file"]).await;
    assert_eq!(cancelled.code, Some(0), "{cancelled:?}");
    assert_eq!(running.ended().await.code(), Some(5), "{}", running.logged);
    let it = app.db.json("quittance.operations", "true").await;
    assert_eq!((&it["state"], &it["done"]), (&json!("cancelled"), &json!(1)));
    assert_eq!(refunded(&app), [2000]);

    app.db.execute("UPDATE quittance.operations SET over_ms = NULL").await;
    let resumed = program(&app, &["operations", "resume", &id]).await;
    assert_eq!(resumed.code, Some(0), "{resumed:?}");
    assert_eq!(refunded(&app), [2000; 3]);
    app.settled().await;
    app.is_true().await;
}

#[tokio::test]
async fn an_outage_of_stripe_is_waited_for_and_a_refused_key_interrupts() {
    let app = App::start().await;
    let payments = paid(&app, 2).await;
    let file = File::of(&format!("payment_intent\n{}\n{}\n", payments[0], payments[1]));
    let path = file.path();
    let mut wrong = env(&app);
    wrong.push(("QUITTANCE__STRIPE__WRITE_KEY", "sk_test_wrong".to_owned()));
    let args = ["refunds", "create", "--file", &path, "--yes", "--over", "0s"];
    let refused = Program::run(&args, &borrowed(&wrong)).await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("operations resume 1"), "{refused:?}");
    let it = app.db.json("quittance.operations", "true").await;
    assert_eq!(it["state"], "interrupted");
    assert!(it["error"].as_str().unwrap().contains("takes no commands"), "{it}");

    // A line whose command was given up unsent is made anew under its next key.
    app.db
        .execute(
            "UPDATE quittance.commands SET created_at = now() - interval '1 hour', due_at = now()",
        )
        .await;
    let resumed = program(&app, &["operations", "resume", "1"]).await;
    assert_eq!(resumed.code, Some(0), "{resumed:?}");
    assert_eq!(refunded(&app), [2000; 2]);
    app.settled().await;
    app.is_true().await;
}

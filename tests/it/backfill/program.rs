//! The program: killed and resumed, under load, and what it prints.

use nix::sys::signal::Signal;
use serde_json::Value;
use stripe_simulator::Kind;

use super::{AT_ONCE, differences, lives, quiet, until_now};
use crate::harness::{App, Ended, Program, eventually};

fn env(app: &App) -> Vec<(&'static str, String)> {
    let mut env = vec![
        ("DATABASE_URL", app.db.url()),
        ("REDIS_URL", app.settings.redis.url.reveal().to_owned()),
        ("QUITTANCE__QUEUE__NAME", app.settings.queue.name.clone()),
        ("STRIPE_API_BASE", app.stripe().base_url().to_owned()),
        ("STRIPE_SECRET_KEY", app.stripe().secret_key().to_owned()),
        ("QUITTANCE__QUEUE__LEASE", "4500ms".to_owned()),
        ("QUITTANCE__REDIS__CONNECT_TIMEOUT", "200ms".to_owned()),
        ("QUITTANCE__REDIS__COMMAND_TIMEOUT", "300ms".to_owned()),
        ("QUITTANCE__STRIPE__TIMEOUT", "3s".to_owned()),
        ("QUITTANCE__WORKER__JOB_TIMEOUT", "3500ms".to_owned()),
    ];
    env.extend(AT_ONCE.iter().map(|(name, value)| (*name, (*value).to_owned())));
    env
}

fn borrowed<'a>(env: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    env.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

async fn program(app: &App, args: &[&str]) -> Ended {
    Program::run(args, &borrowed(&env(app))).await
}

#[tokio::test]
async fn an_old_account_is_read_under_load_while_its_processes_are_killed() {
    let app = quiet(0, AT_ONCE).await;
    lives(&app, 500, 21).await;
    until_now(&app);
    let stripe = app.stripe();
    let kinds = [Kind::PaymentIntent, Kind::Charge, Kind::Refund];
    let old: usize = kinds.iter().map(|kind| stripe.truth(*kind).len()).sum();
    let customers = 2_000_usize.saturating_sub(old) + 10;
    for _ in 0..customers {
        stripe.platform().create_customer(stripe_simulator::NewCustomer::default());
    }
    let history: Vec<String> = super::ids(&stripe.truth(Kind::Event));
    stripe.set_auto_deliver(true);

    let env = env(&app);
    let args = ["backfill", "--account", "all"];
    let mut worker = Program::start(&["worker", "--name", "dies"], &borrowed(&env));
    worker.says("working").await;
    let mut reads = Program::start(&args, &borrowed(&env));
    let noted = "SELECT coalesce(sum(seen), 0)::bigint FROM quittance.backfill_ranges";
    eventually("some pages are noted", async || app.db.number(noted).await >= 200).await;
    // Live payments, and the deaths of both processes in the middle of them.
    let mut live = Vec::new();
    for _ in 0..20 {
        live.push(app.pays("pm_card_visa"));
    }
    reads.signal(Signal::SIGKILL);
    worker.signal(Signal::SIGKILL);
    reads.ended().await;
    worker.ended().await;
    for _ in 0..20 {
        live.push(app.pays("pm_card_visa"));
    }
    // Nobody reads what it logs.
    let mut calm = env.clone();
    calm.push(("QUITTANCE__LOG__FILTER", "warn".to_owned()));
    let mut lives_on = Program::start(&["worker", "--name", "lives"], &borrowed(&calm));
    let id = app.db.json("quittance.operations", "true").await["id"].to_string();
    if app.db.count("quittance.operations WHERE state = 'running'").await == 1 {
        app.db
            .execute("UPDATE quittance.operations SET heartbeat_at = now() - interval '2 minutes'")
            .await;
        let resumed = program(&app, &["operations", "resume", &id]).await;
        assert_eq!(resumed.code, Some(0), "{resumed:?}");
        assert!(resumed.stdout.contains("(backfill) is done"), "{resumed:?}");
    }
    app.settled().await;

    assert_eq!(differences(&app).await, [] as [String; 0]);
    // Of history nothing is published, and of each live payment exactly what there is to say.
    let told = app.db.rows("SELECT topic, object_id, cause FROM quittance.outbox").await;
    let old: Vec<&Value> = told
        .iter()
        .filter(|it| it["cause"].as_str().is_none_or(|id| history.iter().any(|old| old == id)))
        .collect();
    assert_eq!(old, [] as [&Value; 0]);
    for payment in &live {
        assert_eq!(app.told(payment).await, ["payment.succeeded"], "{payment}");
    }
    lives_on.signal(Signal::SIGTERM);
    assert!(lives_on.ended().await.success());
}

#[tokio::test]
async fn it_says_what_it_read_what_failed_and_what_cannot_be_listed() {
    let app = quiet(0, AT_ONCE).await;
    lives(&app, 5, 22).await;
    let dry = program(&app, &["backfill", "--dry-run", "--json"]).await;
    assert_eq!(dry.code, Some(0), "{dry:?}");
    assert_eq!(app.db.count("quittance.objects").await, 0);
    let ended = program(&app, &["backfill", "--reason", "first start", "--as", "ada"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for said in [
        "payment_intent",
        "Not listed by Stripe:",
        "Prices that were made inline",
        "mandate",
        "(backfill) is done",
    ] {
        assert!(ended.stdout.contains(said), "{said}: {}", ended.stdout);
    }
    let shown = program(&app, &["operations", "show", "1"]).await;
    assert!(shown.stdout.contains("payment_intent"), "{shown:?}");
    let audit = app.db.json("quittance.audit_log", "verb = 'backfill'").await;
    assert_eq!((&audit["actor"], &audit["reason"]), (&"ada".into(), &"first start".into()));
    let refused = program(&app, &["backfill", "--kind", "mandate"]).await;
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("it cannot be listed"), "{refused:?}");
}

//! The worker's role with the sweep as its duty.

use serde_json::Value;
use stripe_simulator::Kind;

use crate::harness::{App, Options, Program, eventually};

#[tokio::test]
async fn without_any_webhook_everything_converges() {
    let app = App::with(Options { workers: 0, ..Options::default() }).await;
    for endpoint in app.endpoints {
        app.stripe().change_endpoint(endpoint, |endpoint| {
            // It leads elsewhere.
            endpoint.url = "http://127.0.0.1:1/other".into();
            endpoint.enabled = false;
        });
    }
    let url = app.db.url();
    let env = [
        ("DATABASE_URL", url.as_str()),
        ("REDIS_URL", app.settings.redis.url.reveal()),
        ("QUITTANCE__QUEUE__NAME", &app.settings.queue.name),
        ("STRIPE_API_BASE", app.stripe().base_url()),
        ("STRIPE_WEBHOOK_SECRET", ""),
        ("QUITTANCE__SWEEP__INTERVAL", "200ms"),
        ("QUITTANCE__SWEEP__GRACE", "0s"),
        ("QUITTANCE__SWEEP__SETTLE", "1s"),
        ("QUITTANCE__SWEEP__SHARE", "1.0"),
        ("QUITTANCE__STRIPE__ENDPOINT_RATE", "1000"),
        ("QUITTANCE__STRIPE__ACCOUNT_RATE", "1000"),
    ];
    let mut workers: Vec<_> = (0..2).map(|_| Program::start(&["worker"], &env)).collect();
    for worker in &mut workers {
        worker.says("working").await;
    }
    for n in 0..20 {
        app.pays(if n % 4 == 0 { "pm_card_chargeDeclined" } else { "pm_card_visa" });
    }
    let all = i64::try_from(app.stripe().truth(Kind::Event).len()).unwrap();
    eventually("all events are here", async || app.db.count("quittance.events").await == all).await;
    app.drained().await;
    app.is_true().await;
    let others = "SELECT count(*) FROM quittance.events WHERE source <> 'sweep'";
    assert_eq!(app.db.number(others).await, 0);
    assert_eq!(app.db.count("quittance.missed_events").await, 0, "it is how events come");

    // And it is seen that they are.
    let made = app.stripe().clock().now();
    let claimed = "SELECT coalesce(extract(epoch FROM complete_until)::bigint, 0)
                   FROM quittance.sweep_accounts WHERE account = ''";
    eventually("it is known", async || app.db.number(claimed).await >= made).await;
    let status = Program::run(&["status", "--json"], &env).await;
    let status: Value = serde_json::from_str(&status.stdout).unwrap();
    assert_eq!(status["completeness"]["accounts"][0]["account"], "");
    assert_eq!(status["completeness"]["accounts"][0]["open_events"], 0);
    let names: Vec<_> = status["duties"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["retention", "sweep"]);
    let duties = Program::run(&["duties"], &env).await;
    assert!(duties.stdout.contains("sweep") && duties.stdout.contains("succeeded"), "{duties:?}");
    for worker in &mut workers {
        worker.signal(nix::sys::signal::Signal::SIGTERM);
        assert!(worker.ended().await.success(), "{}", worker.logged);
    }
}

//! Workers as processes: killed, and told to stop.

use nix::sys::signal::Signal;

use crate::harness::{App, Options, Program, eventually};

fn worker(app: &App, name: &str, lease: &str) -> Program {
    let url = app.db.url();
    let env = [
        ("DATABASE_URL", url.as_str()),
        ("REDIS_URL", app.settings.redis.url.reveal()),
        ("QUITTANCE__QUEUE__NAME", &app.settings.queue.name),
        ("STRIPE_API_BASE", app.stripe().base_url()),
        ("QUITTANCE__STRIPE__ENDPOINT_RATE", "5000"),
        ("QUITTANCE__STRIPE__ACCOUNT_RATE", "5000"),
        ("QUITTANCE__REDIS__CONNECT_TIMEOUT", "200ms"),
        ("QUITTANCE__REDIS__COMMAND_TIMEOUT", "300ms"),
        ("QUITTANCE__STRIPE__TIMEOUT", "3s"),
        ("QUITTANCE__WORKER__JOB_TIMEOUT", "3500ms"),
        ("QUITTANCE__QUEUE__LEASE", lease),
    ];
    Program::start(&["worker", "--name", name], &env)
}

#[tokio::test]
async fn a_worker_that_is_killed_in_mid_job_costs_time_and_nothing_else() {
    let app = App::without_workers().await;
    let payment = app.pays("pm_card_visa");
    app.stripe().wait_all_acknowledged().await.unwrap();
    app.stripe().set_chaos(|chaos| chaos.hangs = 1.0);
    let mut dies = worker(&app, "dies", "4500ms");
    dies.says("working").await;
    eventually("Stripe is being asked", async || app.requests() > 0).await;
    dies.signal(Signal::SIGKILL);
    assert!(!dies.ended().await.success());
    assert_eq!(app.db.count("quittance.events").await, 0, "it was in mid-job");

    app.stripe().set_chaos(|chaos| chaos.hangs = 0.0);
    let mut lives = worker(&app, "lives", "4500ms");
    app.settled().await;
    app.is_true().await;
    assert_eq!(app.told(&payment).await, ["payment.succeeded"]);
    let spent = "quittance.attempts WHERE number > 1 OR outcome = 'failed' OR worker <> 'lives'";
    assert_eq!(app.db.count(spent).await, 0);
    lives.signal(Signal::SIGTERM);
    assert!(lives.ended().await.success());
}

#[tokio::test]
async fn a_worker_that_is_told_to_stop_under_load_ends_well_and_hands_back_the_rest() {
    // A lease that no test waits for: what another worker gets, it gets because it was handed back.
    let env = &[("QUITTANCE__QUEUE__LEASE", "1h")];
    let mut app = App::with(Options { workers: 0, env, ..Options::default() }).await;
    for _ in 0..60 {
        app.pays("pm_card_visa");
    }
    app.stripe().wait_all_acknowledged().await.unwrap();
    let waiting = app.producer.depth().await.unwrap().total();
    app.stripe().set_chaos(|chaos| {
        chaos.slow = 1.0;
        chaos.slow_by = std::time::Duration::from_millis(50);
    });
    let mut stops = worker(&app, "stops", "1h");
    eventually("it is in mid-load", async || app.db.count("quittance.events").await > 5).await;
    stops.signal(Signal::SIGTERM);
    assert!(stops.ended().await.success(), "{}", stops.logged);
    let depth = app.producer.depth().await.unwrap();
    assert!(depth.total() < waiting && depth.total() > 0, "{depth:?}");

    app.add_worker().await;
    app.settled().await;
    app.is_true().await;
    let spent = "quittance.attempts WHERE number > 1 OR outcome = 'failed'";
    assert_eq!(app.db.count(spent).await, 0, "no attempt was spent");
}

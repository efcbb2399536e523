use quittance::ops::status::{DependencyState, FindingCode, Severity, Sources, look};

use super::*;
use crate::harness::{Options, eventually};

fn codes(status: &Status) -> Vec<FindingCode> {
    status.findings.iter().map(|finding| finding.code).collect()
}

#[tokio::test]
async fn a_system_that_works_is_healthy_and_shows_who_works_and_what_came_and_went() {
    let app = App::start().await;
    app.pays("pm_card_visa");
    app.settled().await;
    eventually("the worker reports itself, and the counts are told", async || {
        let status = status(&app).await;
        let minutes = status.rates.unwrap().minutes;
        let sum = |of: fn(&quittance::ops::status::Slice) -> u64| minutes.iter().map(of).sum();
        let (arrived, finished): (u64, u64) = (sum(|m| m.arrived), sum(|m| m.finished));
        status.workers.unwrap().len() == 1 && arrived > 0 && arrived == finished
    })
    .await;
    let status = status(&app).await;
    assert!(status.healthy, "{:?}", status.findings);
    assert_eq!(status.findings, []);
    let states: Vec<_> = status.dependencies.iter().map(|d| (d.name.as_str(), d.state)).collect();
    assert_eq!(states, ["redis", "postgres", "stripe"].map(|name| (name, DependencyState::Up)));
    assert!(status.dependencies[..2].iter().all(|one| one.latency_ms.is_some()));
    assert_eq!(status.queue.unwrap().total, 0);
    let schema = status.schema.unwrap();
    assert!(schema.fits && schema.have == Some(schema.need));
    let worker = &status.workers.unwrap()[0];
    assert_eq!((worker.name.as_str(), worker.silent), ("worker-1", false));
    assert_eq!(status.dead_letters.unwrap().open, 0);
}

#[tokio::test]
async fn a_dependency_that_is_down_is_a_part_that_is_missing_and_not_the_end_of_the_whole() {
    let app = App::start().await;
    let seen = look(&Sources { inspector: no_redis(&app), ..sources(&app) }).await;
    assert!(seen.queue.is_none() && seen.workers.is_none() && seen.rates.is_none());
    assert!(seen.dead_letters.is_some() && seen.outbox.is_some());
    assert_eq!((seen.healthy, codes(&seen)), (false, vec![FindingCode::RedisDown]));

    let seen = look(&Sources { store: no_store(&app), ..sources(&app) }).await;
    assert!(seen.queue.is_some() && seen.limiter.is_some());
    assert!(seen.dead_letters.is_none() && seen.outbox.is_none() && seen.schema.is_none());
    assert!(!seen.healthy && codes(&seen).contains(&FindingCode::PostgresDown));
    let text = serde_json::to_string(&seen).unwrap();
    assert!(!text.contains("hush"), "{text}");
}

#[tokio::test]
async fn without_a_worker_it_is_not_healthy_and_nobody_knows_how_stripe_is() {
    let app = App::without_workers().await;
    let status = status(&app).await;
    assert_eq!((status.healthy, codes(&status)), (false, vec![FindingCode::NoWorkers]));
    assert_eq!(status.dependencies[2].state, DependencyState::Unknown);
}

/// Whether new sessions may write. Those that are open end, so that every session is a new one.
async fn writable(app: &App, on: bool) {
    let setting = if on { "off" } else { "on" };
    let mut admin = app.db.connect().await;
    for sql in [
        "SET default_transaction_read_only = off".to_owned(),
        format!(
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = {setting}',
             current_database()); END $$"
        ),
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid()"
            .to_owned(),
    ] {
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut admin).await.unwrap();
    }
}

#[tokio::test]
async fn a_postgres_that_answers_and_takes_no_writes_is_seen_through_the_workers() {
    let app = App::start().await;
    app.is_ready().await;
    writable(&app, false).await;
    app.pays("pm_card_visa");
    app.waits_for("postgres").await;
    eventually("the status says so", async || {
        codes(&status(&app).await).contains(&FindingCode::WorkersWait)
    })
    .await;
    let seen = status(&app).await;
    assert_eq!(seen.dependencies[1].state, DependencyState::Up, "it answers this look");
    let finding = seen.findings.iter().find(|one| one.code == FindingCode::WorkersWait).unwrap();
    assert_eq!((finding.severity, seen.healthy), (Severity::Problem, false));
    let begin = "the worker waits for postgres since 2";
    assert!(finding.text.starts_with(begin) && finding.text.contains("read-only"), "{finding:?}");

    writable(&app, true).await;
    app.settled().await;
    eventually("all is well again", async || status(&app).await.healthy).await;
}

#[tokio::test]
async fn an_outage_of_stripe_is_seen_through_the_workers_and_so_are_the_jobs_it_holds_back() {
    // One request whose connection ends without an answer is enough to call it an outage.
    let env = &[("QUITTANCE__WORKER__DOWN_AFTER", "1")];
    let app = App::with(Options { env, ..Options::default() }).await;
    app.is_ready().await;
    app.stripe().set_chaos(|chaos| chaos.down = true);
    let payment = app.pays("pm_card_visa");
    app.waits_for("stripe").await;
    eventually("the status says so", async || {
        let status = status(&app).await;
        let runs = status.workers.iter().flatten().flat_map(|worker| &worker.jobs);
        codes(&status).contains(&FindingCode::StripeDown)
            && runs.clone().any(|job| job.object.as_ref() == Some(&payment))
    })
    .await;
    let seen = status(&app).await;
    assert_eq!(seen.dependencies[2].state, DependencyState::Down);
    assert!(seen.dependencies[2].since.is_some() && seen.dependencies[2].detail.is_some());
    assert!(!seen.healthy && seen.findings[0].severity == Severity::Problem);
    app.stripe().set_chaos(|chaos| chaos.down = false);
    app.settled().await;
    eventually("all is well again", async || status(&app).await.healthy).await;
}

//! A Postgres that is too slow for what runs at once.

use sqlx::Executor as _;

use crate::harness::{App, Options, eventually};
use quittance::queue::Inspector;

/// Attempts that timed out after the first `after` of them: when each began and ended, in
/// milliseconds, in the order of their beginning.
async fn timed_out(app: &App, after: i64) -> Vec<(i64, i64)> {
    let query = format!(
        "SELECT (extract(epoch FROM started_at) * 1000)::bigint AS began, duration_ms
         FROM quittance.attempts WHERE code = 'attempt_timed_out' AND id > {after}
         ORDER BY started_at"
    );
    let number = |row: &serde_json::Value, key: &str| row[key].as_i64().unwrap();
    let rows = app.db.rows(&query).await;
    rows.iter()
        .map(|row| (number(row, "began"), number(row, "began") + number(row, "duration_ms")))
        .collect()
}

#[tokio::test]
async fn attempts_that_time_out_lower_the_number_that_run_at_once_down_to_one() {
    let env = &[
        ("QUITTANCE__WORKER__CONCURRENCY", "8"),
        ("QUITTANCE__WORKER__JOB_TIMEOUT", "250ms"),
        ("QUITTANCE__STRIPE__TIMEOUT", "200ms"),
        ("QUITTANCE__RETRY__MAX_ATTEMPTS", "100000"),
        ("QUITTANCE__DATABASE__MAX_CONNECTIONS", "40"),
    ];
    let app = App::with(Options { env, ..Options::default() }).await;
    app.is_ready().await;
    // Whoever looks into the ledger waits: no attempt comes to its end.
    let mut slow = app.db.connect().await;
    slow.execute("BEGIN; LOCK TABLE quittance.events").await.unwrap();
    for _ in 0..10 {
        app.pays("pm_card_visa");
    }
    let look = Inspector::new(&app.settings.redis, &app.settings.queue).unwrap();
    let limit = async || look.roster().await.unwrap()[0].card.limit;
    eventually("one runs at a time", async || limit().await == Some(1)).await;

    let last = app.db.number("SELECT max(id) FROM quittance.attempts").await;
    let mut later = Vec::new();
    eventually("several more time out", async || {
        later = timed_out(&app, last).await;
        later.len() >= 6
    })
    .await;
    // The first of them may have been kept late.
    let alone = later[1..].windows(2).all(|two| two[1].0 + 2 >= two[0].1);
    assert!(alone, "two ran at once: {later:?}");

    slow.execute("COMMIT").await.unwrap();
    app.settled().await;
    app.is_true().await;
}

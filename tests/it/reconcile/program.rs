//! The program's own words and exit codes.

use crate::harness::{Program, TestDatabase, queue_name, redis_url};

#[tokio::test]
async fn settings_that_cannot_work_are_refused_with_a_code_of_their_own() {
    let env = [("QUITTANCE__QUEUE__LEASE", "1s")];
    let ended = Program::run(&["config", "check"], &env).await;
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stderr.contains("queue.lease"), "{}", ended.stderr);
    let ended = Program::run(&["config", "check", "--role", "worker"], &[]).await;
    assert_eq!(ended.code, Some(3), "a worker needs a database: {ended:?}");
    assert!(ended.stderr.contains("database.url"), "{}", ended.stderr);
    let ended = Program::run(&["worker"], &[]).await;
    assert_eq!(ended.code, Some(3), "{ended:?}");
}

#[tokio::test]
async fn good_settings_are_shown_without_their_secrets() {
    let env = [("STRIPE_SECRET_KEY", "sk_test_hush"), ("STRIPE_WEBHOOK_SECRET", "whsec_hush")];
    let ended = Program::run(&["config", "check"], &env).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("lease"), "{}", ended.stdout);
    assert!(!ended.stdout.contains("hush") && !ended.stderr.contains("hush"), "{ended:?}");
}

#[tokio::test]
async fn a_worker_stops_at_a_schema_that_is_too_old_and_says_how_to_mend_it() {
    let db = TestDatabase::empty().await;
    let (database, redis, queue) = (db.url(), redis_url(), queue_name());
    let env = [
        ("DATABASE_URL", database.as_str()),
        ("REDIS_URL", redis.as_str()),
        ("QUITTANCE__QUEUE__NAME", queue.as_str()),
    ];
    let ended = Program::run(&["worker"], &env).await;
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(ended.stderr.contains("run `quittance migrate`"), "{}", ended.stderr);

    for _ in 0..2 {
        let ended = Program::run(&["migrate"], &env).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
    db.store.check_schema().await.unwrap();
}

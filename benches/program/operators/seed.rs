//! The data set, made by a few large statements.

use std::time::Instant;

use quittance::store::dead_letter::GroupKey;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::sizes::Sizes;

const STATEMENTS: &str = include_str!("seed.sql");

/// What is to be retried: all open dead letters of one group.
pub(crate) async fn seed(url: &str, sizes: Sizes) -> GroupKey {
    let begin = Instant::now();
    let mut connection = PgConnection::connect(url).await.unwrap();
    let statements = STATEMENTS
        .replace("$EVENTS", &sizes.events.to_string())
        .replace("$LETTERS", &sizes.dead_letters.to_string())
        .replace("$RETRIED", &sizes.retried.to_string());
    sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut connection).await.unwrap();
    // As autovacuum does some time after so many inserts: it also notes which pages need no second
    // look, by which the counting of groups reads their index alone.
    sqlx::raw_sql("VACUUM (ANALYZE)").execute(&mut connection).await.unwrap();
    let (fingerprint, event_type) = sqlx::query_as(
        "SELECT fingerprint, event_type FROM quittance.dead_letters
         WHERE code = 'stripe_permission_denied' LIMIT 1",
    )
    .fetch_one(&mut connection)
    .await
    .unwrap();
    println!("made in {:.0} s", begin.elapsed().as_secs_f64());
    GroupKey { fingerprint, event_type }
}

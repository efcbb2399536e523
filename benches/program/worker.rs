//! The worker: a backlog of events of unique payments, each fetched from a canned Stripe in another
//! process, and each committed by itself.
//!
//! The floor is pgbench on the same Postgres and the same tables: the rows of one event in one
//! statement, one commit an event, 8 clients. It has nothing to fetch, to decode or to decide.

use std::process::Command;
use std::time::{Duration, Instant};

use quittance::queue::{Job, JobMeta, JobSource, Lane, Producer};
use sqlx::{Connection as _, PgConnection};

use super::canned;
use super::events::{self, Template, Templates};
use super::stage::Stage;

/// `ROAD_BENCH_BACKLOG`: the jobs that wait.
fn backlog() -> usize {
    std::env::var("ROAD_BENCH_BACKLOG").map_or(50_000, |size| size.parse().unwrap())
}

/// Clients of the floor.
const CLIENTS: usize = 8;

pub(crate) async fn measure() {
    let (mut stage, templates) = (Stage::set().await, Templates::make().await);
    let (_stripe, api) = canned::start(&templates.payment, stage.dir()).await;
    stage.asks(&api, canned::KEY);
    let count = backlog();
    let before = floor(&stage, &templates, count / 2).await;
    fill(&stage, &templates.event, count).await;
    let ours = worked_off(&mut stage, count).await;
    stage.clear().await;
    let commits = commits(&stage, count).await;
    let after = floor(&stage, &templates, count / 2).await;
    let floor = f64::midpoint(before, after);

    println!("worker: {count} events of unique payments, each fetched, one worker process");
    println!("{:<44}{:>12}{:>10}", "", "events/s", "of floor");
    println!("{:<44}{floor:>12.0}", format!("floor: pgbench, the same rows, {CLIENTS} clients"));
    println!("{:<44}{ours:>12.0}{:>10.2}", "worker", ours / floor);
    println!(
        "{:.1} events a commit; floor before: {before:.0}, and after: {after:.0}",
        count as f64 / commits
    );
}

/// Puts the backlog on the queue.
pub(crate) async fn fill(stage: &Stage, event: &Template, count: usize) {
    let settings = stage.settings();
    let producer = Producer::new(&settings.redis, &settings.queue).unwrap();
    let job = |n| Job {
        meta: JobMeta {
            endpoint: "default".to_owned(),
            received_at_ms: 1_700_000_000_000,
            secret_index: Some(0),
            attempt: 0,
            source: JobSource::Webhook,
            event: None,
            trace: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned()),
            retry_of: None,
        },
        body: event.fill(&events::number(n)).into(),
    };
    let jobs: Vec<_> = (0..count).map(job).collect();
    producer.enqueue_many(Lane::Live, &jobs).await.unwrap();
}

/// Events a second, without the first tenth, in which it starts, and the last.
async fn worked_off(stage: &mut Stage, count: usize) -> f64 {
    let settings = stage.settings();
    let producer = Producer::new(&settings.redis, &settings.queue).unwrap();
    stage.start("worker").await;
    let left = async || producer.depth().await.unwrap().total();
    let count = u64::try_from(count).unwrap();
    let (mut from, tenth) = (None, count / 10);
    loop {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let (left, now) = (left().await, Instant::now());
        if left > count - tenth {
            continue;
        }
        let (at, begun) = *from.get_or_insert((left, now));
        if left <= tenth {
            let rate = (at - left) as f64 / (now - begun).as_secs_f64();
            while producer.depth().await.unwrap().total() > 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            return rate;
        }
    }
}

/// In how many commits all of it came. A run that lost something measured nothing.
async fn commits(stage: &Stage, count: usize) -> f64 {
    let mut postgres = PgConnection::connect(&stage.url).await.unwrap();
    for table in ["quittance.events", "app.payments", "app.transitions", "quittance.outbox"] {
        let query = format!("SELECT count(*) FROM {table}");
        let rows: i64 =
            sqlx::query_scalar(sqlx::AssertSqlSafe(query)).fetch_one(&mut postgres).await.unwrap();
        assert_eq!(usize::try_from(rows), Ok(count), "rows of {table}");
    }
    sqlx::query_scalar("SELECT count(DISTINCT xmin::text)::float8 FROM quittance.events")
        .fetch_one(&mut postgres)
        .await
        .unwrap()
}

/// Events a second of pgbench.
async fn floor(stage: &Stage, templates: &Templates, count: usize) -> f64 {
    let url = stage.servers.postgres.url("floor");
    stage.database(&url).await;
    let payment = templates.payment.text();
    let mut postgres = PgConnection::connect(&url).await.unwrap();
    // What stands in every row, and what pgbench need not send each time.
    sqlx::raw_sql("CREATE TABLE given (payment jsonb); CREATE SEQUENCE number")
        .execute(&mut postgres)
        .await
        .unwrap();
    sqlx::query("INSERT INTO given VALUES ($1::jsonb)")
        .bind(payment)
        .execute(&mut postgres)
        .await
        .unwrap();
    let script = stage.dir().join("floor.sql");
    std::fs::write(&script, include_str!("floor.sql")).unwrap();
    let url = url.clone();
    let output = tokio::task::spawn_blocking(move || {
        Command::new(pgbench())
            .args(["--no-vacuum", "--protocol=prepared", "--jobs=2"])
            .arg(format!("--client={CLIENTS}"))
            .arg(format!("--transactions={}", count / CLIENTS))
            .arg(format!("--file={}", script.display()))
            .arg(url)
            .output()
            .unwrap()
    });
    let output = output.await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "pgbench failed: {errors}");
    let rate = text.lines().find_map(|line| line.strip_prefix("tps = ")).unwrap();
    rate.split(' ').next().unwrap().parse().unwrap()
}

/// On PATH, or where Debian has it.
fn pgbench() -> std::path::PathBuf {
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let debian = debian.flatten().map(|version| version.path().join("bin/pgbench"));
    debian.filter(|path| path.exists()).max().unwrap_or_else(|| "pgbench".into())
}

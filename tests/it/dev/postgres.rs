//! The private Postgres.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use quittance::dev::servers::{Options, Postgres, ServerError};
use sqlx::{Connection, PgConnection};

use super::wait_until_gone;
use crate::harness::{private_postgres, temp_dir};

const FAST: Options = Options { durable: false };

async fn run(url: &str, sql: &'static str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
}

async fn number(url: &str, sql: &'static str) -> i64 {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap()
}

#[tokio::test]
async fn keeps_its_data_and_its_address_over_restarts() {
    let mut postgres = private_postgres().await;
    let (url, pid) = (postgres.url("postgres"), postgres.pid());
    run(&url, "CREATE TABLE t (n bigint); INSERT INTO t VALUES (1)").await;
    postgres.restart().await.unwrap();
    assert_eq!(postgres.url("postgres"), url);
    assert_ne!(postgres.pid(), pid);
    assert_eq!(number(&url, "SELECT n FROM t").await, 1);
}

#[tokio::test]
async fn a_crash_loses_no_commit_though_a_session_was_busy() {
    let mut postgres = private_postgres().await;
    let url = postgres.url("postgres");
    run(&url, "CREATE TABLE t (n bigint)").await;
    let mut busy = PgConnection::connect(&url).await.unwrap();
    sqlx::raw_sql("BEGIN; INSERT INTO t VALUES (1)").execute(&mut busy).await.unwrap();
    run(&url, "INSERT INTO t VALUES (2)").await;
    postgres.crash_restart().await.unwrap();
    assert_eq!(number(&url, "SELECT sum(n)::bigint FROM t").await, 2);
}

#[tokio::test]
async fn a_cluster_is_made_once_and_reused_also_after_a_stale_pid_file() {
    let dir = temp_dir();
    let data = dir.path().join("postgres");
    let mut first = Postgres::start(&data, FAST).await.unwrap();
    first.create_database("quittance").await.unwrap();
    first.create_database("quittance").await.unwrap();
    run(&first.url("quittance"), "CREATE TABLE kept (n bigint)").await;
    let pid_file = first.dir().join("data/postmaster.pid");
    let lines = std::fs::read_to_string(&pid_file).unwrap();
    let pid = first.pid();
    first.stop().await.unwrap();
    wait_until_gone(pid);
    // As after a reboot: the number is now that of another process, here our own.
    let (_, rest) = lines.split_once('\n').unwrap();
    std::fs::write(&pid_file, format!("{}\n{rest}", std::process::id())).unwrap();
    let second = Postgres::start(&data, FAST).await.unwrap();
    assert_eq!(number(&second.url("quittance"), "SELECT count(*) FROM kept").await, 0);
}

#[tokio::test]
async fn refuses_strangers_and_other_machines() {
    let postgres = private_postgres().await;
    let mut url = url::Url::parse(&postgres.url("postgres")).unwrap();
    url.set_password(Some("guess")).unwrap();
    assert!(PgConnection::connect(url.as_str()).await.is_err());
    let listens = "SELECT (current_setting('listen_addresses') = '127.0.0.1')::int::bigint";
    assert_eq!(number(&postgres.url("postgres"), listens).await, 1);
}

#[tokio::test]
async fn a_directory_that_its_user_cannot_reach_is_replaced_by_one_that_it_can() {
    let dir = temp_dir();
    std::fs::set_permissions(dir.path(), Permissions::from_mode(0o700)).unwrap();
    let wanted = dir.path().join("postgres");
    let first = Postgres::start(&wanted, FAST).await.unwrap();
    let place = first.dir().to_owned();
    run(&first.url("postgres"), "CREATE TABLE kept (n bigint)").await;
    drop(first);
    let second = Postgres::start(&wanted, FAST).await.unwrap();
    assert_eq!(second.dir(), place);
    assert_eq!(number(&second.url("postgres"), "SELECT count(*) FROM kept").await, 0);
    drop(second);
    if nix::unistd::geteuid().is_root() {
        assert!(place.starts_with("/var/tmp"), "{}", place.display());
        std::fs::remove_dir_all(place).unwrap();
    } else {
        assert_eq!(place, wanted.canonicalize().unwrap());
    }
}

#[tokio::test]
async fn what_it_cannot_start_is_shown_with_the_end_of_its_log() {
    let dir = temp_dir();
    let data = dir.path().join("postgres");
    drop(Postgres::start(&data, FAST).await.unwrap());
    std::fs::write(data.join("data/postgresql.conf"), "no_such_setting = 1\n").unwrap();
    let error = Postgres::start(&data, FAST).await.unwrap_err();
    assert!(matches!(&error, ServerError::Start { .. }), "{error}");
    assert!(error.to_string().contains("no_such_setting"), "{error}");
}

#[tokio::test]
async fn a_cluster_of_a_version_that_is_not_installed_says_which_one_it_needs() {
    let dir = temp_dir();
    let data = dir.path().join("postgres");
    drop(Postgres::start(&data, FAST).await.unwrap());
    std::fs::write(data.join("data/PG_VERSION"), "9\n").unwrap();
    let error = Postgres::start(&data, FAST).await.unwrap_err();
    assert!(matches!(&error, ServerError::Version { .. }), "{error}");
}

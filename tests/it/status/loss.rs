//! Redis loses what it acknowledged, or could.

use quittance::ops::queue::acknowledge_loss;
use quittance::ops::status::{FindingCode, Severity};
use tracing::level_filters::LevelFilter;

use super::*;
use crate::harness::{Logs, Options, eventually, private_redis};

async fn app() -> App {
    let redis = Some(private_redis().await);
    App::with(Options { redis, ..Options::default() }).await
}

/// Has Redis do something.
async fn redis(app: &App, command: &str) {
    let client = ::redis::Client::open(app.settings.redis.url.reveal()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let command = command.replace("{test}", &format!("{{{}}}", app.settings.queue.name));
    let mut words = command.split(' ');
    let mut asked = ::redis::cmd(words.next().unwrap());
    words.for_each(|word| {
        asked.arg(word);
    });
    let _: ::redis::Value = asked.query_async(&mut connection).await.unwrap();
}

fn found(status: &Status, code: FindingCode) -> Option<String> {
    let finding = status.findings.iter().find(|finding| finding.code == code)?;
    assert_eq!(finding.severity, Severity::Problem);
    Some(format!("{}: {}", finding.text, finding.remedy.as_deref().unwrap_or_default()))
}

/// Waits until the worker remembers the queue.
async fn remembered(app: &App) {
    app.pays("pm_card_visa");
    app.settled().await;
    eventually("the worker remembers the queue", async || {
        app.db.count("quittance.queue_marker").await == 1
    })
    .await;
    eventually("all is well", async || status(app).await.healthy).await;
}

#[tokio::test]
async fn a_redis_that_was_emptied_is_a_problem_until_an_operator_acknowledges_it() {
    let logs = Logs::capture(LevelFilter::ERROR);
    let app = app().await;
    remembered(&app).await;
    redis(&app, "FLUSHALL").await;
    let seen = status(&app).await;
    let text = found(&seen, FindingCode::QueueLost).expect("at once, before a worker notices");
    assert!(text.contains("acknowledge-loss") && text.contains("created[gte]="), "{text}");

    let noticed = "quittance.queue_marker WHERE lost_at IS NOT NULL";
    eventually("a worker notices", async || app.db.count(noticed).await == 1).await;
    eventually("it is logged", async || !logs.saying("Redis has lost jobs").is_empty()).await;
    assert_eq!(logs.saying("Redis has lost jobs").len(), 1, "once");
    assert!(found(&status(&app).await, FindingCode::QueueLost).is_some());

    let queue = &app.settings.queue.name;
    let done = acknowledge_loss(&app.db.store, queue, JANE).await.unwrap();
    assert!(done.loss.is_some());
    eventually("all is well again", async || status(&app).await.healthy).await;
    let noted = "quittance.audit_log WHERE verb = 'queue.acknowledge-loss' AND actor = 'jane'";
    assert_eq!(app.db.count(noted).await, 1);
    assert_eq!(acknowledge_loss(&app.db.store, queue, JANE).await.unwrap().loss, None);
    assert_eq!(app.db.count(noted).await, 1, "there was nothing to acknowledge");
}

#[tokio::test]
async fn a_stream_that_was_deleted_is_a_problem_although_the_worker_makes_it_anew() {
    let app = app().await;
    remembered(&app).await;
    redis(&app, "DEL {test}:live").await;
    let mut text = None;
    eventually("it is found", async || {
        text = found(&status(&app).await, FindingCode::QueueLost);
        text.is_some()
    })
    .await;
    assert!(text.as_deref().unwrap().contains("Redis has lost the live lane"), "{text:?}");
    app.pays("pm_card_visa");
    app.settled().await;
    assert!(found(&status(&app).await, FindingCode::QueueLost).is_some(), "it is not forgotten");
}

#[tokio::test]
async fn an_evicting_redis_is_a_problem() {
    let app = app().await;
    remembered(&app).await;
    redis(&app, "CONFIG SET maxmemory 100mb").await;
    redis(&app, "CONFIG SET maxmemory-policy allkeys-lru").await;
    let text = found(&status(&app).await, FindingCode::RedisDurability).expect("it is found");
    assert!(text.contains("allkeys-lru"), "{text}");
    redis(&app, "CONFIG SET maxmemory-policy noeviction").await;
    assert!(status(&app).await.healthy);
}

#[tokio::test]
async fn a_full_redis_is_a_problem_and_what_is_in_it_is_shown() {
    let app = app().await;
    remembered(&app).await;
    redis(&app, "CONFIG SET maxmemory 1").await;
    let seen = status(&app).await;
    assert!(found(&seen, FindingCode::RedisDown).is_some(), "{:?}", seen.findings);
    assert_eq!(seen.workers.map(|workers| workers.len()), Some(1));
    assert!(seen.queue.is_some() && seen.rates.is_some() && seen.limiter.is_some());
    redis(&app, "CONFIG SET maxmemory 0").await;
    app.is_ready().await;
}

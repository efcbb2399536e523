//! The queue alone: empty jobs of 3.5 KB through an apalis worker, acknowledged and deleted, with
//! the append-only file on, as a ratio to a floor of bare pipelined commands in the same run. One
//! backlog is worked off; its first jobs run while all others wait, its last ones while few do.
//!
//! `QUEUE_BENCH_WAITING` (default 500,000 jobs, about 2 GB) sets its size.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use quittance::config;
use quittance::dev::servers::Redis;
use quittance::queue::{Consumer, Disposition, Job, JobMeta, JobSource, Lane, Producer};
use redis::Value;
use tokio_util::sync::CancellationToken;

const BODY: usize = 3_500;
const BATCH: usize = 128;

pub(crate) async fn measure() {
    let waiting = std::env::var("QUEUE_BENCH_WAITING").ok().and_then(|size| size.parse().ok());
    let waiting = waiting.unwrap_or(500_000);
    let part = waiting / 10;
    let dir = tempfile::tempdir().unwrap();
    let server = Redis::start(dir.path()).await.unwrap();
    let floor = floor(&server, 2 * part).await;
    let times = worked(&server, waiting, part).await;
    let rate = |from: usize, to: usize| {
        (to - from) as f64 * part as f64 / (times[to] - times[from]).as_secs_f64()
    };
    // The first and the last part hold the start and the end of the worker.
    let (all, many, few) = (rate(1, 9), rate(1, 3), rate(7, 9));
    println!("queue: jobs of {BODY} bytes, append-only file on (everysec)");
    println!("{:<36}{:>10}{:>10}", "", "jobs/s", "of floor");
    println!("{:<36}{floor:>10.0}", "floor: bare XREADGROUP, XACK, XDEL");
    println!("{:<36}{all:>10.0}{:>10.2}", "queue", all / floor);
    println!("{:<36}{many:>10.0}{:>10.2}", format!("  while {} wait", 9 * part), many / floor);
    println!("{:<36}{few:>10.0}{:>10.2}", format!("  while {part} wait"), few / floor);
    println!("cost of a job, many waiting to few waiting: {:.2}", few / many);
}

/// Batches of bare commands, one after the other, on one connection.
async fn floor(server: &Redis, jobs: usize) -> f64 {
    let mut redis = connect(server).await;
    let body = vec![b'x'; BODY];
    for _ in 0..jobs.div_ceil(BATCH) {
        let mut add = redis::pipe();
        for _ in 0..BATCH {
            add.cmd("XADD").arg("floor").arg("*").arg("m").arg("{}").arg("b").arg(&body).ignore();
        }
        add.query_async::<()>(&mut redis).await.unwrap();
    }
    let create = ["CREATE", "floor", "g", "0"];
    redis::cmd("XGROUP").arg(&create).query_async::<()>(&mut redis).await.unwrap();
    let begin = Instant::now();
    let mut done = 0;
    loop {
        let read: Value = redis::cmd("XREADGROUP")
            .arg(&["GROUP", "g", "c", "COUNT"])
            .arg(BATCH)
            .arg(&["STREAMS", "floor", ">"])
            .query_async(&mut redis)
            .await
            .unwrap();
        let ids = ids(read);
        if ids.is_empty() {
            return done as f64 / begin.elapsed().as_secs_f64();
        }
        done += ids.len();
        let mut ack = redis::pipe();
        ack.atomic();
        ack.cmd("XACK").arg("floor").arg("g").arg(&ids).ignore();
        ack.cmd("XDEL").arg("floor").arg(&ids).ignore();
        ack.query_async::<()>(&mut redis).await.unwrap();
    }
}

fn ids(read: Value) -> Vec<Vec<u8>> {
    let Value::Array(mut streams) = read else { return Vec::new() };
    let Some(Value::Array(mut pair)) = streams.pop() else { return Vec::new() };
    let Some(Value::Array(entries)) = pair.pop() else { return Vec::new() };
    let id = |entry| {
        let Value::Array(parts) = entry else { return None };
        let Some(Value::BulkString(id)) = parts.into_iter().next() else { return None };
        Some(id)
    };
    entries.into_iter().filter_map(id).collect()
}

/// Works a backlog off, and answers when each part of it was done.
async fn worked(server: &Redis, waiting: usize, part: usize) -> Vec<Instant> {
    let (redis, queue) = settings(server);
    let producer = Producer::new(&redis, &queue).unwrap();
    enqueue(&producer, waiting).await;
    let consumer = Consumer::new(&redis, &queue, "bench", 64).unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let (passed, mut marks) = tokio::sync::mpsc::unbounded_channel();
    passed.send(Instant::now()).unwrap();
    let handler = move |_| {
        if (count.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(part) {
            passed.send(Instant::now()).unwrap();
        }
        std::future::ready(Disposition::Done)
    };
    let shutdown = CancellationToken::new();
    let task = tokio::spawn(consumer.run(handler, shutdown.clone(), Duration::from_secs(5)));
    let mut times = Vec::new();
    marks.recv_many(&mut times, 1).await;
    while times.len() <= waiting / part {
        marks.recv_many(&mut times, 1).await;
    }
    shutdown.cancel();
    task.await.unwrap().unwrap();
    assert_eq!(producer.depth().await.unwrap().total(), 0, "all are acknowledged");
    times
}

async fn enqueue(producer: &Producer, count: usize) {
    let meta = JobMeta {
        endpoint: "default".into(),
        received_at_ms: 0,
        secret_index: Some(0),
        attempt: 0,
        source: JobSource::Webhook,
        event: None,
        trace: None,
        retry_of: None,
    };
    let job = Job { meta, body: Bytes::from(vec![b'x'; BODY]) };
    let batch = vec![job; 500];
    for _ in 0..count / batch.len() {
        producer.enqueue_many(Lane::Live, &batch).await.unwrap();
    }
}

async fn connect(server: &Redis) -> redis::aio::MultiplexedConnection {
    let client = redis::Client::open(server.url()).unwrap();
    client.get_multiplexed_async_connection().await.unwrap()
}

fn settings(server: &Redis) -> (config::Redis, config::Queue) {
    let redis = config::Redis {
        url: config::Secret::new(server.url()),
        connect_timeout: Duration::from_secs(5),
        command_timeout: Duration::from_secs(5),
    };
    let queue = config::Queue {
        name: "bench".into(),
        lease: Duration::from_secs(30),
        max_deliveries: 5,
        prefetch: 256,
        sweep_interval: Duration::from_secs(1),
        live_share: 8,
        backfill_at_once: 4,
    };
    (redis, queue)
}

//! A bulk retry while live webhooks come in: what it costs them, and whether all of it arrives.

use std::time::{Duration, Instant};

use quittance::queue::Lane;
use quittance::store::dead_letter::GroupKey;
use sqlx::types::time::OffsetDateTime;
use stripe_simulator::Simulator;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::operation::{self, Told};
use super::scene::{self, Scene};
use super::sizes::Sizes;
use crate::stage::Timings;

/// Live traffic before that which counts.
const WARM_UP: Duration = Duration::from_secs(5);

/// Measurements of a retry.
pub(crate) struct Retried {
    /// From received to settled, of live events: without the retry, while the operation ran, and
    /// from its begin until the last of its jobs was done.
    pub(crate) calm: Timings,
    pub(crate) operating: Timings,
    pub(crate) draining: Timings,
    pub(crate) operation: Told,
    /// From the operation's begin until none of its jobs was left.
    pub(crate) drained: Duration,
    /// Live events in all.
    pub(crate) live: usize,
    /// What was promised and did not happen.
    pub(crate) faults: Vec<String>,
}

pub(crate) async fn measure(scene: &Scene, group: &GroupKey, sizes: Sizes) -> Retried {
    let before = scene.events().len();
    scene.pays();
    scene.settled().await;
    let of_payment = scene.events().len() - before;
    let stop = CancellationToken::new();
    let every = Duration::from_secs(1).mul_f64(of_payment as f64 / sizes.rate as f64);
    let traffic = tokio::spawn(traffic(scene.stripe.clone(), every, stop.clone()));
    tokio::time::sleep(WARM_UP).await;

    let calm_from = OffsetDateTime::now_utc();
    tokio::time::sleep(sizes.calm).await;
    let retry_from = OffsetDateTime::now_utc();
    let begin = Instant::now();
    let told = operation::start(&scene.stage.env, group, sizes.over).await;
    let operated = OffsetDateTime::now_utc();
    drained(scene).await;
    let (ended, drained) = (OffsetDateTime::now_utc(), begin.elapsed());
    stop.cancel();
    traffic.await.unwrap();
    scene.settled().await;

    let faults = faults(scene, group, &told).await;
    Retried {
        calm: latencies(scene, calm_from, retry_from).await,
        operating: latencies(scene, retry_from, operated).await,
        draining: latencies(scene, retry_from, ended).await,
        operation: told,
        drained,
        live: scene.events().len(),
        faults,
    }
}

/// Payments at a steady pace; each is several webhooks at once.
async fn traffic(stripe: Simulator, every: Duration, stop: CancellationToken) {
    let mut clock = tokio::time::interval(every);
    clock.set_missed_tick_behavior(MissedTickBehavior::Burst);
    while stop.run_until_cancelled(clock.tick()).await.is_some() {
        scene::pays(&stripe);
    }
}

/// Waits until the lane of bulk work is empty, while the other goes on.
async fn drained(scene: &Scene) {
    loop {
        let depth = scene.producer.depth().await.unwrap();
        let lane = depth.lane(Lane::Backfill);
        if lane.waiting + lane.in_hand + depth.delayed == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Of the live events that were received in this time. Those of the dead letters were received before.
async fn latencies(scene: &Scene, from: OffsetDateTime, to: OffsetDateTime) -> Timings {
    let query = "SELECT (extract(epoch FROM settled_at - received_at) * 1000)::float8
                 FROM quittance.events
                 WHERE received_at >= $1 AND received_at < $2 AND settled_at IS NOT NULL";
    let found = sqlx::query_scalar(query).bind(from).bind(to).fetch_all(&scene.pool).await;
    Timings::new(found.unwrap())
}

/// Dead letters, events or results that are not as they must be.
async fn faults(scene: &Scene, group: &GroupKey, told: &Told) -> Vec<String> {
    let mut faults = Vec::new();
    if (told.done, told.failed, told.state.as_str()) != (told.total, 0, "done") {
        faults.push(format!("the operation ended as {told:?}"));
    }
    let live = scene.events();
    for (what, query) in [
        (
            "letters of the group are not resolved",
            "SELECT count(*) FROM quittance.dead_letters
             WHERE fingerprint = $1 AND state <> 'resolved'",
        ),
        (
            "events of the letters did not settle as covered ones",
            "SELECT count(*) FROM quittance.dead_letters AS d
             LEFT JOIN quittance.events AS e ON e.id = d.event_id
             WHERE d.fingerprint = $1 AND e.outcome IS DISTINCT FROM 'covered'",
        ),
        (
            "letters of the group have no result of the operation",
            "SELECT count(*) FROM quittance.dead_letters AS d
             LEFT JOIN quittance.operation_results AS r ON r.letter = d.id
             WHERE d.fingerprint = $1 AND r.ok IS NOT TRUE",
        ),
    ] {
        let count: i64 = sqlx::query_scalar(query)
            .bind(&group.fingerprint)
            .fetch_one(&scene.pool)
            .await
            .unwrap();
        if count > 0 {
            faults.push(format!("{count} {what}"));
        }
    }
    let settled: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM quittance.events WHERE id = ANY ($1) AND status = 'settled'",
    )
    .bind(&live)
    .fetch_one(&scene.pool)
    .await
    .unwrap();
    if usize::try_from(settled) != Ok(live.len()) {
        faults.push(format!("{settled} of {} live events are settled", live.len()));
    }
    faults
}

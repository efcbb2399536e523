//! Count of requests to Stripe: ordinary lives of payments, whose events are delivered in bursts.
//!
//! The floor is one request for each event, which is what a worker does that fetches and no more. The
//! last column is the same with `reconcile.snapshots`.

use std::sync::Arc;
use std::time::Duration;

use quittance::queue::Producer;
use quittance::stripe_api::api_version;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use stripe_simulator::{
    Config, Kind, PaymentScenario, RequestCount, Simulator, WebhookEndpoint, run_payment_scenario,
};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::stage::{SECRET, Stage};

/// Events, at least.
const EVENTS: usize = 1_000;

/// Ordinary lives of payments, with their weights.
const LIVES: [(PaymentScenario, usize); 8] = [
    (PaymentScenario::Paid, 10),
    (PaymentScenario::PaidLater, 4),
    (PaymentScenario::Authenticated, 3),
    (PaymentScenario::DeclinedThenPaid, 2),
    (PaymentScenario::Captured, 1),
    (PaymentScenario::Refunded, 1),
    (PaymentScenario::RefundedInParts, 1),
    (PaymentScenario::Abandoned, 1),
];

/// Lives that go on at once.
const AT_ONCE: usize = 64;

/// Stripe's time to answer a read.
const ANSWER: Duration = Duration::from_millis(150);

/// The order in which the events of many lives arrive.
#[derive(Clone, Copy)]
enum Burst {
    /// As they happen: a burst for each step, with up to so long in between.
    Steps(Duration),
    /// All that ever happened at once, so long after the last of it.
    Backlog(Duration),
}

pub(crate) async fn measure() {
    println!("requests: ordinary lives of payments, {AT_ONCE} at once, at least {EVENTS} events");
    println!("{:<44}{:>9}{:>9}{:>10}{:>10}", "", "events", "requests", "an event", "believed");
    for (name, burst) in [
        ("a burst for each step of a life", Burst::Steps(Duration::from_secs(6))),
        ("all of it in one burst", Burst::Backlog(Duration::ZERO)),
        ("the same, five seconds later", Burst::Backlog(Duration::from_secs(5))),
    ] {
        let (events, asked) = live(burst, "").await;
        let (of, believed) = live(burst, "charge,payment_intent,refund").await;
        println!(
            "{name:<44}{events:>9}{asked:>9}{:>10.2}{:>10.2}",
            asked as f64 / events as f64,
            believed as f64 / of as f64
        );
    }
}

/// Events that happened, and requests that they caused. `believed`: the kinds of `reconcile.snapshots`.
async fn live(burst: Burst, believed: &str) -> (usize, u64) {
    let mut stage = Stage::set().await;
    stage.with(&[("QUITTANCE__RECONCILE__SNAPSHOTS", believed)]);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = Config {
        api_version: api_version().to_owned(),
        auto_deliver: matches!(burst, Burst::Steps(_)),
        delivery_concurrency: 64,
        ..Config::default()
    };
    let stripe = Simulator::start(listener, config).unwrap();
    stage.asks(stripe.base_url(), stripe.secret_key());
    stage.start("ingress").await;
    stage.start("worker").await;
    stripe.add_endpoint(WebhookEndpoint::new(stage.webhooks(), SECRET));
    stripe.set_chaos(|chaos| (chaos.slow, chaos.slow_by) = (1.0, ANSWER));

    let pause = match burst {
        Burst::Steps(pause) => pause,
        Burst::Backlog(_) => Duration::ZERO,
    };
    let all = LIVES.iter().flat_map(|(story, times)| std::iter::repeat_n(*story, *times)).cycle();
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut lives = JoinSet::new();
    for (n, story) in (0..).zip(all) {
        let place = Arc::clone(&places).acquire_owned().await.unwrap();
        if stripe.truth(Kind::Event).len() >= EVENTS {
            break;
        }
        let account = stripe.platform();
        lives.spawn(async move {
            let mut rng = StdRng::seed_from_u64(n);
            run_payment_scenario(&account, story, &mut rng, pause).await.unwrap();
            drop(place);
        });
        tokio::task::yield_now().await;
    }
    lives.join_all().await;
    if let Burst::Backlog(later) = burst {
        tokio::time::sleep(later).await;
    }
    stripe.release();
    stripe.wait_all_acknowledged().await.unwrap();
    let settings = stage.settings();
    let producer = Producer::new(&settings.redis, &settings.queue).unwrap();
    while producer.depth().await.unwrap().total() > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let reads = |row: &&RequestCount| row.endpoint.contains("{id}");
    let stats = stripe.stats();
    let asked = stats.requests.iter().filter(reads).map(|row| row.count).sum();
    (stripe.truth(Kind::Event).len(), asked)
}

//! The budget is asked before Stripe is, and hears of each rate limit.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use quittance::domain::failure::Class;
use quittance::stripe_api::{Budget, BudgetWait, Client};
use serde_json::json;

use super::server::{Reply, Server, answer};
use super::{intent, of_account, payment, settings};

/// Gives the listed answers, then always a token; keeps what it was asked and told.
#[derive(Default)]
struct Scripted {
    waits: Mutex<VecDeque<Option<Duration>>>,
    /// Of each time that it was asked.
    taken: Mutex<Vec<String>>,
    /// The place that it was shown each time.
    places: Mutex<Vec<Option<u64>>>,
    slowed: Mutex<Vec<String>>,
}

impl Budget for Scripted {
    fn take<'a>(
        &'a self,
        buckets: &'a [(&'a str, u32)],
        _: Duration,
        place: Option<u64>,
    ) -> BoxFuture<'a, Option<BudgetWait>> {
        self.places.lock().unwrap().push(place);
        let buckets = buckets.iter().map(|(bucket, rate)| format!("{bucket}@{rate}"));
        self.taken.lock().unwrap().push(buckets.collect::<Vec<_>>().join(" "));
        let wait = self.waits.lock().unwrap().pop_front().flatten();
        let place = u64::try_from(self.places.lock().unwrap().len()).unwrap();
        Box::pin(std::future::ready(wait.map(|time| BudgetWait { time, place })))
    }

    fn slow_down<'a>(&'a self, bucket: &'a str) -> BoxFuture<'a, ()> {
        self.slowed.lock().unwrap().push(bucket.to_owned());
        Box::pin(std::future::ready(()))
    }
}

async fn with(waits_ms: &[u64], reply: Reply) -> (Arc<Scripted>, Server, Client) {
    let waits = waits_ms.iter().map(|ms| Some(Duration::from_millis(*ms)));
    let budget = Arc::new(Scripted { waits: Mutex::new(waits.collect()), ..Scripted::default() });
    let server = Server::replying([reply]).await;
    let client = Client::new(&settings(&server.base), Arc::clone(&budget) as _).unwrap();
    (budget, server, client)
}

fn taken(budget: &Scripted) -> Vec<String> {
    budget.taken.lock().unwrap().clone()
}

#[tokio::test]
async fn what_reads_in_bulk_draws_from_a_share_of_its_own_as_well() {
    let (budget, _server, client) = with(&[], answer(200, &[], intent("pi_1"))).await;
    client.within("backfill", 0.25).fetch(&payment("pi_1")).await.unwrap();
    assert_eq!(
        taken(&budget),
        [
            "own:test:payment_intents@20 own:test:all@80 own:test:payment_intents/backfill@5 own:test:all/backfill@20"
        ]
    );
}

#[tokio::test]
async fn each_request_draws_from_its_endpoint_and_its_account() {
    let (budget, _server, client) = with(&[], answer(200, &[], intent("pi_1"))).await;
    client.fetch(&payment("pi_1")).await.unwrap();
    assert_eq!(taken(&budget), ["own:test:payment_intents@20 own:test:all@80"]);

    let (budget, _server, client) = with(&[], answer(200, &[], intent("pi_1"))).await;
    client.fetch(&of_account(payment("pi_1"), "acct_7")).await.unwrap();
    assert_eq!(taken(&budget), ["acct_7:test:payment_intents@20 acct_7:test:all@80"]);
}

#[tokio::test]
async fn a_short_wait_for_a_token_is_waited_for_in_place() {
    let (budget, server, client) = with(&[3, 0], answer(200, &[], intent("pi_1"))).await;
    client.fetch(&payment("pi_1")).await.unwrap();
    assert_eq!(taken(&budget).len(), 3, "twice refused, then one of each");
    assert_eq!(*budget.places.lock().unwrap(), [None, Some(1), Some(2)], "it keeps its place");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_long_wait_gives_the_job_back_without_asking_stripe() {
    for waits in [&[5_001][..], &[100, 4_901]] {
        let (_budget, server, client) = with(waits, answer(200, &[], intent("pi_1"))).await;
        let failure = client.fetch(&payment("pi_1")).await.unwrap_err().failure();
        let last = waits.last().copied().map(Duration::from_millis);
        assert_eq!(failure.class, Class::RateLimited { retry_after: last });
        assert_eq!(failure.code, "stripe_over_budget");
        assert_eq!(server.connections(), 0);
    }
}

#[tokio::test]
async fn a_rate_limit_slows_down_the_bucket_that_it_speaks_of() {
    let (endpoint, account) = ("own:test:payment_intents", "own:test:all");
    for (reason, code, slowed) in [
        (Some("endpoint-rate"), "rate_limit", Some(endpoint)),
        (Some("endpoint-concurrency"), "rate_limit", Some(endpoint)),
        (Some("global-rate"), "rate_limit", Some(account)),
        (Some("global-concurrency"), "rate_limit", Some(account)),
        (Some("resource-specific"), "rate_limit", None),
        (None, "rate_limit", Some(endpoint)),
        (None, "lock_timeout", None),
    ] {
        let headers: Vec<_> =
            reason.map(|reason| ("Stripe-Rate-Limited-Reason", reason)).into_iter().collect();
        let body = json!({"error": {"code": code}});
        let (budget, _server, client) = with(&[], answer(429, &headers, body)).await;
        client.fetch(&payment("pi_1")).await.unwrap_err();
        let told = budget.slowed.lock().unwrap().clone();
        assert_eq!(told, slowed.map(str::to_owned).into_iter().collect::<Vec<_>>(), "{reason:?}");
    }
}

#[tokio::test]
async fn other_failures_do_not_slow_anything_down() {
    for status in [200, 401, 404, 500] {
        let (budget, _server, client) = with(&[], answer(status, &[], "{}")).await;
        client.fetch(&payment("pi_1")).await.unwrap_err();
        assert!(budget.slowed.lock().unwrap().is_empty(), "{status}");
    }
}

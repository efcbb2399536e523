//! Backfills: what existed before the program did, read once, by the same rule as all else, and without a word.

mod accounts;
mod news;
mod operation;
mod program;
mod reading;

use std::sync::Arc;

use quittance::backfill::{Backfill, BackfillRequest};
use quittance::domain::id::Mode;
use quittance::domain::object::Kind;
use quittance::queue::Inspector;
use quittance::reconcile::Reconciler;
use quittance::store::Store;
use quittance::store::dead_letter::Actor;
use quittance::store::operation::{Operation, Running};
use quittance::stripe_api::{Client, Unlimited, api_version};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde_json::Value;
use stripe_simulator::{NewCustomer, NewSubscription};
use tokio_util::sync::CancellationToken;

use crate::harness::{App, Options, within};

pub(crate) const ACTOR: Actor<'static> = Actor { name: "ada", reason: None };

/// Settings of an app whose backfills do not wait for what is listed late.
const AT_ONCE: &[(&str, &str)] = &[
    ("QUITTANCE__BACKFILL__LATE_LISTING", "0s"),
    ("QUITTANCE__BACKFILL__SHARE", "1.0"),
    ("QUITTANCE__STRIPE__ENDPOINT_RATE", "5000"),
    ("QUITTANCE__STRIPE__ACCOUNT_RATE", "5000"),
];

/// An app whose Stripe began long ago, and has told nobody of anything.
async fn quiet(workers: usize, env: &'static [(&'static str, &'static str)]) -> App {
    let year_ago = time::OffsetDateTime::now_utc().unix_timestamp() - 400 * 86_400;
    let simulator = stripe_simulator::Config {
        api_version: api_version().to_owned(),
        auto_deliver: false,
        start_at: Some(year_ago),
        ..stripe_simulator::Config::default()
    };
    App::with(Options { workers, env, simulator, ..Options::default() }).await
}

/// The clock of Stripe is the one of everybody else again.
fn until_now(app: &App) {
    let clock = app.stripe().clock();
    let left = time::OffsetDateTime::now_utc().unix_timestamp() - clock.now();
    clock.advance(u32::try_from(left).unwrap());
}

/// Something of everything that lists hide: canceled subscriptions, archived prices, methods of customers.
fn of_each(app: &App) {
    let stripe = app.stripe().platform();
    let customer = stripe.create_customer(NewCustomer::default());
    let customer = customer["id"].as_str().unwrap();
    stripe.attach_method("pm_card_visa", customer).unwrap();
    let product = stripe.create_product(None, "Gold").unwrap();
    let product = product["id"].as_str().unwrap();
    let price = stripe.create_price(product, 900, "eur").unwrap();
    let price = price["id"].as_str().unwrap();
    for cancels in [false, true] {
        let subscribed = stripe
            .subscribe(NewSubscription {
                customer: customer.to_owned(),
                prices: vec![(price.to_owned(), 1)],
                card: "pm_card_visa".to_owned(),
                ..NewSubscription::default()
            })
            .unwrap();
        if cancels {
            stripe.cancel_subscription(subscribed["id"].as_str().unwrap()).unwrap();
        }
    }
    let archived = stripe.create_price(product, 800, "eur").unwrap();
    stripe.update_price(archived["id"].as_str().unwrap(), "old", false).unwrap();
    let dropped = stripe.create_product(None, "Silver").unwrap();
    stripe.update_product(dropped["id"].as_str().unwrap(), "Silver", false).unwrap();
    stripe.create_schedule(customer).unwrap();
    app.pays("pm_card_visa");
    app.pays("pm_card_chargeDeclined");
}

/// Payments of all sorts, some days apart.
async fn lives(app: &App, count: usize, seed: u64) {
    let (account, mut rng) = (app.stripe().platform(), StdRng::seed_from_u64(seed));
    for n in 0..count {
        let pause = std::time::Duration::ZERO;
        stripe_simulator::run_payment(&account, &mut rng, pause).await.unwrap();
        if n % 10 == 0 {
            app.stripe().clock().advance(3 * 3600);
        }
    }
}

fn store(app: &App) -> Store {
    Store::connect(&app.settings.database, "backfill").unwrap().redacting(&app.settings.redaction)
}

fn backfill(app: &App) -> Backfill {
    let stripe = Client::new(&app.settings.stripe, Arc::new(Unlimited)).unwrap();
    let stripe = stripe.within("backfill", app.settings.backfill.share);
    let reconciler = Reconciler::new(store(app), stripe, &app.settings.reconcile);
    let inspector = Inspector::new(&app.settings.redis, &app.settings.queue).unwrap();
    Backfill::new(store(app), reconciler, inspector, &app.settings.backfill)
}

fn request(kinds: &[&str], accounts: &str) -> BackfillRequest {
    let named = kinds.iter().map(|kind| Kind::parse(kind).unwrap()).collect();
    BackfillRequest {
        kinds: if kinds.is_empty() { BackfillRequest::listed_kinds() } else { named },
        accounts: accounts.parse().unwrap(),
        mode: Mode::Test,
        since: None,
        until: None,
        notify: false,
    }
}

async fn begin(app: &App, request: &BackfillRequest) -> Running {
    backfill(app).begin(request, ACTOR).await.unwrap()
}

/// Runs one to its end.
async fn run(app: &App, running: Running) -> Operation {
    let stop = CancellationToken::new();
    within("the backfill", backfill(app).run(running, |_| {}, &stop)).await.unwrap()
}

async fn backfilled(app: &App, kinds: &[&str], accounts: &str) -> Operation {
    let running = begin(app, &request(kinds, accounts)).await;
    run(app, running).await
}

/// What the rows of `app` say otherwise than Stripe. Not of what cannot be listed: methods without a customer.
async fn differences(app: &App) -> Vec<String> {
    let all = quittance::dev::differences(app.stripe(), &app.db.store).await.unwrap();
    let methods = app.stripe().truth(stripe_simulator::Kind::PaymentMethod);
    let unlisted: Vec<&str> = methods
        .iter()
        .filter(|it| it["customer"].is_null())
        .filter_map(|it| it["id"].as_str())
        .collect();
    let of_rows =
        all.iter().filter(|it| it.table.starts_with("app.") && !unlisted.contains(&it.id.as_str()));
    of_rows.map(|it| format!("{it:?}")).collect()
}

/// A number of what a backfill has read of a kind.
async fn read(app: &App, id: &Operation, kind: &str) -> quittance::store::operation::BackfillKind {
    let kinds = app.db.store.backfill_kinds(id.id).await.unwrap();
    kinds.into_iter().find(|it| it.kind == kind).unwrap()
}

fn ids(objects: &[Value]) -> Vec<String> {
    objects.iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect()
}

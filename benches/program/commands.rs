//! Commands: `POST /v1/payment_intents` over 32 connections, with a canned Stripe in another process.
//!
//! The floor is a bare axum handler in a process of its own, which posts to the same Stripe over the same HTTP
//! client, and inserts one row in the same Postgres. It has no idempotency key to check, no second commit, no
//! limiter and no row to keep up to date. Floor and API take turns. Every commit reaches the disk.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{Request, StatusCode};
use axum::routing::post;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use quittance::http_client::{HttpClient, HttpClientOptions};
use serde_json::{Value, json};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio::net::TcpListener;

use super::events::Templates;
use super::load::Requests;
use super::stage::{Child, Stage, Timings};
use super::{canned, median};

const CONNECTIONS: usize = 32;
/// Commands of one turn at full speed.
const COMMANDS: usize = 2_000;
/// Pairs of turns: of the floor, of the API.
const TURNS: usize = 5;
/// Repeated requests.
const REPEATS: usize = 10_000;
/// Customers whose creation is repeated.
const CUSTOMERS: usize = 100;
/// Stripe's time to create a payment.
const STRIPE_TAKES: Duration = Duration::from_millis(200);
/// Commands of one turn while Stripe takes so long.
const SLOW_COMMANDS: usize = 500;

const API: &str = "FLOOR_API";
const DATABASE: &str = "FLOOR_DATABASE";

pub(crate) async fn measure() {
    let mut stage = Stage::set().await;
    // That there is no token is a warning at each start.
    stage.with(&[("QUITTANCE__LOG__FILTER", "error")]);
    let templates = Templates::make().await;
    let mut numbers = 0..;
    let (_stripe, at_once) = canned::start(&templates.created, stage.dir()).await;
    let mut creates = |count: usize| {
        let bodies = numbers.by_ref().take(count).map(|n| {
            // As a shop sends it: a reference, and metadata of its own.
            let body = json!({
                "amount": 2_000, "currency": "eur", "reference": format!("order-{n}"),
                "description": "Order 4711 of a shop that sells what people need",
                "metadata": { "order_id": n.to_string() },
            });
            request("/v1/payment_intents", &format!("order-{n}-payment"), &body)
        });
        Requests::new(bodies.collect(), CONNECTIONS)
    };

    println!(
        "commands: POST /v1/payment_intents, {CONNECTIONS} connections, each commit on the disk"
    );
    println!("{:<44}{:>12}{:>12}{:>10}", "", "floor/s", "commands/s", "of floor");
    let (floor, ours) = rates(&mut stage, &at_once, || creates(COMMANDS)).await;
    row("Stripe answers at once", &floor, &ours);
    let half = median(ours) / 2.0;
    {
        let (_slow, api) = canned::start_slow(&templates.created, stage.dir(), STRIPE_TAKES).await;
        let (floor, ours) = rates(&mut stage, &api, || creates(SLOW_COMMANDS)).await;
        row(&format!("Stripe takes {} ms", STRIPE_TAKES.as_millis()), &floor, &ours);
    }

    println!(
        "{:<44}{:>12}{:>12}{:>10}",
        format!("at half of the peak ({half:.0}/s), ms"),
        "floor",
        "ours",
        "added"
    );
    let count = (half * 10.0) as usize;
    let (process, address) = floor_on(&stage, &at_once).await;
    let floor = creates(count).send(&address, Some(half)).await.timings;
    process.end().await;
    start(&mut stage, &at_once).await;
    let ours = creates(count).send(&stage.api(), Some(half)).await.timings;
    for (name, percent) in [("p50", 50), ("p99", 99)] {
        let of = |timings: &Timings| timings.percentile(percent);
        println!(
            "{name:<44}{:>12.1}{:>12.1}{:>10.1}",
            of(&floor),
            of(&ours),
            of(&ours) - of(&floor)
        );
    }

    let customers: Vec<_> = (0..CUSTOMERS)
        .map(|n| {
            let body =
                json!({ "reference": format!("customer-{n}"), "metadata": { "n": n.to_string() } });
            request("/v1/customers", &format!("customer-{n}"), &body)
        })
        .collect();
    Requests::new(customers.clone(), CONNECTIONS).send(&stage.api(), None).await;
    let repeats = customers.into_iter().cycle().take(REPEATS).collect();
    let repeated = peak(&Requests::new(repeats, CONNECTIONS), &stage.api()).await;
    println!("{:<44}{repeated:>12.0}/s", "a repeated key, answered from Postgres");
    let memory = stage.role("api").peak_memory();
    println!("resident at its peak: {memory:.1} MB");
    stage.clear().await;
}

/// The rates of the floor and of the API, turn by turn.
async fn rates(
    stage: &mut Stage,
    stripe: &str,
    mut requests: impl FnMut() -> Requests,
) -> (Vec<f64>, Vec<f64>) {
    let (mut floor, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        let (process, address) = floor_on(stage, stripe).await;
        floor.push(peak(&requests(), &address).await);
        process.end().await;

        start(stage, stripe).await;
        ours.push(peak(&requests(), &stage.api()).await);
        stage.clear().await;
    }
    (floor, ours)
}

/// Prints the medians, and the median of the ratios of each pair of turns.
fn row(name: &str, floor: &[f64], ours: &[f64]) {
    let ratios = ours.iter().zip(floor).map(|(ours, floor)| ours / floor).collect();
    let (floor, ours) = (median(floor.to_vec()), median(ours.to_vec()));
    println!("{name:<44}{floor:>12.0}{ours:>12.0}{:>10.2}", median(ratios));
}

/// Starts the API in front of this Stripe.
async fn start(stage: &mut Stage, stripe: &str) {
    stage.asks(stripe, canned::KEY);
    stage.start("api").await;
}

/// Requests a second, each as soon as a connection is free.
async fn peak(requests: &Requests, address: &str) -> f64 {
    requests.count() as f64 / requests.send(address, None).await.seconds
}

fn request(path: &str, key: &str, body: &Value) -> Vec<u8> {
    let body = body.to_string();
    format!(
        "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n\
         idempotency-key: {key}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Starts the floor in front of this Stripe; returns its address.
async fn floor_on(stage: &Stage, stripe: &str) -> (Child, String) {
    let env = [(API.to_owned(), stripe.to_owned()), (DATABASE.to_owned(), stage.url.clone())];
    Child::part("command_floor", &env).await
}

struct Floor {
    client: HttpClient,
    postgres: PgPool,
    url: String,
}

/// Serves the floor until it is killed.
pub(crate) async fn serve_floor() {
    let options = HttpClientOptions {
        request_timeout: Duration::from_secs(10),
        idle_connections: 64,
        allow_plain_http: true,
    };
    let database = std::env::var(DATABASE).unwrap();
    // As many as the program has.
    let connections =
        quittance::config::load(None, std::iter::empty()).unwrap().database.max_connections;
    let postgres =
        PgPoolOptions::new().max_connections(connections).connect(&database).await.unwrap();
    sqlx::raw_sql("CREATE TABLE IF NOT EXISTS floor (id TEXT PRIMARY KEY, payment JSONB NOT NULL)")
        .execute(&postgres)
        .await
        .unwrap();
    let url = format!("{}/v1/payment_intents", std::env::var(API).unwrap());
    let floor = Arc::new(Floor { client: options.client().unwrap(), postgres, url });
    let router = Router::new().route("/v1/payment_intents", post(create)).with_state(floor);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    axum::serve(listener, router).await.unwrap();
}

/// The least that creates a payment: one request to Stripe, one row.
async fn create(State(floor): State<Arc<Floor>>, body: Bytes) -> (StatusCode, String) {
    let asked: Value = serde_json::from_slice(&body).unwrap();
    let form = format!(
        "amount={}&currency=eur&metadata[order_id]={}",
        asked["amount"],
        asked["metadata"]["order_id"].as_str().unwrap()
    );
    let request = Request::post(&floor.url)
        .header("authorization", format!("Bearer {}", canned::KEY))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Full::from(form))
        .unwrap();
    let answer = floor.client.request(request).await.unwrap();
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    let payment: Value = serde_json::from_slice(&bytes).unwrap();
    sqlx::query("INSERT INTO floor (id, payment) VALUES ($1, $2)")
        .bind(payment["id"].as_str().unwrap())
        .bind(&payment)
        .execute(&floor.postgres)
        .await
        .unwrap();
    (StatusCode::OK, payment.to_string())
}

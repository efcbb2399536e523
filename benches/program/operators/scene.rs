//! Surroundings of the operators' verbs: all roles at work, and a simulated Stripe.

use std::time::Duration;

use quittance::queue::Producer;
use quittance::store::Store;
use quittance::stripe_api::api_version;
use sqlx::PgPool;
use stripe_simulator::{Config, Kind, NewPayment, Simulator, WebhookEndpoint};

use crate::stage::{SECRET, Stage};

/// All that runs.
pub(crate) struct Scene {
    pub(crate) stripe: Simulator,
    pub(crate) producer: Producer,
    /// As an operator's process has it.
    pub(crate) store: Store,
    /// For what no verb answers.
    pub(crate) pool: PgPool,
    pub(crate) stage: Stage,
}

impl Scene {
    pub(crate) async fn set(workers: u64) -> Self {
        let mut stage = Stage::set().await;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let config = Config { api_version: api_version().to_owned(), ..Config::default() };
        let stripe = Simulator::start(listener, config).unwrap();
        stage.asks(stripe.base_url(), stripe.secret_key());
        stage.start("ingress").await;
        for _ in 0..workers {
            stage.start("worker").await;
        }
        stripe.add_endpoint(WebhookEndpoint::new(stage.webhooks(), SECRET));
        let settings = stage.settings();
        Self {
            stripe,
            producer: Producer::new(&settings.redis, &settings.queue).unwrap(),
            store: Store::connect(&settings.database, "admin").unwrap(),
            pool: PgPool::connect(&stage.url).await.unwrap(),
            stage,
        }
    }

    /// A payment that succeeds at once, and the webhooks that come of it.
    pub(crate) fn pays(&self) {
        pays(&self.stripe);
    }

    /// Waits until Stripe is rid of all events and the queue of all jobs.
    pub(crate) async fn settled(&self) {
        self.stripe.wait_all_acknowledged().await.unwrap();
        while self.producer.depth().await.unwrap().total() > 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The ids of all events that Stripe has made.
    pub(crate) fn events(&self) -> Vec<String> {
        let events = self.stripe.truth(Kind::Event);
        events.iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect()
    }
}

pub(crate) fn pays(stripe: &Simulator) {
    let payment = NewPayment {
        amount: 2_000,
        currency: "eur".to_owned(),
        payment_method: Some("pm_card_visa".to_owned()),
        confirm: true,
        ..NewPayment::default()
    };
    stripe.platform().create_payment(payment).unwrap();
}

//! A simulator and a client that knows nothing but HTTP.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{HeaderMap, Request};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use stripe_simulator::{Config, NewPayment, Simulator};
use tokio::net::TcpListener;

pub(super) struct Api {
    pub(super) sim: Simulator,
    client: Client<HttpConnector, Full<Bytes>>,
}

pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

impl Reply {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(super) fn text(&self, pointer: &str) -> &str {
        let found = self.body.pointer(pointer).and_then(Value::as_str);
        found.unwrap_or_else(|| panic!("no text at {pointer} in {:#}", self.body))
    }

    /// The ids of a list.
    pub(super) fn ids(&self) -> Vec<&str> {
        let data = self.body["data"].as_array().unwrap();
        data.iter().map(|item| item["id"].as_str().unwrap()).collect()
    }
}

impl Api {
    pub(super) async fn start() -> Self {
        Self::with(Config::default()).await
    }

    pub(super) async fn with(config: Config) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let sim = Simulator::start(listener, config).unwrap();
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { sim, client }
    }

    pub(super) async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, "", &[]).await.unwrap()
    }

    pub(super) async fn post(&self, path: &str, form: &str) -> Reply {
        self.send("POST", path, form, &[]).await.unwrap()
    }

    /// With further headers; an error where the connection ends without an answer.
    pub(super) async fn send(
        &self,
        method: &str,
        path: &str,
        form: &str,
        headers: &[(&str, &str)],
    ) -> Result<Reply, hyper_util::client::legacy::Error> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.sim.base_url()))
            .header("content-type", "application/x-www-form-urlencoded");
        if !headers.iter().any(|(name, _)| *name == "authorization") {
            request = request.header("authorization", format!("Bearer {}", self.sim.secret_key()));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::from(form.to_owned()))).unwrap();
        let response = self.client.request(request).await?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Ok(Reply {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: serde_json::from_slice(&body).unwrap(),
        })
    }

    /// A page for a browser, asked for without a key: its status, where it leads, and its text.
    pub(super) async fn page(&self, method: &str, path: &str, form: &str) -> (u16, String, String) {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.sim.base_url()))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Full::new(Bytes::from(form.to_owned())));
        let response = self.client.request(request.unwrap()).await.unwrap();
        let leads = response.headers().get("location").map(|it| it.to_str().unwrap().to_owned());
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, leads.unwrap_or_default(), String::from_utf8(body.to_vec()).unwrap())
    }

    /// A payment that is paid; its id.
    pub(super) fn paid(&self) -> String {
        self.made(paid_with("pm_card_visa"))
    }

    pub(super) fn made(&self, new: NewPayment) -> String {
        let made = self.sim.platform().create_payment(new).unwrap();
        made["id"].as_str().unwrap().to_owned()
    }

    /// The kinds of all events so far, oldest first.
    pub(super) fn event_types(&self) -> Vec<String> {
        let events = self.sim.truth(stripe_simulator::Kind::Event);
        events.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
    }
}

pub(super) fn paid_with(method: &str) -> NewPayment {
    NewPayment {
        amount: 2000,
        currency: "eur".into(),
        payment_method: Some(method.into()),
        confirm: true,
        ..NewPayment::default()
    }
}

/// Waits for what other tasks will make true.
pub(super) async fn until(mut done: impl FnMut() -> bool) {
    while !done() {
        tokio::task::yield_now().await;
    }
}

impl Api {
    /// A customer with nothing but an id.
    pub(super) async fn customer(&self) -> String {
        self.post("/v1/customers", "").await.text("/id").to_owned()
    }

    /// A method that a customer keeps: a test card by its name.
    pub(super) async fn saved(&self, card: &str, customer: &str) -> String {
        let form = format!("customer={customer}");
        self.post(&format!("/v1/payment_methods/{card}/attach"), &form).await.text("/id").to_owned()
    }

    /// A monthly price of 15.00 EUR, or one that is paid once.
    pub(super) async fn price(&self, recurring: bool) -> String {
        let form = "currency=eur&unit_amount=1500&product_data[name]=Gold";
        let form = format!("{form}{}", if recurring { "&recurring[interval]=month" } else { "" });
        self.post("/v1/prices", &form).await.text("/id").to_owned()
    }
}

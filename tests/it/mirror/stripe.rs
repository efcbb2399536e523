//! A Stripe that has exactly the objects which a test gives it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

type Answers = HashMap<String, (StatusCode, String)>;

#[derive(Clone, Default)]
struct Script {
    answers: Arc<Mutex<Answers>>,
    asked: Arc<Mutex<Vec<String>>>,
}

pub(crate) struct Stripe {
    pub(crate) base: String,
    script: Script,
    server: JoinHandle<()>,
}

impl Stripe {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let script = Script::default();
        let router = Router::new().fallback(answer).with_state(script.clone());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { base, script, server }
    }

    /// From now on a path is answered like this, whatever it is asked with.
    pub(crate) fn put(&self, path: &str, object: Value) {
        self.say(path, 200, object);
    }

    pub(crate) fn say(&self, path: &str, status: u16, body: Value) {
        self.say_bytes(path, status, body.to_string());
    }

    /// The same, byte for byte: what no [`Value`] can hold.
    pub(crate) fn say_bytes(&self, path: &str, status: u16, body: String) {
        let status = StatusCode::from_u16(status).unwrap();
        self.script.answers.lock().unwrap().insert(path.to_owned(), (status, body));
    }

    /// From now on there is no such object.
    pub(crate) fn remove(&self, path: &str) {
        self.script.answers.lock().unwrap().remove(path);
    }

    /// Which objects were asked for since the last time: the path, after the account if one was named.
    pub(crate) fn asked(&self) -> Vec<String> {
        let mut asked = std::mem::take(&mut *self.script.asked.lock().unwrap());
        asked.retain(|path| !path.contains("/v1/events/"));
        asked
    }
}

impl Drop for Stripe {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(State(script): State<Script>, request: Request) -> Response {
    let path = request.uri().to_string();
    let account = request.headers().get("stripe-account").map(|it| it.to_str().unwrap().to_owned());
    let asked = account.map_or_else(|| path.clone(), |account| format!("{account} {path}"));
    let known = script.answers.lock().unwrap();
    let answer = known.get(&asked).or_else(|| known.get(&path));
    let answer = answer.or_else(|| known.get(request.uri().path())).cloned();
    script.asked.lock().unwrap().push(asked);
    match answer {
        Some((status, body)) => {
            (status, [("content-type", "application/json")], body).into_response()
        }
        None => {
            let error = json!({"error": {
                "type": "invalid_request_error", "code": "resource_missing",
                "message": "No such object",
            }});
            (StatusCode::NOT_FOUND, Json(error)).into_response()
        }
    }
}

//! A Stripe that has exactly the objects which a test gives it: the simulator, with every answer scripted.
//!
//! The objects are of kinds that the simulator does not keep, or of shapes that it would never show.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use stripe_simulator::{Config, Fault, FaultKind, HeldRequest, ScriptedAnswer, Simulator};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

#[derive(Clone, Default)]
struct Script {
    answers: Arc<Mutex<HashMap<String, ScriptedAnswer>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

pub(crate) struct Stripe {
    pub(crate) base: String,
    script: Script,
    answering: JoinHandle<()>,
}

impl Stripe {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let simulator = Simulator::start(listener, Config::default()).unwrap();
        simulator.add_fault(Fault::always("*", FaultKind::HoldBefore));
        let base = simulator.base_url().to_owned();
        let script = Script::default();
        let for_task = script.clone();
        let answering = tokio::spawn(async move {
            loop {
                let held = simulator.next_held().await;
                let answer = for_task.answer_to(&held);
                held.answer(answer);
            }
        });
        Self { base, script, answering }
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
        let answer = ScriptedAnswer { status, headers: Vec::new(), body: body.into_bytes() };
        self.script.answers.lock().unwrap().insert(path.to_owned(), answer);
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
        self.answering.abort();
    }
}

impl Script {
    /// What was given for the path with its account, with its query, or alone.
    fn answer_to(&self, request: &HeldRequest) -> ScriptedAnswer {
        let path = match request.query.as_str() {
            "" => request.path.clone(),
            query => format!("{}?{query}", request.path),
        };
        let account = request.header("stripe-account");
        let asked = account.map_or_else(|| path.clone(), |account| format!("{account} {path}"));
        let known = self.answers.lock().unwrap();
        let answer = [&asked, &path, &request.path].into_iter().find_map(|it| known.get(it));
        let answer = answer.cloned();
        self.asked.lock().unwrap().push(asked);
        answer.unwrap_or_else(|| {
            let error = json!({"error": {
                "type": "invalid_request_error", "code": "resource_missing",
                "message": "No such object",
            }});
            ScriptedAnswer::json(404, &error)
        })
    }
}

//! An HTTP server that receives notifications.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::harness::within;

/// A request that was received.
#[derive(Debug, Clone)]
pub(crate) struct Post {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) json: Value,
    pub(crate) status: StatusCode,
}

impl Post {
    pub(crate) fn id(&self) -> &str {
        self.json["id"].as_str().unwrap()
    }

    pub(crate) fn cause(&self) -> &str {
        self.json["cause"].as_str().unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

/// The response to a request, given those before it.
type Answer = Box<dyn Fn(&Value, &[Post]) -> StatusCode + Send + Sync>;

#[derive(Clone)]
pub(crate) struct Receiver {
    inner: Arc<Inner>,
    pub(crate) url: String,
}

struct Inner {
    posts: Mutex<Vec<Post>>,
    count: watch::Sender<usize>,
    answer: Answer,
    /// Answers wait for it to be true.
    answering: watch::Sender<bool>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        Self::answering(|_, _| StatusCode::NO_CONTENT).await
    }

    pub(crate) async fn answering(
        answer: impl Fn(&Value, &[Post]) -> StatusCode + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/notifications", listener.local_addr().unwrap());
        let inner = Arc::new(Inner {
            posts: Mutex::default(),
            count: watch::Sender::new(0),
            answer: Box::new(answer),
            answering: watch::Sender::new(true),
        });
        let receiver = Self { inner, url };
        let app = Router::new().route("/notifications", post(take)).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        receiver
    }

    /// Receives requests and does not answer them.
    pub(crate) fn hold(&self) {
        self.inner.answering.send_replace(false);
    }

    /// Answers the waiting requests, and all later ones.
    pub(crate) fn release(&self) {
        self.inner.answering.send_replace(true);
    }

    pub(crate) fn posts(&self) -> Vec<Post> {
        self.inner.posts.lock().unwrap().clone()
    }

    /// Waits for `count` requests.
    pub(crate) async fn until(&self, count: usize) -> Vec<Post> {
        let mut seen = self.inner.count.subscribe();
        within("all requests come", seen.wait_for(|seen| *seen >= count)).await.unwrap();
        self.posts()
    }

    /// The causes of the notifications that it accepted, in order of arrival.
    pub(crate) fn taken(&self) -> Vec<String> {
        let posts = self.posts();
        let good = posts.iter().filter(|post| post.status.is_success());
        good.map(|post| post.cause().to_owned()).collect()
    }
}

async fn take(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let inner = &receiver.inner;
    let json: Value = serde_json::from_slice(&body).unwrap();
    let status = {
        let mut posts = inner.posts.lock().unwrap();
        let status = (inner.answer)(&json, &posts);
        posts.push(Post { headers, body, json, status });
        status
    };
    inner.count.send_modify(|count| *count += 1);
    inner.answering.subscribe().wait_for(|answering| *answering).await.unwrap();
    status
}

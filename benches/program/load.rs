//! Load generator: requests over keep-alive connections, as fast as they are answered or at a given rate.
//! It runs on one thread, so that on a small machine little is taken from what is measured.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::task::LocalSet;

use super::events::{self, Template};
use super::stage::Timings;

/// Keep-alive connections of webhooks.
pub(crate) const CONNECTIONS: usize = 50;

/// Requests, ready to be sent.
#[derive(Clone)]
pub(crate) struct Requests {
    all: Arc<Vec<Vec<u8>>>,
    connections: usize,
}

/// Requests that were sent, and when they were answered.
pub(crate) struct Sent {
    pub(crate) seconds: f64,
    /// From the moment at which each was due until it was answered, in ms.
    pub(crate) timings: Timings,
    /// When each was answered.
    pub(crate) answered: Vec<SystemTime>,
}

impl Requests {
    /// Signed now, for payments of their own from `first` on.
    pub(crate) fn sign(event: &Template, first: usize, count: usize) -> Self {
        let request = |n| {
            let body = event.fill(&events::number(n));
            let signature = events::signature(&body);
            format!(
                "POST /webhooks/stripe HTTP/1.1\r\nhost: ingress\r\n\
                 content-type: application/json; charset=utf-8\r\nuser-agent: Stripe/1.0\r\n\
                 accept: */*\r\nstripe-signature: {signature}\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            )
            .into_bytes()
        };
        Self::new((first..first + count).map(request).collect(), CONNECTIONS)
    }

    /// Requests in this order, over this many connections.
    pub(crate) fn new(all: Vec<Vec<u8>>, connections: usize) -> Self {
        Self { all: Arc::new(all), connections }
    }

    pub(crate) fn count(&self) -> usize {
        self.all.len()
    }

    /// Sends all of them, `rate` a second or, without one, each as soon as a connection is free.
    /// Panics when one is not answered 200.
    pub(crate) async fn send(&self, address: &str, rate: Option<f64>) -> Sent {
        let (requests, address) = (self.clone(), address.to_owned());
        tokio::task::spawn_blocking(move || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(LocalSet::new().run_until(requests.send_all(address, rate)))
        })
        .await
        .unwrap()
    }

    async fn send_all(self, address: String, rate: Option<f64>) -> Sent {
        let mut open = Vec::new();
        for _ in 0..self.connections {
            let stream = TcpStream::connect(&address).await.unwrap();
            stream.set_nodelay(true).unwrap();
            open.push(stream);
        }
        let next = Arc::new(AtomicUsize::new(0));
        let begin = Instant::now();
        let connections: Vec<_> = open
            .into_iter()
            .map(|stream| {
                let all = Arc::clone(&self.all);
                tokio::task::spawn_local(connection(stream, all, Arc::clone(&next), begin, rate))
            })
            .collect();
        let mut sent = Vec::with_capacity(self.count());
        for connection in connections {
            sent.extend(connection.await.unwrap());
        }
        let seconds = begin.elapsed().as_secs_f64();
        sent.sort_by_key(|(n, ..)| *n);
        let timings = Timings::new(sent.iter().map(|(_, took, _)| *took).collect());
        Sent { seconds, timings, answered: sent.into_iter().map(|(_, _, at)| at).collect() }
    }
}

/// One connection: takes the next request, and sends it when it is due.
async fn connection(
    mut stream: TcpStream,
    requests: Arc<Vec<Vec<u8>>>,
    next: Arc<AtomicUsize>,
    begin: Instant,
    rate: Option<f64>,
) -> Vec<(usize, f64, SystemTime)> {
    let mut sent = Vec::new();
    let mut answer = vec![0; 64 * 1024];
    loop {
        let n = next.fetch_add(1, Ordering::Relaxed);
        let Some(request) = requests.get(n) else { return sent };
        let mut due = Instant::now();
        if let Some(rate) = rate {
            // When it was due and not when it was sent: a stall is a stall for all that wait.
            due = begin + Duration::from_secs_f64(n as f64 / rate);
            tokio::time::sleep_until(due.into()).await;
        }
        stream.write_all(request).await.unwrap();
        let mut read = 0;
        while !is_whole(&answer[..read]) {
            let more = stream.read(&mut answer[read..]).await.unwrap();
            assert!(more > 0, "the connection was closed");
            read += more;
        }
        let text = std::str::from_utf8(&answer[..read]).unwrap();
        assert!(text.starts_with("HTTP/1.1 200 "), "a request was answered {text}");
        sent.push((n, due.elapsed().as_secs_f64() * 1_000.0, SystemTime::now()));
    }
}

/// Whether an answer is complete, by its `Content-Length`.
fn is_whole(answer: &[u8]) -> bool {
    const LENGTH: &[u8] = b"content-length: ";
    let Some(head) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { return false };
    let at = answer[..head].windows(LENGTH.len()).position(|bytes| bytes == LENGTH);
    let digits = at.map_or(&b"0"[..], |at| &answer[at + LENGTH.len()..head]);
    let digits = digits.split(|byte| !byte.is_ascii_digit()).next().unwrap();
    let length: usize = std::str::from_utf8(digits).unwrap().parse().unwrap();
    answer.len() == head + 4 + length
}

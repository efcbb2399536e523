//! A listener when the process is slow or its accept loop panics.

use std::io::Write as _;

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use quittance::http::{self, Limits, Server};
use quittance::supervise::Supervisor;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::yield_now;
use tokio_util::sync::CancellationToken;

use super::App;
use crate::harness::eventually;

/// So many that chance does not answer all of them.
const CLIENTS: usize = 32;

#[tokio::test]
async fn heads_that_arrived_while_the_process_was_stalled_are_answered() {
    // The clock stands, so that only this test makes the time of a new connection run out.
    tokio::time::pause();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (mut registry, limits) = (Registry::default(), Limits::default());
    let metrics = http::Metrics::new(&mut registry);
    let server = Server { name: "listener", router: axum::Router::new(), limits, metrics };
    let shutdown = CancellationToken::new();
    let stop = shutdown.clone();
    let serving =
        tokio::spawn(async move { server.serve(listener, stop, &Supervisor::default()).await });
    let connect = |_| std::net::TcpStream::connect(address).unwrap();
    let mut clients: Vec<_> = (0..CLIENTS).map(connect).collect();
    let all_open = format!("quittance_connections_open {CLIENTS}\n");
    // Busy, because a paused clock moves on by itself when the runtime is idle.
    loop {
        let mut page = String::new();
        encode(&mut page, &registry).unwrap();
        if page.contains(&all_open) {
            break;
        }
        yield_now().await;
    }
    // Until each connection has been looked at, and its time runs.
    for _ in 0..CLIENTS {
        yield_now().await;
    }
    // The stall: the heads arrive, and when the runtime looks again, the time of all of them is over.
    for client in &mut clients {
        client.write_all(b"GET / HTTP/1.1\r\nHost: q\r\n\r\n").unwrap();
    }
    tokio::time::advance(limits.first_head_timeout * 2).await;
    for client in clients {
        client.set_nonblocking(true).unwrap();
        let mut answer = [0; 12];
        TcpStream::from_std(client).unwrap().read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 404");
    }
    shutdown.cancel();
    assert_eq!(serving.await.unwrap(), http::Ended { cut_off: 0 });
}

#[tokio::test]
async fn an_accept_loop_that_panics_accepts_again_and_cuts_no_connection_off() {
    let app = App::start().await;
    let mut client = app.client().await;
    assert_eq!(client.get("/livez").await.status, 200);
    app.supervisor.inject_panic("webhook listener");
    eventually("it accepts again", async || app.supervisor.restarts("webhook listener") == 1).await;
    assert_eq!(client.get("/livez").await.status, 200, "on the same connection");
    assert_eq!(app.get("/livez").await.status, 200, "on a new one");
}

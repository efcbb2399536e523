//! Serving a router on a listener until told to stop.
//!
//! Not `axum::serve`, which limits neither the size of a head nor the time that it may take, and
//! waits for ever for the last connection to end.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::config;

/// How long to leave a listener alone that cannot accept, in all likelihood because the process
/// has no file descriptor left: the next attempt would fail at once, and the one after it.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What one connection may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest head, in bytes. A larger one is answered 431.
    pub max_head_bytes: usize,
    /// How long a connection may be without a complete head, between requests or in one.
    pub head_timeout: Duration,
    /// How long connections with a request in them may take to end after the shutdown.
    pub grace: Duration,
}

/// For listeners that only ops reach: health, metrics.
impl Default for Limits {
    fn default() -> Self {
        Self {
            max_head_bytes: 16 * 1024,
            head_timeout: Duration::from_secs(30),
            grace: Duration::from_secs(1),
        }
    }
}

/// For the listener that Stripe reaches.
impl From<&config::Ingress> for Limits {
    fn from(ingress: &config::Ingress) -> Self {
        Self {
            max_head_bytes: ingress.max_head_bytes,
            head_timeout: ingress.keep_alive,
            grace: ingress.grace,
        }
    }
}

/// Who is at the other end of a request's connection: an extension of each request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// How serving ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// Connections that were still busy at the end of the grace period, and were cut off.
    pub cut_off: usize,
}

/// Serves until `shutdown`; then closes the listener and idle connections at once, and gives the
/// others until the end of the grace period.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: CancellationToken,
    limits: Limits,
) -> Ended {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.head_timeout)
        .max_header_size(limits.max_head_bytes);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let (http, router) = (http.clone(), router.clone());
                    connections.spawn(connection(http, stream, Peer(peer), router, shutdown.clone()));
                }
                Err(error) => pause_after(&error).await,
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
    drop(listener);
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(limits.grace, drained).await.is_ok() {
        return Ended { cut_off: 0 };
    }
    let cut_off = connections.len();
    tracing::warn!(cut_off, "connections were still busy at the end of the grace period");
    connections.shutdown().await;
    Ended { cut_off }
}

async fn connection(
    http: http1::Builder,
    stream: TcpStream,
    peer: Peer,
    router: Router,
    shutdown: CancellationToken,
) {
    // An answer is one small packet; Nagle's algorithm would only hold it back.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    let service = TowerToHyperService::new(router.map_request(move |mut request: Request<_>| {
        request.extensions_mut().insert(peer);
        request
    }));
    let connection = http.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    // A client that goes away or talks nonsense is its own problem, hence no more than `debug`.
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

async fn pause_after(error: &io::Error) {
    // The client gave up while it was waiting to be accepted: nothing is wrong here.
    if matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    ) {
        return;
    }
    tracing::error!(%error, "cannot accept connections; trying again");
    tokio::time::sleep(ACCEPT_PAUSE).await;
}

//! Serves a router on a listener until a shutdown.
//!
//! `axum::serve` limits neither the size of a head nor the time that it may take, and waits without limit for
//! the last connection to end.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use nix::errno::Errno;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::connections::{Connections, Proof, Shed};
use super::log_throttle::LogThrottle;
use super::metrics::Metrics;
use crate::config;
use crate::supervise::Supervisor;

/// Pause after a failed accept, most likely because the process has no file descriptor left: without a pause, the
/// loop would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Read buffer of a connection in bytes, unless a head may be larger. hyper's own limit is 400 KiB, which a client
/// that sends without reading responses can fill on each connection.
const READ_BUFFER: usize = 32 * 1024;

/// Memory of a connection beside its read buffer, in bytes, rounded up: hyper's buffer for the response (8 KiB),
/// the task, the socket.
const OVERHEAD: usize = 16 * 1024;

/// Limits of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most open connections, 1 or more. For one more, the one that has been without a successful change for
    /// the longest time is closed.
    pub max_connections: usize,
    /// Most open connections of one peer address (of one /64 in IPv6); 0 for no such limit.
    pub max_connections_per_address: usize,
    /// Largest head, in bytes. A larger one is answered 431.
    pub max_head_bytes: usize,
    /// Longest time from accepting a connection to its first complete head.
    pub first_head_timeout: Duration,
    /// Longest time until the next complete head after the first request.
    pub head_timeout: Duration,
    /// Longest time that connections with a request in flight may take to end after the shutdown.
    pub grace: Duration,
}

/// Limits for listeners that only operators reach: health, metrics.
impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 1024,
            max_connections_per_address: 0,
            max_head_bytes: 16 * 1024,
            first_head_timeout: Duration::from_secs(10),
            head_timeout: Duration::from_secs(30),
            grace: Duration::from_secs(1),
        }
    }
}

/// Limits for the webhook listener.
impl From<&config::Ingress> for Limits {
    fn from(ingress: &config::Ingress) -> Self {
        Self {
            max_connections: ingress.max_connections,
            max_connections_per_address: ingress.max_connections_per_address,
            max_head_bytes: ingress.max_head_bytes,
            first_head_timeout: ingress.head_timeout,
            head_timeout: ingress.keep_alive,
            grace: ingress.grace,
        }
    }
}

impl Limits {
    /// Most memory that connections use, in bytes, without the request bodies.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.max_connections.saturating_mul(self.read_buffer() + OVERHEAD)
    }

    fn read_buffer(&self) -> usize {
        READ_BUFFER.max(self.max_head_bytes)
    }
}

/// Peer address of a request's connection: an extension of each request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// Result of serving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// Connections that were still busy at the end of the grace period, and were aborted.
    pub cut_off: usize,
}

/// Serves until `shutdown`; then closes the listener and idle connections at once, and the others at the end of
/// the grace period.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: CancellationToken,
    limits: Limits,
) -> Ended {
    let (supervisor, metrics) = (Supervisor::default(), Metrics::default());
    Server { name: "listener", router, limits, metrics }
        .serve(listener, shutdown, &supervisor)
        .await
}

/// A router with what it is served with.
pub struct Server {
    /// Its name with the supervisor.
    pub name: &'static str,
    /// What answers requests.
    pub router: Router,
    /// What connections may cost.
    pub limits: Limits,
    /// What counts connections.
    pub metrics: Metrics,
}

impl Server {
    /// [`serve`], with restarts of the accept loop counted by a supervisor. Connections outlive a restart.
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: CancellationToken,
        supervisor: &Supervisor,
    ) -> Ended {
        let Limits { max_connections, max_connections_per_address, grace, .. } = self.limits;
        let most = max_connections.max(1);
        let connections = Connections::new(most, max_connections_per_address, self.metrics.clone());
        let connections = Mutex::new(connections);
        let run = || self.accept(&listener, &connections, &shutdown);
        supervisor.keep(self.name, &shutdown, run).await;
        drop(listener);
        let mut connections = connections.into_inner();
        let drained = async {
            while !connections.is_empty() {
                connections.ended().await;
            }
        };
        if tokio::time::timeout(grace, drained).await.is_ok() {
            return Ended { cut_off: 0 };
        }
        let cut_off = connections.cut_off().await;
        tracing::warn!(cut_off, "connections were still busy at the end of the grace period");
        Ended { cut_off }
    }

    /// Accepts connections until `shutdown`.
    async fn accept(
        &self,
        listener: &TcpListener,
        connections: &Mutex<Connections>,
        shutdown: &CancellationToken,
    ) {
        let Self { router, limits, metrics, .. } = self;
        let mut connections = connections.lock().await;
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(limits.head_timeout)
            .max_header_size(limits.max_head_bytes)
            .max_buf_size(limits.read_buffer());
        let failures = LogThrottle::default();
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                // Before the next one is accepted, or those that have ended would still count.
                () = connections.ended(), if !connections.is_empty() => {}
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => connections.open(peer.ip(), |proof| {
                        let connection = Connection {
                            peer: Peer(peer),
                            proof,
                            first_head_timeout: limits.first_head_timeout,
                            metrics: metrics.clone(),
                        };
                        connection.serve(http.clone(), stream, router.clone(), shutdown.clone())
                    }),
                    Err(error) => {
                        if is_out_of_descriptors(&error) {
                            connections.shed_oldest(Shed::Descriptors);
                        }
                        tokio::select! {
                            () = shutdown.cancelled() => break,
                            () = pause_after(&error, &failures) => {}
                        }
                    }
                },
            }
        }
    }
}

struct Connection {
    peer: Peer,
    proof: Proof,
    first_head_timeout: Duration,
    metrics: Metrics,
}

impl Connection {
    async fn serve(
        self,
        http: http1::Builder,
        stream: TcpStream,
        router: Router,
        shutdown: CancellationToken,
    ) {
        // A response is one small packet; Nagle's algorithm would only delay it.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
        let Self { peer, proof, first_head_timeout, metrics } = self;
        let asked = AtomicBool::new(false);
        let service = service_fn(|mut request: Request<Incoming>| {
            asked.store(true, Ordering::Relaxed);
            let proves = !request.method().is_safe();
            request.extensions_mut().insert(peer);
            let answer = router.clone().oneshot(request);
            let proof = &proof;
            async move {
                let answer = answer.await?;
                if proves && answer.status().is_success() {
                    proof.renew();
                }
                Ok::<_, std::convert::Infallible>(answer)
            }
        });
        let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
        let first_head = pin!(tokio::time::sleep(first_head_timeout));
        let ended = tokio::select! {
            // The connection first: where the process was too busy to look in time, a head that has arrived
            // meanwhile is read, and its client is not blamed.
            biased;
            ended = connection.as_mut() => ended,
            () = silent(first_head, &asked) => {
                metrics.shed(Shed::NoRequest);
                return;
            }
            () = shutdown.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        // A client that disconnects or violates the protocol is no fault of the server, hence `debug`.
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended early");
        }
    }
}

/// Ends after the time for a first request, unless there was one; then it never ends.
async fn silent(time: std::pin::Pin<&mut tokio::time::Sleep>, asked: &AtomicBool) {
    time.await;
    if asked.load(Ordering::Relaxed) {
        std::future::pending().await
    }
}

fn is_out_of_descriptors(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw);
    matches!(errno, Some(Errno::EMFILE | Errno::ENFILE))
}

async fn pause_after(error: &io::Error, log: &LogThrottle) {
    // The client disconnected before it was accepted: no error of the server.
    if matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    ) {
        return;
    }
    if let Some(suppressed) = log.admit("accept") {
        tracing::error!(%error, suppressed, "cannot accept connections; trying again");
    }
    tokio::time::sleep(ACCEPT_PAUSE).await;
}

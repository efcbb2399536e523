//! Connections.
//!
//! This is hyper and not an axum router, because a connection has to end without an answer when
//! the chaos profile says so, which a router cannot do.

use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use crate::engine::Engine;

use super::pipeline::answer;

/// Answers on the listener until the simulator stops.
pub(crate) async fn serve(engine: Arc<Engine>, listener: TcpListener) {
    loop {
        let accepted = tokio::select! {
            () = engine.stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                engine.tasks.spawn(connection(Arc::clone(&engine), stream));
            }
            Err(error) => {
                // Out of file handles, mostly: others will be closed in a moment.
                tracing::warn!(%error, "the simulator cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn connection(engine: Arc<Engine>, stream: TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "the simulator cannot set TCP_NODELAY");
    }
    let service = service_fn(|request| {
        let engine = Arc::clone(&engine);
        async move { answer(&engine, request).await }
    });
    let serving = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        () = engine.stop.cancelled() => {}
        served = serving => if let Err(error) = served {
            tracing::debug!(%error, "a connection of the simulator ended");
        },
    }
}

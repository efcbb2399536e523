//! Connections.
//!
//! This is hyper and not an axum router, because a connection has to end without an answer when
//! the weather says so, which a router has no word for.

use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use crate::core::Core;

use super::pipeline::answer;

/// Answers on the listener until the simulator stops.
pub(crate) async fn serve(core: Arc<Core>, listener: TcpListener) {
    loop {
        let accepted = tokio::select! {
            () = core.stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                core.tasks.spawn(connection(Arc::clone(&core), stream));
            }
            Err(error) => {
                // Out of file handles, mostly: others will be closed in a moment.
                tracing::warn!(%error, "the simulator cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn connection(core: Arc<Core>, stream: TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "the simulator cannot set TCP_NODELAY");
    }
    let service = service_fn(|request| {
        let core = Arc::clone(&core);
        async move { answer(&core, request).await }
    });
    let serving = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        () = core.stop.cancelled() => {}
        served = serving => if let Err(error) = served {
            tracing::debug!(%error, "a connection of the simulator ended");
        },
    }
}

//! SIGTERM and SIGINT: stop in order. A second one: stop at once.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::exit::{Exit, Failed};

/// A token that is cancelled by the first SIGTERM or SIGINT. The second ends the process.
pub(crate) fn shutdown() -> Result<CancellationToken, Failed> {
    let token = CancellationToken::new();
    let hook = |kind| {
        signal(kind).map_err(|e| Failed::because(Exit::Failure, "cannot listen for signals", &e))
    };
    let (mut term, mut int) = (hook(SignalKind::terminate())?, hook(SignalKind::interrupt())?);
    let stop = token.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = term.recv() => {}
                _ = int.recv() => {}
            }
            if stop.is_cancelled() {
                tracing::warn!("second signal: exiting at once");
                std::process::exit(130);
            }
            tracing::info!("shutdown requested: finishing running work");
            stop.cancel();
        }
    });
    Ok(token)
}

//! Takes up commands that another process has left: one died, or what became of one is not known.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::service::Commands;

/// Interval of the search for commands that are due.
const POLL: Duration = Duration::from_millis(500);
/// Commands that are taken up at once.
const AT_ONCE: u32 = 16;
/// Interval at which old commands are removed, and the most at a time.
const PRUNE: Duration = Duration::from_secs(600);
const PRUNED_AT_ONCE: u32 = 1_000;

/// Finishes commands until it is told to stop. Any number of processes may do so at once.
pub async fn finish(commands: Commands, shutdown: CancellationToken) {
    let mut pruned: Option<Instant> = None;
    loop {
        let took = commands.finish_due().await;
        if pruned.is_none_or(|at| at.elapsed() >= PRUNE) {
            pruned = Some(Instant::now());
            commands.prune().await;
        }
        let wait = if took > 0 { Duration::ZERO } else { POLL };
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

impl Commands {
    /// Takes one turn at each command that is due; how many those were.
    pub async fn finish_due(&self) -> usize {
        let inner = &self.inner;
        let turns = match inner.store.take_due_commands(inner.settings.lease, AT_ONCE).await {
            Ok(turns) => turns,
            Err(error) => {
                tracing::warn!(%error, "cannot look for commands that are due");
                return 0;
            }
        };
        let all = turns.iter().map(|turn| async {
            if let Err(error) = inner.turn(turn).await {
                // Its lease ends, and the next turn sends the same key.
                tracing::warn!(command = %turn.command.id, %error, "a turn at a command failed");
            }
        });
        join_all(all).await.len()
    }

    async fn prune(&self) {
        let inner = &self.inner;
        loop {
            match inner.store.prune_commands(inner.settings.keep_keys, PRUNED_AT_ONCE).await {
                Ok(removed) if removed > 0 => {
                    tracing::info!(removed, "removed commands that are older than api.keep_keys");
                }
                Ok(_) => return,
                Err(error) => {
                    tracing::warn!(%error, "cannot remove old commands");
                    return;
                }
            }
        }
    }
}

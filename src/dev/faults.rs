//! Faults of the machines in `quittance dev --disasters`.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::environment::Environment;
use super::options::DevError;

/// A fault of the machines.
#[derive(Debug, Clone, Copy)]
enum Disaster {
    KillWorker,
    CrashRedis,
    RestartRedis,
    WipeRedis,
    CrashPostgres,
    RestartPostgres,
    KillIngress,
    KillApi,
}

/// The strike at which Redis is emptied.
const WIPES_AT: u32 = 2;

/// Strikes again and again, and says what it did.
pub(super) struct Faults {
    rng: StdRng,
    queue: Vec<Disaster>,
    strikes: u32,
    next: tokio::time::Instant,
}

impl Faults {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            rng: StdRng::seed_from_u64(seed),
            queue: Vec::new(),
            strikes: 0,
            next: soon(Duration::from_secs(2)),
        }
    }

    /// When the next one is due.
    pub(super) fn next(&self) -> tokio::time::Instant {
        self.next
    }

    /// Strikes once, and brings back what it struck. Each kind has its turn before any comes again.
    pub(super) async fn strike(
        &mut self,
        environment: &mut Environment,
    ) -> Result<String, DevError> {
        use Disaster as D;
        if self.queue.is_empty() {
            self.queue = vec![
                D::KillWorker,
                D::CrashRedis,
                D::CrashPostgres,
                D::KillIngress,
                D::KillApi,
                D::RestartRedis,
                D::RestartPostgres,
            ];
        }
        let all: Vec<usize> = (0..self.queue.len()).collect();
        let disaster = self.queue.swap_remove(all.choose(&mut self.rng).copied().unwrap_or(0));
        self.strikes += 1;
        // Once in each run: what it loses has to be found again.
        let disaster = if self.strikes == WIPES_AT { D::WipeRedis } else { disaster };
        self.next = soon(Duration::from_millis(self.rng.random_range(2_000..5_000)));
        let servers = &mut environment.servers;
        Ok(match disaster {
            D::KillWorker => {
                let count = environment.workers.len().max(1);
                let Some(worker) = environment.workers.get_mut(self.rng.random_range(0..count))
                else {
                    return Ok("no worker to kill".to_owned());
                };
                let pid = worker.pid();
                worker.kill().await?;
                worker.revive().await?;
                format!("worker {pid} killed (SIGKILL); another one started")
            }
            D::KillIngress => {
                let pid = environment.ingress.pid();
                environment.ingress.kill().await?;
                environment.ingress.revive().await?;
                format!("ingress {pid} killed (SIGKILL); another one started")
            }
            D::KillApi => {
                let pid = environment.api.pid();
                environment.api.kill().await?;
                environment.api.revive().await?;
                format!("api {pid} killed (SIGKILL); another one started")
            }
            D::CrashRedis => {
                servers.redis.crash_restart().await?;
                "Redis killed (SIGKILL) and started again from its append-only file".to_owned()
            }
            D::RestartRedis => {
                servers.redis.restart().await?;
                "Redis restarted".to_owned()
            }
            D::WipeRedis => {
                servers.redis.wipe().await?;
                "Redis emptied (FLUSHALL): the sweep has to find what was lost".to_owned()
            }
            D::CrashPostgres => {
                servers.postgres.crash_restart().await?;
                "Postgres killed (SIGKILL) and recovered".to_owned()
            }
            D::RestartPostgres => {
                servers.postgres.restart().await?;
                "Postgres restarted".to_owned()
            }
        })
    }
}

fn soon(after: Duration) -> tokio::time::Instant {
    tokio::time::Instant::now() + after
}

//! `quittance dev`: from the first server's start to the verdict.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;
use time::OffsetDateTime;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::api_connection::ApiConnection;
use super::clients::Clients;
use super::environment::{DRAIN_WITHIN, Environment};
use super::faults::Faults;
use super::options::{DevError, Ended, Options};
use super::progress::{Progress, Seen};
use super::receiver;
use super::servers::ServerError;
use super::verdict::{self, Difference};
use crate::store::completeness::Completeness;
use crate::store::{Store, StoreError, Table};
use stripe_simulator::{Kind, Scope, Simulator, run_billing, run_customer, run_payment};

/// Payments that are under way at once.
const AT_ONCE: usize = 64;

/// The share of events that are never delivered, where faults are asked for.
const SWALLOWED: f64 = 0.05;

/// Starts everything, shows it, and ends with a verdict or with `shutdown`.
///
/// # Errors
/// A server, a role or a table could not be reached.
pub async fn run(options: Options, shutdown: CancellationToken) -> Result<Ended, DevError> {
    let _ours = claim(&options.root)?;
    let mut environment = tokio::select! {
        environment = Environment::set(&options) => environment?,
        () = shutdown.cancelled() => return Ok(Ended::Stopped),
    };
    super::progress::introduce(&environment, &options);
    let result = play(&mut environment, &options, &shutdown).await;
    // Also after an error: what was started is stopped in order.
    let stopped = environment.stop().await;
    let ended = result?;
    stopped?;
    Ok(ended)
}

/// Locks the directory for as long as the file is open. The servers lock theirs, too, but wait for those
/// of a run that was killed; a run that continues is not waited for.
fn claim(root: &Path) -> Result<File, DevError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(root);
    made.map_err(ServerError::io("create", root))?;
    let path = root.join("lock");
    let lock = OpenOptions::new().create(true).append(true).open(&path);
    let lock = lock.map_err(ServerError::io("open", &path))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(DevError::Running { root: root.to_owned() }),
        Err(TryLockError::Error(error)) => Err(ServerError::io("lock", &path)(error).into()),
    }
}

async fn play(
    environment: &mut Environment,
    options: &Options,
    shutdown: &CancellationToken,
) -> Result<Ended, DevError> {
    let told = Arc::new(AtomicU32::new(0));
    let api = ApiConnection::new(&environment.api_url, &environment.clients_token);
    let clients = Clients::new(api, options.seed);
    let stories = environment.simulator.clone().map(|simulator| {
        tokio::spawn(tell(simulator, clients.clone(), options.clone(), Arc::clone(&told)))
    });
    let mut faults = options.faults.then(|| Faults::new(options.seed));
    if let (true, Some(simulator)) = (options.faults, &environment.simulator) {
        simulator.set_chaos(|chaos| chaos.swallowed = SWALLOWED);
    }
    let mut wrong_claims = Vec::new();
    let mut progress = Progress::new(options.payments);
    let mut tick = tokio::time::interval(Duration::from_millis(250));
    let mut quiet_since: Option<Instant> = None;
    let mut told_all_at: Option<Instant> = None;
    let mut last_told: Option<OffsetDateTime> = None;
    loop {
        let strike_at = faults.as_ref().map(Faults::next);
        tokio::select! {
            () = shutdown.cancelled() => {
                progress.end();
                return Ok(Ended::Stopped);
            }
            () = at(strike_at), if strike_at.is_some() && told_all_at.is_none() => {
                if let Some(simulator) = &environment.simulator {
                    // Before anything is struck: a server that is away claims nothing.
                    wrong_claims.extend(claims(simulator, &environment.store).await.unwrap_or_default());
                }
                if let Some(faults) = &mut faults {
                    progress.note(&faults.strike(environment).await?);
                }
            }
            _ = tick.tick() => {
                for worker in &mut environment.workers {
                    if worker.revive().await? {
                        progress.note("a worker had ended; another one started");
                    }
                }
                let seen = look(environment, told.load(Ordering::Relaxed)).await;
                progress.show(&seen);
                let Some(simulator) = &environment.simulator else { continue };
                if options.payments.is_none() || !stories.as_ref().is_some_and(|s| s.is_finished()) {
                    continue;
                }
                let told_all_at = *told_all_at.get_or_insert_with(Instant::now);
                let last_told = *last_told.get_or_insert_with(OffsetDateTime::now_utc);
                // Twice in a row: a job that is moved from one place of the queue to another could
                // be missed by a single look.
                // With webhooks that were swallowed, also what the program itself says: the verdict judges it.
                let complete = seen.complete_until.is_some_and(|until| until > last_told);
                let quiet = seen.is_quiet() && (complete || !options.faults);
                let since = quiet_since.filter(|_| quiet).or_else(|| quiet.then(Instant::now));
                quiet_since = since;
                let settled = since.is_some_and(|s| s.elapsed() > Duration::from_secs(1));
                if settled || told_all_at.elapsed() > DRAIN_WITHIN {
                    progress.end();
                    let mut differences = judge(environment, simulator, &clients, settled).await?;
                    differences.append(&mut wrong_claims);
                    differences.extend(claims(simulator, &environment.store).await?);
                    let answered = clients.answered();
                    super::progress::verdict(&seen, &answered, &differences, &environment.logs());
                    return Ok(Ended::Verdict(differences));
                }
            }
        }
    }
}

async fn at(moment: Option<Instant>) {
    if let Some(moment) = moment {
        tokio::time::sleep_until(moment).await;
    }
}

/// Lives through the payments, or through a trickle of them for ever.
async fn tell(simulator: Simulator, clients: Clients, options: Options, told: Arc<AtomicU32>) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut rng = StdRng::seed_from_u64(options.seed);
    let mut running = tokio::task::JoinSet::new();
    let mut begun = 0;
    while options.payments.is_none_or(|all| begun < all) {
        begun += 1;
        if options.payments.is_none() {
            tokio::time::sleep(Duration::from_millis(rng.random_range(100..700))).await;
        }
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let (account, clients, told) = (simulator.platform(), clients.clone(), Arc::clone(&told));
        let mut rng = StdRng::seed_from_u64(options.seed.wrapping_add(u64::from(begun)));
        running.spawn(async move {
            let pause = Duration::from_millis(if begun % 3 == 0 { 2_500 } else { 400 });
            if let Err(error) = run_payment(&account, &mut rng, pause).await {
                tracing::error!(?error, "the simulator refused a step of a payment scenario");
            }
            // And a client of the API makes a purchase.
            clients.purchase(begun).await;
            // Beside every other payment, a customer signs up, saves a card or checks out.
            if begun % 2 == 0
                && let Err(error) = run_customer(&account, &mut rng, pause).await
            {
                tracing::error!(?error, "the simulator refused a step of a customer scenario");
            }
            // A share of the customers is billed too.
            if begun % 4 == 0
                && let Err(error) = run_billing(&account, &mut rng, pause).await
            {
                tracing::error!(?error, "the simulator refused a step of a billing scenario");
            }
            told.fetch_add(1, Ordering::Relaxed);
            drop(place);
        });
        while running.try_join_next().is_some() {}
    }
    while running.join_next().await.is_some() {}
}

/// Observes the environment from outside. A server that is just being restarted is seen as unknown.
async fn look(environment: &Environment, told: u32) -> Seen {
    let depth = tokio::time::timeout(Duration::from_secs(1), environment.producer.depth()).await;
    let ledger =
        tokio::time::timeout(Duration::from_secs(1), environment.store.ledger_counts()).await;
    let lines =
        tokio::time::timeout(Duration::from_secs(1), environment.store.destinations()).await;
    let open =
        tokio::time::timeout(Duration::from_secs(1), open_commands(&environment.store)).await;
    let complete =
        tokio::time::timeout(Duration::from_secs(1), environment.store.completeness()).await;
    Seen {
        told,
        open_commands: open.ok().and_then(Result::ok),
        stats: environment.simulator.as_ref().map(Simulator::stats),
        complete_until: complete.ok().and_then(Result::ok).flatten().and_then(complete_until),
        depth: depth.ok().and_then(Result::ok),
        ledger: ledger.ok().and_then(Result::ok),
        untold: lines
            .ok()
            .and_then(Result::ok)
            .map(|lines| lines.iter().map(|line| line.behind + line.pending).sum()),
        heard: environment.receiver.as_ref().map(|receiver| receiver.heard().counts()),
    }
}

/// Until when all accounts are complete; none while one of them has not been looked at.
fn complete_until(seen: Completeness) -> Option<OffsetDateTime> {
    let own = seen.accounts.iter().find(|one| one.account.is_empty())?.complete_until?;
    let connected = match seen.connected {
        0 => own,
        _ => seen.connected_until?,
    };
    Some(own.min(connected))
}

/// Commands that have no end yet; one that waits for an operator has none without them.
async fn open_commands(store: &Store) -> Result<i64, StoreError> {
    let open = store.open_commands().await?;
    Ok(open.iter().filter(|one| one.state != "dead").map(|one| one.count).sum())
}

/// Holds every table against the simulator.
async fn judge(
    environment: &Environment,
    simulator: &Simulator,
    clients: &Clients,
    settled: bool,
) -> Result<Vec<Difference>, DevError> {
    let mut all = differences(simulator, &environment.store).await?;
    let commands = environment.store.rows(Table("quittance.commands")).await?;
    let payments = simulator.truth(Kind::PaymentIntent);
    let refunds = simulator.truth(Kind::Refund);
    let made = verdict::commands::Made { payments: &payments, refunds: &refunds };
    all.extend(verdict::commands::judge(&commands, &made, &clients.answered()));
    if let Some(receiver) = &environment.receiver {
        let outbox = environment.store.rows(Table("quittance.outbox")).await?;
        let deliveries = environment.store.rows(Table("quittance.outbox_deliveries")).await?;
        all.extend(receiver::judge(&outbox, &deliveries, &receiver.heard()));
    }
    if !settled {
        all.push(verdict::unfinished(DRAIN_WITHIN));
    }
    Ok(all)
}

/// Holds every row and its history against the simulator's truth, the ledger against its events, and
/// what was told against both.
///
/// # Errors
/// Postgres.
pub async fn differences(
    simulator: &Simulator,
    store: &Store,
) -> Result<Vec<Difference>, StoreError> {
    let mut all = Vec::new();
    // What cannot be read any more need not be true any more; only that it is so must be known.
    let revoked = simulator.revoked();
    let is_open =
        |account: Option<&str>| !account.is_some_and(|id| revoked.iter().any(|r| r == id));
    let scopes = simulator.scopes();
    let scopes: Vec<_> = scopes.iter().filter(|s| is_open(s.account.as_deref())).collect();
    let transitions = store.rows(Table("app.transitions")).await?;
    for table in verdict::TABLES {
        let truth = scopes.iter().flat_map(|scope| simulator.truth_in(scope, table.kind));
        let mut truth: Vec<_> = truth.collect();
        if table.kind == Kind::PaymentIntent {
            verdict::money::with_sums(&mut truth, &simulator.truth(Kind::Charge));
        }
        let mut rows = store.rows(table.name).await?;
        all.extend(verdict::history::judge(table, &rows, &transitions));
        if table.kind == Kind::Invoice {
            verdict::billing::with_last_payment(&mut truth);
        }
        if table.kind == Kind::Account {
            verdict::account::with_answers(&mut truth);
            all.extend(verdict::account::access(&revoked, &rows));
        }
        rows.retain(|row| is_open(row["stripe_account"].as_str()));
        all.extend(verdict::compare(table, &truth, &rows));
    }
    for (at, table) in verdict::CHILDREN {
        let truth = verdict::children(&simulator.truth(table.kind), at);
        all.extend(verdict::compare(table, &truth, &store.rows(table.name).await?));
    }
    let ledger = store.rows(Table("quittance.events")).await?;
    let mut events = simulator.truth(Kind::Event);
    verdict::without_unreachable(&mut events, &revoked, &simulator.swallowed(), &ledger);
    all.extend(verdict::ledger(&events, &ledger));
    let outbox = store.rows(Table("quittance.outbox")).await?;
    all.extend(verdict::facts::judge(&objects(simulator), &events, &revoked, &outbox));
    all.extend(verdict::forgeries(simulator.stats().webhooks.forged_accepted));
    Ok(all)
}

/// What "complete until" claims and is not so. The claims are read first: the ledger only grows.
async fn claims(simulator: &Simulator, store: &Store) -> Result<Vec<Difference>, StoreError> {
    let accounts = store.rows(Table("quittance.sweep_accounts")).await?;
    let ledger = store.rows(Table("quittance.events")).await?;
    let events = simulator.scopes().into_iter().map(|scope| {
        let events = simulator.truth_in(&scope, Kind::Event);
        (scope.account.unwrap_or_default(), events)
    });
    Ok(verdict::claims(&accounts, &ledger, &events.collect::<Vec<_>>()))
}

/// All that the simulator has, of the kinds that have a table.
fn objects(simulator: &Simulator) -> Vec<(Scope, Kind, Vec<Value>)> {
    let of = |scope: Scope, kind| (scope.clone(), kind, simulator.truth_in(&scope, kind));
    let scopes = simulator.scopes().into_iter();
    scopes
        .flat_map(|scope| verdict::TABLES.iter().map(move |table| (scope.clone(), table.kind)))
        .map(|(scope, kind)| of(scope, kind))
        .collect()
}

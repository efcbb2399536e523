//! The sweep: one run over all accounts that are due.
//!
//! Called by the scheduler of a worker, for one process at a time. Two that run at once do no harm: what one has
//! enqueued the other finds in the queue, and of two that write how far an account is, one is refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::stream::{self, StreamExt as _};

use super::endpoints::Endpoints;
use super::look::{Found, Look, LookError, Queue, StripeClock, name};
use super::metrics::Metrics;
use crate::config::Settings;
use crate::domain::completeness::next_wait;
use crate::domain::failure::{self, Class};
use crate::duties::{DutyDone, DutyOutcome};
use crate::queue::{Inspector, Producer};
use crate::store::Store;
use crate::store::sweep::SweepAccount;
use crate::stripe_api::Client;

/// The name of its share of the limiter.
const SHARE: &str = "sweep";

/// Accounts of one run: the next one begins with those that are overdue by then.
const ACCOUNTS: i64 = 500;

/// Accounts that are looked at at once.
const AT_ONCE: usize = 8;

/// Sweeps. Cheap to clone.
#[derive(Clone)]
pub struct Sweeper(Arc<Look>);

impl Sweeper {
    /// One that reads by a client, within its share of the client's rates.
    #[must_use]
    pub fn new(
        settings: &Settings,
        stripe: Client,
        store: Store,
        (producer, inspector): (Producer, Inspector),
        metrics: Metrics,
    ) -> Self {
        Self(Arc::new(Look {
            stripe: stripe.within(SHARE, settings.sweep.share),
            store,
            producer,
            inspector,
            settings: settings.sweep.clone(),
            endpoints: Endpoints::new(settings),
            metrics,
            clock: StripeClock::default(),
        }))
    }

    /// Looks at the accounts that are due.
    ///
    /// # Errors
    /// In words: Postgres or Redis failed, Stripe is down or refuses the key, or the key does not say its mode. An
    /// account that cannot be read while others can is noted with the account, and is no error of the run.
    pub async fn run(&self) -> DutyOutcome {
        let look = &*self.0;
        let mode = look.stripe.key_mode().ok_or_else(|| {
            "stripe.secret_key does not say whether it is a live or a test key".to_owned()
        })?;
        let in_words = |error: &dyn std::error::Error| failure::chain(error).join(": ");
        look.store.discover_sweep_accounts(mode).await.map_err(|error| in_words(&error))?;
        let due = look.store.due_sweep_accounts(mode, ACCOUNTS).await;
        let due = due.map_err(|error| in_words(&error))?;
        let again = i64::try_from(due.len()).unwrap_or(i64::MAX) >= ACCOUNTS;
        let queue = Arc::new(Queue::new(&look.inspector));
        let failed = Arc::new(AtomicBool::new(false));
        let looks = stream::iter(due).map(|account| {
            let (sweeper, queue, failed) = (self.clone(), Arc::clone(&queue), Arc::clone(&failed));
            async move {
                if failed.load(Ordering::Relaxed) {
                    return Ok(None);
                }
                let looked = sweeper.look(&account, &queue).await;
                failed.fetch_or(looked.is_err(), Ordering::Relaxed);
                looked
            }
        });
        let looked: Vec<_> = looks.buffer_unordered(AT_ONCE).collect().await;
        let (mut accounts, mut unread, mut sum) = (0_u32, 0_u32, Found::default());
        for one in looked {
            match one.map_err(|error| in_words(&error))? {
                Some(found) => {
                    accounts += 1;
                    sum.listed += found.listed;
                    sum.missed += found.missed;
                    sum.more |= found.more;
                }
                None => unread += 1,
            }
        }
        let (listed, missed) = (sum.listed, sum.missed);
        let mut detail = format!("{accounts} accounts: {listed} events listed, {missed} missed");
        if unread > 0 {
            detail.push_str(&format!("; {unread} accounts could not be read"));
        }
        Ok(DutyDone { detail, again: again || sum.more })
    }

    /// Looks at an account; `None` where it could not be read and others may be.
    async fn look(
        &self,
        account: &SweepAccount,
        queue: &Queue,
    ) -> Result<Option<Found>, LookError> {
        let Self(look) = self;
        let error = match look.at(account, queue, |new| self.wait_ms(account, new)).await {
            Ok(found) => return Ok(Some(found)),
            Err(error) => error,
        };
        let no_access = matches!(&error, LookError::Stripe(error) if error.is_access_lost());
        let text = failure::chain(&error).join(": ");
        let wait = self.wait_ms(account, false);
        look.store.sweep_failed(account, &text, no_access, wait).await?;
        if no_access || !concerns_all(&error, account.scope.account.is_none()) {
            tracing::warn!(
                account = name(&account.scope),
                error = text,
                "an account could not be swept"
            );
            return Ok(None);
        }
        Err(error)
    }

    /// How long until an account is due again. Our own is always due soon.
    fn wait_ms(&self, account: &SweepAccount, anything_new: bool) -> i64 {
        let millis =
            |time: std::time::Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        let settings = &self.0.settings;
        let anything_new = anything_new || account.scope.account.is_none();
        let (interval, longest) = (millis(settings.interval), millis(settings.longest_interval));
        next_wait(account.wait_ms, interval, longest, anything_new)
    }
}

/// Whether what failed at one account will fail at the others, too.
fn concerns_all(error: &LookError, own: bool) -> bool {
    match error {
        LookError::Store(_) | LookError::Queue(_) => true,
        LookError::Stripe(error) => match error.failure().class {
            Class::Unavailable(_) => true,
            Class::Misconfigured(_) => own,
            Class::Permanent
            | Class::Transient
            | Class::RateLimited { .. }
            | Class::TooEarly { .. } => false,
        },
    }
}

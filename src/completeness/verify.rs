//! `quittance verify`: Stripe's list of events held against the ledger, by id.
//!
//! Called by an operator. It reads only, leaves a certificate, and never enqueues what is missing: the sweep does,
//! or `quittance events replay`.

use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use time::OffsetDateTime;
use tokio::time::Instant;

use super::listing::{ReadError, Reading, Step, Wanted};
use super::look::Queue;
use crate::config::Settings;
use crate::domain::completeness::LISTED_FOR;
use crate::domain::event::Timestamp;
use crate::domain::failure::{self, Class};
use crate::domain::id::{AccountId, Mode, Scope};
use crate::queue::{Inspector, QueueError};
use crate::store::event_certificate::{EventCertificate, EventCounts, MissingEvent, UnreadAccount};
use crate::store::{Store, StoreError};
use crate::stripe_api::{Client, EventBound, ListedEvent, StripeError};

/// The name of its share of the limiter.
const SHARE: &str = "verify";

/// Accounts that are read at once.
const AT_ONCE: usize = 8;

/// Events that are held at once before they are compared with the queue.
const HELD: usize = 1_000;

/// Missing events that a certificate names.
const NAMED: usize = 1_000;

/// Which accounts are compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accounts {
    /// Our own and all connected ones that are known.
    All,
    /// Our own.
    Own,
    /// The connected ones that are known.
    Connected,
    /// A connected one.
    One(AccountId),
}

impl Accounts {
    /// `all`, `own`, `connected` or `acct_...`; none for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "all" => Some(Self::All),
            "own" => Some(Self::Own),
            "connected" => Some(Self::Connected),
            text => AccountId::parse(text).ok().map(Self::One),
        }
    }

    /// The text that [`Self::parse`] reads.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::All => "all",
            Self::Own => "own",
            Self::Connected => "connected",
            Self::One(account) => account.as_str(),
        }
    }

    fn has(&self, account: &str) -> bool {
        match self {
            Self::All => true,
            Self::Own => account.is_empty(),
            Self::Connected => !account.is_empty(),
            Self::One(one) => one.as_str() == account,
        }
    }
}

/// What is to be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verify {
    /// Which accounts.
    pub accounts: Accounts,
    /// How far back; Stripe lists the events of 30 days.
    pub since: Duration,
}

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// Stripe cannot be asked, or refuses the key.
    #[error("Stripe's list of events cannot be read")]
    Stripe(#[source] StripeError),
    /// The ledger cannot be read, or the certificate not be written.
    #[error("the ledger cannot be read")]
    Store(#[source] StoreError),
    /// The queue cannot be read.
    #[error("the queue cannot be read")]
    Queue(#[source] QueueError),
    /// The key does not say its mode.
    #[error("stripe.secret_key does not say whether it is a live or a test key")]
    WhichMode,
}

impl From<ReadError> for VerifyError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Stripe(error) => Self::Stripe(error),
            ReadError::Store(error) => Self::Store(error),
        }
    }
}

/// Compares.
pub struct Verifier {
    stripe: Client,
    store: Store,
    inspector: Inspector,
    grace: Duration,
}

/// What was found in one account.
struct Compared {
    account: String,
    counts: EventCounts,
    missing: Vec<MissingEvent>,
}

impl Verifier {
    /// One that reads by a client, within the same part of its rates as the sweep.
    #[must_use]
    pub fn new(settings: &Settings, stripe: Client, store: Store, inspector: Inspector) -> Self {
        let stripe = stripe.within(SHARE, settings.sweep.share);
        Self { stripe, store, inspector, grace: settings.sweep.grace }
    }

    /// Compares, and keeps the certificate. `seen` is told of each account that was read: how many of how many.
    ///
    /// # Errors
    /// See [`VerifyError`]; there is no certificate then. An account that cannot be read while others can is in
    /// the certificate.
    pub async fn run(
        &self,
        wanted: &Verify,
        actor: &str,
        mut seen: impl FnMut(usize, usize),
    ) -> Result<EventCertificate, VerifyError> {
        let began = Instant::now();
        let mode = self.stripe.key_mode().ok_or(VerifyError::WhichMode)?;
        let own = Scope { account: None, mode };
        let now = self.stripe.events_clock(&own).await.map_err(VerifyError::Stripe)?;
        let since = i64::try_from(wanted.since.as_secs()).unwrap_or(i64::MAX);
        let span = (now.saturating_sub(since.min(LISTED_FOR)), now);
        let accounts = self.accounts(wanted, mode).await?;
        let total = accounts.len();
        let queue = Queue::new(&self.inspector);
        let reads = accounts.into_iter().map(|account| self.compare(account, mode, span, &queue));
        let mut reads = stream::iter(reads).buffer_unordered(AT_ONCE);
        let mut all = EventCounts { listed: 0, held: 0, waiting: 0, fresh: 0, missing: 0 };
        let (mut missing, mut unread, mut compared) = (Vec::new(), Vec::new(), 0);
        while let Some(read) = reads.next().await {
            match read? {
                Ok(one) => {
                    compared += 1;
                    all.listed += one.counts.listed;
                    all.held += one.counts.held;
                    all.waiting += one.counts.waiting;
                    all.fresh += one.counts.fresh;
                    all.missing += one.counts.missing;
                    missing.extend(one.missing);
                }
                Err(one) => unread.push(one),
            }
            seen(usize::try_from(compared).unwrap_or_default() + unread.len(), total);
        }
        missing.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
        missing.truncate(NAMED);
        let certificate = EventCertificate {
            id: 0,
            at: OffsetDateTime::now_utc(),
            actor: actor.to_owned(),
            accounts: wanted.accounts.as_str().to_owned(),
            livemode: mode.is_live(),
            from: moment(span.0),
            until: moment(span.1),
            compared,
            unread,
            counts: all,
            missing_events: missing,
            duration_ms: i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX),
        };
        self.store.keep_event_certificate(certificate).await.map_err(VerifyError::Store)
    }

    async fn accounts(&self, wanted: &Verify, mode: Mode) -> Result<Vec<String>, VerifyError> {
        if let Accounts::One(account) = &wanted.accounts {
            return Ok(vec![account.as_str().to_owned()]);
        }
        self.store.discover_sweep_accounts(mode).await.map_err(VerifyError::Store)?;
        let mut all = self.store.readable_accounts(mode).await.map_err(VerifyError::Store)?;
        all.retain(|account| wanted.accounts.has(account));
        Ok(all)
    }

    /// One account. The outer error concerns all accounts, the inner one this one alone.
    async fn compare(
        &self,
        account: String,
        mode: Mode,
        span: (Timestamp, Timestamp),
        queue: &Queue,
    ) -> Result<Result<Compared, UnreadAccount>, VerifyError> {
        let id = match &*account {
            "" => None,
            text => match AccountId::parse(text) {
                Ok(id) => Some(id),
                Err(error) => return Ok(Err(UnreadAccount { error: error.to_string(), account })),
            },
        };
        let is_own = id.is_none();
        match self.read(&Scope { account: id, mode }, &account, span, queue).await {
            Ok(compared) => Ok(Ok(compared)),
            Err(VerifyError::Stripe(error)) if !concerns_all(&error, is_own) => {
                let error = failure::chain(&error).join(": ");
                Ok(Err(UnreadAccount { account, error }))
            }
            Err(error) => Err(error),
        }
    }

    async fn read(
        &self,
        scope: &Scope,
        account: &str,
        (from, until): (Timestamp, Timestamp),
        queue: &Queue,
    ) -> Result<Compared, VerifyError> {
        let grace = i64::try_from(self.grace.as_secs()).unwrap_or(i64::MAX);
        let mut compared = Compared {
            account: account.to_owned(),
            counts: EventCounts { listed: 0, held: 0, waiting: 0, fresh: 0, missing: 0 },
            missing: Vec::new(),
        };
        let mut held: Vec<ListedEvent> = Vec::new();
        let fresh_from = until.saturating_sub(grace);
        let wanted = Wanted { from, bound: EventBound::Until(until), most: None };
        let mut open = 0_usize;
        let mut reading = Reading::begin((&self.stripe, &self.store), scope, wanted);
        let listing = loop {
            match reading.next().await? {
                Step::End(listing) => break listing,
                Step::Page(missing) => {
                    open += missing.len();
                    held.extend(missing);
                }
            }
            if held.len() >= HELD {
                self.judge(std::mem::take(&mut held), fresh_from, queue, &mut compared).await?;
            }
        };
        self.judge(held, fresh_from, queue, &mut compared).await?;
        compared.counts.listed = count(listing.len());
        compared.counts.held += count(listing.len().saturating_sub(open));
        Ok(compared)
    }

    /// Events without a row in the ledger: they are in the queue, or have ended meanwhile, or are missing.
    async fn judge(
        &self,
        events: Vec<ListedEvent>,
        fresh_from: Timestamp,
        queue: &Queue,
        compared: &mut Compared,
    ) -> Result<(), VerifyError> {
        if events.is_empty() {
            return Ok(());
        }
        let all = events.len();
        let lacking = queue.lacks(events).await.map_err(VerifyError::Queue)?;
        compared.counts.waiting += count(all - lacking.len());
        let ids: Vec<String> = lacking.iter().map(|event| event.id.to_string()).collect();
        let open = self.store.not_in_ledger(&ids).await.map_err(VerifyError::Store)?;
        compared.counts.held += count(lacking.len() - open.len());
        for event in lacking.iter().filter(|event| open.iter().any(|id| id == event.id.as_str())) {
            if event.created >= fresh_from {
                compared.counts.fresh += 1;
                continue;
            }
            compared.counts.missing += 1;
            if compared.missing.len() < NAMED {
                compared.missing.push(MissingEvent {
                    id: event.id.to_string(),
                    account: compared.account.clone(),
                    event_type: event.event_type.clone(),
                    created: moment(event.created),
                });
            }
        }
        Ok(())
    }
}

/// Whether what failed at one account will fail at the others, too.
fn concerns_all(error: &StripeError, is_own: bool) -> bool {
    match error.failure().class {
        Class::Unavailable(_) => true,
        Class::Misconfigured(_) => is_own && !error.is_access_lost(),
        Class::Permanent
        | Class::Transient
        | Class::RateLimited { .. }
        | Class::TooEarly { .. } => false,
    }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn moment(at: Timestamp) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(at).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

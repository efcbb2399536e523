//! A look at one account: what is missing is enqueued, and the watermark moves as far as is proved.
//!
//! Called by the sweep for each account that is due. It never knows of other accounts.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::endpoints::Endpoints;
use super::listing::{Listing, ReadError, Reading, Step, Wanted};
use super::metrics::Metrics;
use super::senders::{self, Reason};
use crate::config;
use crate::domain::completeness::{Progress, Rules, Span, earliest};
use crate::domain::event::Timestamp;
use crate::domain::id::Scope;
use crate::queue::{Inspector, Job, JobMeta, JobSource, Lane, Producer, QueueError, WaitingEvents};
use crate::store::sweep::{MissedEvent, SweepAccount};
use crate::store::{Store, StoreError};
use crate::stripe_api::{Client, EventBound, ListedEvent, StripeError};

/// Events after which a range ends: what is listed again at once, and what one failure costs.
const RANGE: usize = 1_000;

/// Bodies that are held at once before they are compared with the queue.
const HELD: usize = 500;

/// Ranges that one look reads anew at most; the rest of a long time is read by the next one.
const RANGES: usize = 20;

/// The endpoint of an event that no endpoint has received.
const ENDPOINT: &str = "sweep";

/// Why a look came to no end. What was enqueued before stays enqueued; nothing is claimed.
#[derive(Debug, thiserror::Error)]
pub(super) enum LookError {
    #[error(transparent)]
    Stripe(#[from] StripeError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Queue(#[from] QueueError),
}

impl From<ReadError> for LookError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Stripe(error) => Self::Stripe(error),
            ReadError::Store(error) => Self::Store(error),
        }
    }
}

/// What a look found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Events that were listed.
    pub(super) listed: usize,
    /// Those that were missing, and are enqueued.
    pub(super) missed: usize,
    /// Whether there is more to read at once.
    pub(super) more: bool,
}

/// What it takes to look.
pub(super) struct Look {
    pub(super) stripe: Client,
    pub(super) store: Store,
    pub(super) producer: Producer,
    pub(super) inspector: Inspector,
    pub(super) settings: config::Sweep,
    pub(super) endpoints: Endpoints,
    pub(super) metrics: Metrics,
    pub(super) clock: StripeClock,
}

/// Stripe's clock, as the last answer showed it and as time has passed since: never ahead of it. Ours takes no
/// part in it, however wrong it is.
#[derive(Default)]
pub(super) struct StripeClock(Mutex<Option<(Timestamp, Instant)>>);

impl StripeClock {
    async fn now(&self, stripe: &Client, scope: &Scope) -> Result<Timestamp, StripeError> {
        let mut known = self.0.lock().await;
        let (then, at) = match *known {
            Some(known) => known,
            None => (stripe.events_clock(scope).await?, Instant::now()),
        };
        *known = Some((then, at));
        Ok(then.saturating_add(i64::try_from(at.elapsed().as_secs()).unwrap_or_default()))
    }

    async fn seen(&self, now: Timestamp) {
        *self.0.lock().await = Some((now, Instant::now()));
    }
}

/// The queue as one sweep sees it, shared by its looks.
pub(super) struct Queue(Mutex<WaitingEvents>);

impl Queue {
    pub(super) fn new(inspector: &Inspector) -> Self {
        Self(Mutex::new(WaitingEvents::new(inspector.clone())))
    }

    /// Those of some events that are not in the queue now.
    pub(super) async fn lacks(
        &self,
        events: Vec<ListedEvent>,
    ) -> Result<Vec<ListedEvent>, QueueError> {
        let mut waiting = self.0.lock().await;
        waiting.refresh().await?;
        Ok(events.into_iter().filter(|event| !waiting.contains(event.id.as_str())).collect())
    }
}

impl Look {
    pub(super) fn rules(&self) -> Rules {
        Rules {
            overlap: seconds(self.settings.overlap),
            settle: seconds(self.settings.settle),
            most: u32::try_from(RANGE).unwrap_or(u32::MAX),
        }
    }

    /// Looks at an account, and notes how far it is now.
    pub(super) async fn at(
        &self,
        account: &SweepAccount,
        queue: &Queue,
        wait_ms: impl Fn(bool) -> i64,
    ) -> Result<Found, LookError> {
        let scope = &account.scope;
        let now = self.clock.now(&self.stripe, scope).await?;
        let begin = now.saturating_sub(seconds(self.settings.first)).max(earliest(now));
        let mut progress =
            account.progress.clone().unwrap_or_else(|| Progress::beginning_at(begin));
        let gap = progress.give_up(now);
        if let Some(gap) = gap {
            given_up(scope, gap);
        }
        let before = progress.listed_until;
        let read = self.read(scope, now, &mut progress, queue).await;
        let (found, happened) = match read {
            Ok(read) => read,
            Err(error) => {
                // What was read of a long time is not read again.
                if progress.listed_until > before {
                    self.store.save_sweep(account, &progress, wait_ms(true), gap).await?;
                }
                return Err(error);
            }
        };
        let wait = if found.more { 0 } else { wait_ms(happened || found.missed > 0) };
        if !self.store.save_sweep(account, &progress, wait, gap).await? {
            tracing::debug!(
                account = name(scope),
                "another sweeper has looked at the account meanwhile"
            );
        }
        Ok(found)
    }

    /// Reads what is new and what is due, and notes it in `progress`; with it, whether anything was new.
    async fn read(
        &self,
        scope: &Scope,
        now: Timestamp,
        progress: &mut Progress,
        queue: &Queue,
    ) -> Result<(Found, bool), LookError> {
        let rules = self.rules();
        let mut found = Found { more: true, ..Found::default() };
        let mut happened = false;
        let mut due = progress.due(now, &rules);
        // What is listed again right before what is new is read with it, which is a request less.
        let adjoining = due.pop_if(|last| last.until == progress.listed_until);
        let reads_from = progress.reads_from(&rules);
        let mut from = adjoining.map_or(reads_from, |span| span.from.min(reads_from));
        for _ in 0..RANGES {
            let wanted = Wanted {
                from,
                bound: EventBound::Age(seconds(self.settings.grace)),
                most: Some((progress.listed_until, RANGE)),
            };
            let listing = self.list(scope, wanted, queue, &mut found).await?;
            happened |= listing.has_since(progress.listed_until);
            progress.note(listing.span, &rules, |span| listing.shown(span));
            from = progress.listed_until;
            if listing.to_the_end {
                found.more = false;
                break;
            }
        }
        for span in due {
            let bound = EventBound::Until(span.until);
            let wanted = Wanted { from: span.from, bound, most: None };
            let listing = self.list(scope, wanted, queue, &mut found).await?;
            progress.note(span, &rules, |span| listing.shown(span));
        }
        Ok((found, happened))
    }

    async fn list(
        &self,
        scope: &Scope,
        wanted: Wanted,
        queue: &Queue,
        found: &mut Found,
    ) -> Result<Listing, LookError> {
        let mut held: Vec<ListedEvent> = Vec::new();
        let mut reading = Reading::begin((&self.stripe, &self.store), scope, wanted);
        let listing = loop {
            match reading.next().await? {
                Step::End(listing) => break listing,
                Step::Page(missing) => held.extend(missing),
            }
            if held.len() >= HELD {
                found.missed += self.bring(scope, std::mem::take(&mut held), queue).await?;
            }
        };
        found.missed += self.bring(scope, held, queue).await?;
        found.listed += listing.len();
        self.metrics.listed(listing.len());
        self.clock.seen(listing.began_at).await;
        Ok(listing)
    }

    /// Enqueues those of some events that are neither in the ledger nor in the queue; how many those were.
    async fn bring(
        &self,
        scope: &Scope,
        events: Vec<ListedEvent>,
        queue: &Queue,
    ) -> Result<usize, LookError> {
        if events.is_empty() {
            return Ok(0);
        }
        let lacking = queue.lacks(events).await?;
        // Once more: what had left the queue before it was looked at is in the ledger by now.
        let ids: Vec<String> = lacking.iter().map(|event| event.id.to_string()).collect();
        let open = self.store.not_in_ledger(&ids).await?;
        let missing: Vec<_> = lacking
            .into_iter()
            .filter(|event| open.iter().any(|id| id == event.id.as_str()))
            .collect();
        if missing.is_empty() {
            return Ok(0);
        }
        let jobs: Vec<Job> = missing.iter().map(job).collect();
        self.producer.enqueue_many(Lane::Backfill, &jobs).await?;
        self.note(scope, &missing).await?;
        Ok(missing.len())
    }

    async fn note(&self, scope: &Scope, missing: &[ListedEvent]) -> Result<(), StoreError> {
        let here = self.endpoints.here().await;
        let mut missed = Vec::new();
        for event in missing {
            let reason =
                senders::reason(here.as_deref(), &event.event_type, event.pending_webhooks);
            self.metrics.missed(reason);
            // Without an endpoint nothing is missed: it is how events come.
            if reason != Reason::NoEndpoint {
                missed.push(MissedEvent {
                    id: event.id.to_string(),
                    event_type: event.event_type.clone(),
                    created: event.created,
                    reason: reason.as_str(),
                });
            }
        }
        let Some(first) = missed.first() else { return Ok(()) };
        tracing::warn!(
            account = name(scope),
            events = missed.len(),
            first = first.id,
            reason = first.reason,
            "events that Stripe lists had not arrived; they are on the queue now"
        );
        self.store.note_missed(scope, &missed).await
    }
}

/// The job of an event that was missed.
fn job(event: &ListedEvent) -> Job {
    let now = time::OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000;
    Job {
        meta: JobMeta {
            endpoint: ENDPOINT.to_owned(),
            received_at_ms: i64::try_from(now).unwrap_or(i64::MAX),
            secret_index: None,
            attempt: 0,
            source: JobSource::Sweep,
            event: Some(event.id.to_string()),
            trace: None,
            retry_of: None,
        },
        body: event.body.clone(),
    }
}

fn given_up(scope: &Scope, gap: Span) {
    let moment = |at| time::OffsetDateTime::from_unix_timestamp(at).ok().map(|at| at.to_string());
    tracing::error!(
        account = name(scope),
        from = moment(gap.from),
        until = moment(gap.until),
        "Stripe lists events of this time no longer, and it was never found complete: reconcile its objects"
    );
}

/// The account for a log line: `own` is ours.
pub(super) fn name(scope: &Scope) -> &str {
    scope.account.as_ref().map_or("own", |account| account.as_str())
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

//! Records pages of lists: a hundred objects with one request.
//!
//! Called by whoever reads whole accounts. It must never know which page comes next, or why an account is read. A
//! page is an answer about objects whose versions were not read before it was requested. So it may create a row
//! that does not exist yet, and that is all: a row that says the same is left as it is, and an object whose row says
//! something else is asked for by itself, in a round like any other.

use futures_util::stream::{self, StreamExt as _};

use super::decision;
use super::error::{Fault, ReconcileError};
use super::reconciler::Reconciler;
use super::task::Settled;
use crate::domain::event::Timestamp;
use crate::domain::failure::{Class, Failure};
use crate::domain::object::{Row, Subject};
use crate::store::{Applied, Outcome, Publishing, Settlement};
use crate::stripe_api::{Entry, Fetched, Page, PageRequest, StripeError};

/// Objects of one page that are written at the same time: they share commits, and leave room in those for live
/// events. It also bounds how many are asked for by themselves at once.
const AT_ONCE: usize = 16;

/// What the rows say of the objects of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compared {
    /// There is no row.
    Missing,
    /// The row says the same, or is newer than the page.
    Same,
    /// The row says something else.
    Differs,
    /// The object cannot be read.
    Unreadable,
}

/// What became of an object of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordedEntry {
    /// It has a row now.
    Added,
    /// It was asked for by itself, and its row has changed.
    Renewed,
    /// Its row said the same already, or was newer.
    Same,
    /// It could not be read or written, which no repetition mends.
    Unreadable {
        /// Its id as Stripe wrote it; empty where it has none.
        id: String,
        /// Why.
        failure: Box<Failure>,
    },
}

/// A page whose objects have been recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedPage {
    /// What became of each.
    pub entries: Vec<RecordedEntry>,
    /// When the oldest of them was created, by Stripe's clock.
    pub reached: Option<Timestamp>,
    /// The `after` of the next page; none after the last one.
    pub next: Option<String>,
}

/// An object of a page that can be read, with the row that it has.
struct Known {
    subject: Subject,
    fetched: Fetched,
    row: Option<Row>,
    holds: bool,
}

impl Known {
    fn compared(&self) -> Compared {
        match &self.row {
            None => Compared::Missing,
            Some(row) if row.deleted || self.holds || row.observed_at >= self.fetched.seen_by => {
                Compared::Same
            }
            Some(_) => Compared::Differs,
        }
    }
}

impl Reconciler {
    /// Asks Stripe for one page of a list.
    ///
    /// # Errors
    /// Stripe failed.
    pub async fn list(&self, wanted: &PageRequest<'_>) -> Result<Page, Fault> {
        Ok(self.rounds.stripe.list(wanted).await.map_err(ReconcileError::from)?)
    }

    /// Brings the rows of a page's objects up to it. Doing that again is harmless.
    ///
    /// # Errors
    /// Stripe or Postgres failed, in a way that may pass. Some of the objects may have been recorded.
    pub async fn record_page(
        &self,
        page: Page,
        publishing: Publishing,
    ) -> Result<RecordedPage, Fault> {
        let Page { entries, next } = page;
        let reached = entries.iter().filter_map(|entry| entry.created).min();
        let (known, mut recorded) = self.known(entries).await?;
        let mut doing = stream::iter(known)
            .map(|known| self.record_entry(known, publishing))
            .buffer_unordered(AT_ONCE);
        while let Some(done) = doing.next().await {
            recorded.push(done?);
        }
        Ok(RecordedPage { entries: recorded, reached, next })
    }

    /// Compares a page with the rows, and writes nothing.
    ///
    /// # Errors
    /// Postgres failed.
    pub async fn compare_page(&self, page: Page) -> Result<Vec<Compared>, Fault> {
        let (known, unreadable) = self.known(page.entries).await?;
        let mut compared: Vec<_> = known.iter().map(Known::compared).collect();
        compared.extend(unreadable.iter().map(|_| Compared::Unreadable));
        Ok(compared)
    }

    /// Brings one object up to date whose page is not known.
    ///
    /// # Errors
    /// Stripe or Postgres failed, in a way that may pass.
    pub async fn record_alone(
        &self,
        subject: Subject,
        publishing: Publishing,
    ) -> Result<RecordedEntry, Fault> {
        let id = subject.id.to_string();
        let refreshed = self.refresh_publishing(subject, publishing).await;
        ended(id, refreshed.map(|settled| entry_of(&settled)))
    }

    /// The rows of what can be read, and what cannot.
    async fn known(&self, entries: Vec<Entry>) -> Result<(Vec<Known>, Vec<RecordedEntry>), Fault> {
        let (mut found, mut unreadable) = (Vec::new(), Vec::new());
        for Entry { id, found: entry, .. } in entries {
            match entry {
                // No list has deleted objects.
                Ok((subject, fetched)) if fetched.raw().is_some() => found.push((subject, fetched)),
                Ok(_) => {}
                Err(error) => unreadable.push(unreadable_by(id, &error)),
            }
        }
        let subjects: Vec<_> = found.iter().map(|(subject, _)| subject.clone()).collect();
        let store = &self.rounds.store;
        let loaded = store.load(&[], &subjects).await.map_err(ReconcileError::from)?;
        let objects: Vec<_> =
            found.iter().filter_map(|(subject, it)| Some((subject, it.raw()?))).collect();
        let held = store.hold(&objects).await.map_err(ReconcileError::from)?;
        let known = found.into_iter().zip(loaded.rows).zip(held);
        let known =
            known.map(|(((subject, fetched), row), holds)| Known { subject, fetched, row, holds });
        Ok((known.collect(), unreadable))
    }

    async fn record_entry(
        &self,
        known: Known,
        publishing: Publishing,
    ) -> Result<RecordedEntry, Fault> {
        let compared = known.compared();
        let Known { subject, fetched, .. } = known;
        match compared {
            Compared::Same | Compared::Unreadable => Ok(RecordedEntry::Same),
            Compared::Differs => self.record_alone(subject, publishing).await,
            Compared::Missing => {
                let id = subject.id.to_string();
                match ended(id, self.create(&subject, fetched, publishing).await)? {
                    // A row has come to be there since: whether it or the page is newer is not known.
                    RecordedEntry::Same => self.record_alone(subject, publishing).await,
                    done @ (RecordedEntry::Added
                    | RecordedEntry::Renewed
                    | RecordedEntry::Unreadable { .. }) => Ok(done),
                }
            }
        }
    }

    /// Writes the row of an object that has none. [`RecordedEntry::Same`]: it has one by now.
    async fn create(
        &self,
        subject: &Subject,
        fetched: Fetched,
        publishing: Publishing,
    ) -> Result<RecordedEntry, Fault> {
        let mut change =
            decision::decide(subject, None, fetched, None).map_err(ReconcileError::from)?;
        change.publishing = publishing;
        let anomalous = decision::is_anomalous(&change);
        let events = Vec::new();
        let settlement = Settlement { change: Some(change), events, command: None, release: None };
        if self.rounds.write(settlement).await? == Applied::Conflict {
            return Ok(RecordedEntry::Same);
        }
        if anomalous {
            self.rounds.metrics.anomaly(subject.kind);
        }
        Ok(RecordedEntry::Added)
    }
}

fn entry_of(settled: &Settled) -> RecordedEntry {
    match settled {
        // Where its status is the same (`unchanged`), another field is not.
        Settled::Now { outcome: Outcome::Applied | Outcome::Unchanged | Outcome::Gone, .. } => {
            RecordedEntry::Renewed
        }
        Settled::Now {
            outcome: Outcome::Covered | Outcome::Ignored | Outcome::Deauthorized,
            ..
        }
        | Settled::Before => RecordedEntry::Same,
    }
}

/// A failure of one object that no repetition mends is its own; any other one is the page's.
fn ended(id: String, done: Result<RecordedEntry, Fault>) -> Result<RecordedEntry, Fault> {
    match done {
        Err(fault) if matches!(fault.failure.class, Class::Permanent) => {
            Ok(RecordedEntry::Unreadable { id, failure: Box::new(fault.failure) })
        }
        done => done,
    }
}

fn unreadable_by(id: String, error: &StripeError) -> RecordedEntry {
    RecordedEntry::Unreadable { id, failure: Box::new(error.failure()) }
}

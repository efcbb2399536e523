//! Counts what a backfill would do: reads the same lists, compares them with the rows, and writes nothing.
//!
//! Called by the command line for `--dry-run`. It keeps nothing but the counts, and the place that it is at.

use serde::Serialize;
use tokio::time::sleep;

use super::error::BackfillError;
use super::plan;
use super::read::{Judged, Place, is_missing, judge};
use super::request::BackfillRequest;
use super::run::Backfill;
use crate::domain::mirror::Parent;
use crate::domain::object::Kind;
use crate::domain::retry::Jitter;
use crate::reconcile::{Compared, Fault};
use crate::store::operation::{NewRange, StoredRange};
use crate::stripe_api::{CreatedRange, Page};

/// What a backfill would find of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CountedKind {
    /// The kind of object, by Stripe's name.
    pub kind: &'static str,
    /// Objects that are listed.
    pub listed: i64,
    /// Those that have no row.
    pub missing: i64,
    /// Those whose row says something else.
    pub differ: i64,
    /// Those that cannot be read.
    pub unreadable: i64,
    /// Why a list of it cannot be read.
    pub error: Option<String>,
}

impl Backfill {
    /// Counts what a backfill would do, and tells of each page. What is listed by owner is counted for the owners that
    /// have a row.
    ///
    /// # Errors
    /// Postgres failed, or Stripe refuses our key.
    pub async fn count(
        &self,
        request: &BackfillRequest,
        mut progress: impl FnMut(&[CountedKind]),
    ) -> Result<Vec<CountedKind>, BackfillError> {
        let mut counts: Vec<_> = request.kinds.iter().map(|kind| CountedKind::of(*kind)).collect();
        // A connected account's ranges are counted when its page is, so one page of accounts is kept.
        let mut waiting: Vec<NewRange> = plan::ranges(request, 0, 0);
        waiting.reverse();
        while let Some(range) = waiting.pop() {
            let mut range = stored(&range, request);
            loop {
                let place = Place::of(&range)?;
                let owner = place.next_owner(&self.store, &range).await?;
                let is_owned = place.list.is_some_and(|list| list.under.is_some());
                if is_owned && owner.is_none() {
                    break;
                }
                let page = match self.counted_page(&place, &range, owner.as_ref()).await? {
                    Ok(page) => page,
                    Err(error) => {
                        let counted = counts.iter_mut().find(|it| it.kind == range.kind);
                        if let Some(counted) = counted {
                            counted.error = Some(error);
                        }
                        break;
                    }
                };
                if place.kind == Kind::Account && request.accounts.has_connected() {
                    let ids = page.entries.iter().filter(|it| it.found.is_ok()).map(|it| &it.id);
                    waiting.extend(ids.flat_map(|id| plan::of_account(request, id, 0, 0)));
                }
                let next = page.next.clone();
                let compared = self.reconciler.compare_page(page).await;
                let compared = compared.map_err(|fault| stopped(&fault))?;
                if let Some(counted) = counts.iter_mut().find(|it| it.kind == range.kind) {
                    counted.add(&compared);
                    progress(&counts);
                }
                match (next, owner) {
                    (Some(next), _) => range.after = Some(next),
                    (None, Some(owner)) => {
                        (range.after, range.owner) = (None, Some(owner.id.to_string()));
                    }
                    (None, None) => break,
                }
            }
        }
        Ok(counts)
    }

    /// Reads a page; the inner error: the list cannot be read.
    async fn counted_page(
        &self,
        place: &Place,
        range: &StoredRange,
        owner: Option<&Parent>,
    ) -> Result<Result<Page, String>, BackfillError> {
        let Some(list) = place.list else {
            // One object, which has no list. Its row shows when it was read last.
            return Ok(Ok(Page { entries: Vec::new(), next: None }));
        };
        let created = CreatedRange { from: range.created_from, until: range.created_until };
        let mut attempt = 0;
        loop {
            let after = range.after.as_deref();
            let fault = match place.page(&self.reconciler, list, owner, created, after).await {
                Ok(page) => return Ok(Ok(page)),
                Err(fault) => fault,
            };
            if owner.is_some() && is_missing(&fault.failure) {
                return Ok(Ok(Page { entries: Vec::new(), next: None }));
            }
            attempt += 1;
            match judge(&fault.failure, attempt, Jitter::new(rand::random())) {
                Judged::Again(after) => sleep(after).await,
                Judged::Failed(_, error) => return Ok(Err(error)),
                Judged::Stop(error) => return Err(BackfillError::Misconfigured(error)),
            }
        }
    }
}

impl CountedKind {
    fn of(kind: Kind) -> Self {
        let kind = kind.as_str();
        Self { kind, listed: 0, missing: 0, differ: 0, unreadable: 0, error: None }
    }

    fn add(&mut self, compared: &[Compared]) {
        for one in compared {
            self.listed = self.listed.saturating_add(1);
            let counter = match one {
                Compared::Missing => &mut self.missing,
                Compared::Differs => &mut self.differ,
                Compared::Unreadable => &mut self.unreadable,
                Compared::Same => continue,
            };
            *counter = counter.saturating_add(1);
        }
    }
}

/// The range as it would be stored.
fn stored(range: &NewRange, request: &BackfillRequest) -> StoredRange {
    StoredRange {
        id: 0,
        account: range.account.clone(),
        livemode: request.mode.is_live(),
        kind: range.kind.to_owned(),
        list: range.list,
        filter: range.filter.to_owned(),
        created_from: range.created_from,
        created_until: range.created_until,
        owner: range.owner.clone(),
        after: None,
        reached: None,
    }
}

fn stopped(fault: &Fault) -> BackfillError {
    BackfillError::Misconfigured(fault.failure.chain.join(": "))
}

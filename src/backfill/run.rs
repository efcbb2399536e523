//! Runs a backfill: ranges side by side, page by page, until all are read.
//!
//! Called by a process that has the right to run the operation. A page is recorded and then noted, so whoever goes on
//! after a crash reads one page of each range again, which is harmless. What is under way is bounded by the number of
//! slots, and not by how many accounts, kinds or objects there are.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::error::BackfillError;
use super::plan;
use super::read::{Judged, Place, is_missing, judge};
use super::request::BackfillRequest;
use crate::config;
use crate::domain::failure::{self, Failure};
use crate::domain::id::Mode;
use crate::domain::object::Kind;
use crate::domain::retry::Jitter;
use crate::queue::{Inspector, Lane};
use crate::reconcile::{Fault, Reconciler, RecordedEntry, RecordedPage};
use crate::store::dead_letter::Actor;
use crate::store::operation::{
    NewBackfill, NewFault, NewRange, NotedPage, Operation, OperationId, OperationState, Running,
    Selection, StoredRange,
};
use crate::store::{Publishing, Store};
use crate::stripe_api::{CreatedRange, Page};

/// Ranges that are read side by side: enough to use its share of the limiter while each waits for an answer.
const SLOTS: usize = 8;

/// Pages that a range is read for before others have their turn.
const PAGES_A_TURN: u32 = 10;

/// How often the operation's heartbeat is moved, and its cancel and the pause of its lane looked for.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// What backfills need. Cheap to clone.
#[derive(Clone)]
pub struct Backfill {
    pub(super) store: Store,
    /// One that reads in bulk: within its own share of the limiter.
    pub(super) reconciler: Reconciler,
    inspector: Inspector,
    /// Seconds after which an object may be listed for the first time.
    late: i64,
}

/// What all ranges of a run have in common.
struct Task {
    running: Arc<Running>,
    request: BackfillRequest,
    publishing: Publishing,
    /// Slots that nothing is left for.
    idle: AtomicUsize,
    /// A range was cut in two, for one of those.
    cut: Notify,
    halt: CancellationToken,
}

impl Backfill {
    /// The reconciler must be one that reads in bulk.
    #[must_use]
    pub fn new(
        store: Store,
        reconciler: Reconciler,
        inspector: Inspector,
        settings: &config::Backfill,
    ) -> Self {
        let late = i64::try_from(settings.late_listing.as_secs()).unwrap_or(i64::MAX);
        Self { store, reconciler, inspector, late }
    }

    /// The mode of the objects that can be read.
    ///
    /// # Errors
    /// [`BackfillError::NoMode`]
    pub fn mode(&self) -> Result<Mode, BackfillError> {
        self.reconciler.mode().ok_or(BackfillError::NoMode)
    }

    /// Begins a backfill: stores what it reads, who asked for it and why. Nothing is read before [`run`](Self::run).
    ///
    /// # Errors
    /// Another one that has not ended reads a part of it; or Postgres.
    pub async fn begin(
        &self,
        request: &BackfillRequest,
        actor: Actor<'_>,
    ) -> Result<Running, BackfillError> {
        let selection = request.selection();
        let ranges = plan::ranges(request, now(), self.late);
        let new = NewBackfill { selection: &selection, ranges: &ranges, actor };
        self.store.begin_backfill(&new).await?.map_err(BackfillError::Busy)
    }

    /// Takes over a backfill that was interrupted or cancelled; [`run`](Self::run) then goes on where it was.
    /// `None`: there is no such operation, it is done, or another process runs it.
    ///
    /// # Errors
    /// Another one that has not ended reads a part of what is left; or Postgres.
    pub async fn resume(
        &self,
        id: OperationId,
        actor: Actor<'_>,
    ) -> Result<Option<Running>, BackfillError> {
        let Some(running) = self.store.resume_operation(id, actor).await? else { return Ok(None) };
        if let Some(busy) = self.store.reclaim_backfill(id).await? {
            let error = BackfillError::Busy(busy);
            let (state, why) = (OperationState::Interrupted, error.to_string());
            self.store.end_operation(&running, state, Some(&why)).await?;
            return Err(error);
        }
        Ok(Some(running))
    }

    /// Runs a backfill to its end, and tells of its progress: until all is read, or a cancel was asked for. When `stop`
    /// is cancelled it is interrupted. While the backfill lane is paused it waits, and so it does while Stripe cannot
    /// be reached. What cannot be read stops nothing else.
    ///
    /// # Errors
    /// It was interrupted by a failure of Postgres, or Stripe refuses our key.
    pub async fn run(
        &self,
        running: Running,
        mut progress: impl FnMut(&Operation),
        stop: &CancellationToken,
    ) -> Result<Operation, BackfillError> {
        let running = Arc::new(running);
        let halt = stop.child_token();
        let ended = self.read_all(&running, &mut progress, &halt).await;
        halt.cancel();
        let (state, why) = match &ended {
            Err(BackfillError::TakenOver) => return Err(BackfillError::TakenOver),
            Ok(OperationState::Interrupted) => (
                OperationState::Interrupted,
                Some("the process that ran it was stopped".to_owned()),
            ),
            Ok(state) => (*state, None),
            Err(error) => (OperationState::Interrupted, Some(failure::chain(error).join(": "))),
        };
        let noted = self.store.end_operation(&running, state, why.as_deref()).await;
        let noted = match noted {
            // Its cancel came after the last page.
            Ok(None) if state == OperationState::Done => {
                self.store.end_operation(&running, OperationState::Cancelled, None).await
            }
            noted => noted,
        };
        // What stopped it says more than that its end could not be noted.
        ended?;
        let operation = noted?.ok_or(BackfillError::TakenOver)?;
        progress(&operation);
        Ok(operation)
    }

    async fn read_all(
        &self,
        running: &Arc<Running>,
        progress: &mut impl FnMut(&Operation),
        halt: &CancellationToken,
    ) -> Result<OperationState, BackfillError> {
        let task = Arc::new(Task::of(running, halt)?);
        let id = running.operation.id;
        let mut under_way: JoinSet<(i64, Result<(), BackfillError>)> = JoinSet::new();
        let mut ranges: Vec<i64> = Vec::new();
        let (mut heartbeat, mut paused) = (Instant::now(), false);
        loop {
            if heartbeat <= Instant::now() {
                heartbeat = Instant::now() + HEARTBEAT;
                let operation =
                    self.store.touch_operation(running).await?.ok_or(BackfillError::TakenOver)?;
                progress(&operation);
                if operation.cancel_requested {
                    halt.cancel();
                    end_all(&mut under_way).await?;
                    return Ok(OperationState::Cancelled);
                }
                paused = self.is_paused(paused).await;
            }
            if halt.is_cancelled() {
                end_all(&mut under_way).await?;
                return Ok(OperationState::Interrupted);
            }
            let free = SLOTS.saturating_sub(under_way.len());
            if free > 0 && !paused {
                let most = u32::try_from(free).unwrap_or(u32::MAX);
                let next = self.store.waiting_ranges(id, &ranges, most).await?;
                task.idle.store(free.saturating_sub(next.len()), Ordering::Relaxed);
                for range in next {
                    ranges.push(range.id);
                    let (this, task) = (self.clone(), Arc::clone(&task));
                    under_way.spawn(async move { (range.id, this.turn(&task, range).await) });
                }
                if under_way.is_empty() && !self.store.ranges_left(id).await?.0 {
                    return Ok(OperationState::Done);
                }
            }
            tokio::select! {
                Some(ended) = under_way.join_next(), if !under_way.is_empty() => {
                    let (range, ended) = ended?;
                    ranges.retain(|known| *known != range);
                    ended?;
                }
                () = task.cut.notified() => {}
                () = sleep_until(heartbeat) => {}
                () = halt.cancelled() => {}
            }
        }
    }

    /// Whether the lane of all that reads in bulk is paused. While Redis does not answer, what was last known holds.
    async fn is_paused(&self, last: bool) -> bool {
        let pauses = self.inspector.pauses().await;
        pauses.map_or(last, |all| all.iter().any(|pause| pause.lane == Lane::Backfill))
    }

    /// Reads a range for some pages, or to its end.
    async fn turn(&self, task: &Task, mut range: StoredRange) -> Result<(), BackfillError> {
        let place = Place::of(&range)?;
        for _ in 0..PAGES_A_TURN {
            if task.halt.is_cancelled() {
                return Ok(());
            }
            let Some(mut noted) = self.read_one(task, &place, &mut range).await? else {
                return Ok(());
            };
            let is_cut =
                !noted.ended && noted.failed.is_none() && cut(task, &place, &mut range, &mut noted);
            if !self.store.note_page(&task.running, &range, &noted).await? {
                return Err(BackfillError::TakenOver);
            }
            if is_cut {
                task.cut.notify_one();
            }
            if noted.ended || noted.failed.is_some() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Reads and records what comes next of a range, however long that takes; `None` when the run ends before.
    async fn read_one(
        &self,
        task: &Task,
        place: &Place,
        range: &mut StoredRange,
    ) -> Result<Option<NotedPage>, BackfillError> {
        let mut attempt = 0;
        loop {
            let mut next = range.clone();
            let read = self.record_next(task, place, &mut next);
            let read = match task.halt.run_until_cancelled(read).await {
                None => return Ok(None),
                Some(read) => read?,
            };
            let failure = match read {
                Ok(noted) => {
                    *range = next;
                    return Ok(Some(noted));
                }
                Err(fault) => fault.failure,
            };
            attempt += 1;
            if is_missing(&failure) && range.after.is_some() {
                // The entry to go on after was deleted meanwhile.
                range.after = None;
                if place.list.is_some_and(|list| list.by_created) {
                    let reached = range.reached.map(|reached| reached.saturating_add(1));
                    range.created_until = reached.or(range.created_until);
                }
                continue;
            }
            match judge(&failure, attempt, Jitter::new(rand::random())) {
                Judged::Again(after) => {
                    if task.halt.run_until_cancelled(sleep(after)).await.is_none() {
                        return Ok(None);
                    }
                }
                Judged::Failed(code, error) => {
                    return Ok(Some(NotedPage {
                        failed: Some((code, error)),
                        ..NotedPage::default()
                    }));
                }
                Judged::Stop(error) => return Err(BackfillError::Misconfigured(error)),
            }
        }
    }

    /// Reads and records what comes next of a range, and says in it where it goes on.
    async fn record_next(
        &self,
        task: &Task,
        place: &Place,
        range: &mut StoredRange,
    ) -> Result<Result<NotedPage, Fault>, BackfillError> {
        let Some(list) = place.list else {
            let Some(object) = place.object(range) else {
                return Err(BackfillError::Unknown { what: format!("{:?}", range.owner) });
            };
            let recorded = self.reconciler.record_alone(object, task.publishing).await;
            return Ok(recorded.map(|entry| NotedPage { ended: true, ..noted(vec![entry]) }));
        };
        if list.under.is_some() {
            return self.record_owned(task, place, range).await;
        }
        let created = CreatedRange { from: range.created_from, until: range.created_until };
        let page = place.page(&self.reconciler, list, None, created, range.after.as_deref()).await;
        let page = match page {
            Ok(page) => page,
            Err(fault) => return Ok(Err(fault)),
        };
        let ranges = self.found(task, place, &page);
        let is_wanted = task.request.kinds.contains(&place.kind);
        let recorded = if is_wanted {
            self.reconciler.record_page(page, task.publishing).await
        } else {
            Ok(RecordedPage { entries: Vec::new(), reached: None, next: page.next })
        };
        Ok(recorded.map(|RecordedPage { entries, reached, next }| {
            let ended = next.is_none();
            range.after = next;
            range.reached = [reached, range.reached].into_iter().flatten().min();
            NotedPage { ended, ranges, ..noted(entries) }
        }))
    }

    /// The same for a list of each of some objects: all of the next object's list.
    async fn record_owned(
        &self,
        task: &Task,
        place: &Place,
        range: &mut StoredRange,
    ) -> Result<Result<NotedPage, Fault>, BackfillError> {
        let Some(list) = place.list else { return Err(BackfillError::NoBackfill) };
        let Some(owner) = place.next_owner(&self.store, range).await? else {
            return Ok(Ok(NotedPage { ended: true, ..NotedPage::default() }));
        };
        let mut all = NotedPage::default();
        let mut after: Option<String> = None;
        loop {
            let created = CreatedRange::default();
            let page = place.page(&self.reconciler, list, Some(&owner), created, after.as_deref());
            let page = match page.await {
                Ok(page) => page,
                // It was deleted meanwhile, and nothing is listed of it.
                Err(fault) if is_missing(&fault.failure) => break,
                Err(fault) => return Ok(Err(fault)),
            };
            match self.reconciler.record_page(page, task.publishing).await {
                Ok(RecordedPage { entries, next, .. }) => {
                    let page = noted(entries);
                    all.seen = all.seen.saturating_add(page.seen);
                    all.added = all.added.saturating_add(page.added);
                    all.renewed = all.renewed.saturating_add(page.renewed);
                    all.faults.extend(page.faults);
                    after = next;
                }
                Err(fault) => return Ok(Err(fault)),
            }
            if after.is_none() {
                break;
            }
        }
        range.owner = Some(owner.id.to_string());
        Ok(Ok(all))
    }

    /// The ranges of the connected accounts of a page.
    fn found(&self, task: &Task, place: &Place, page: &Page) -> Vec<NewRange> {
        if place.kind != Kind::Account || !task.request.accounts.has_connected() {
            return Vec::new();
        }
        let began = task.running.operation.created_at.unix_timestamp();
        let ids = page.entries.iter().filter(|entry| entry.found.is_ok()).map(|entry| &entry.id);
        ids.flat_map(|id| plan::of_account(&task.request, id, began, self.late)).collect()
    }
}

impl Task {
    fn of(running: &Arc<Running>, halt: &CancellationToken) -> Result<Self, BackfillError> {
        let Selection::Backfill(selection) = &running.operation.selection else {
            return Err(BackfillError::NoBackfill);
        };
        let unknown = || BackfillError::Unknown { what: format!("{selection:?}") };
        let request = BackfillRequest::of(selection).ok_or_else(unknown)?;
        let publishing = if request.notify { Publishing::AsBackfill } else { Publishing::Withhold };
        Ok(Self {
            running: Arc::clone(running),
            request,
            publishing,
            idle: AtomicUsize::new(0),
            cut: Notify::new(),
            halt: halt.clone(),
        })
    }
}

/// Waits for what is under way when the run ends.
async fn end_all(
    under_way: &mut JoinSet<(i64, Result<(), BackfillError>)>,
) -> Result<(), BackfillError> {
    while let Some(ended) = under_way.join_next().await {
        ended?.1?;
    }
    Ok(())
}

/// Leaves the older half of a range to an idle slot, if there is one.
fn cut(task: &Task, place: &Place, range: &mut StoredRange, noted: &mut NotedPage) -> bool {
    let Some(at) = place.list.and_then(|list| plan::cut(range, list)) else { return false };
    let took =
        task.idle.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |idle| idle.checked_sub(1));
    if took.is_err() {
        return false;
    }
    noted.ranges.push(plan::older_half(range, place.kind, place.filter, at));
    range.created_from = Some(at);
    true
}

/// The counts of a page.
fn noted(entries: Vec<RecordedEntry>) -> NotedPage {
    let mut page = NotedPage { seen: count(entries.len()), ..NotedPage::default() };
    for entry in entries {
        match entry {
            RecordedEntry::Added => page.added = page.added.saturating_add(1),
            RecordedEntry::Renewed => page.renewed = page.renewed.saturating_add(1),
            RecordedEntry::Same => {}
            RecordedEntry::Unreadable { id, failure } => {
                let Failure { code, chain, .. } = *failure;
                page.faults.push(NewFault { id, code, message: chain.join(": ") });
            }
        }
    }
    page
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn now() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp()
}

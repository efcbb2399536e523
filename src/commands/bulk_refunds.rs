//! Refunds by a file: an operation whose lines are commands, each carried out once.
//!
//! A line's idempotency key is made of its payment and its column `key`, and its caller is the same for every
//! file. So a file that is started twice, a resume after a crash and two files that share a line refund it once;
//! a line that was refunded by an earlier start says so in its result. The lines are in Postgres before the
//! first one begins: any process goes on with them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use time::OffsetDateTime;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::answer::CommandReply;
use super::error::CommandError;
use super::problem::Problem;
use super::service::{Caller, Commands, Person};
use crate::domain::command::command_params::CommandParams;
use crate::domain::command::idempotency_key::MadeKey;
use crate::domain::command::params::{NewRefund, RefundReason};
use crate::domain::command::refund_file::RefundLine;
use crate::domain::failure;
use crate::domain::money::Minor;
use crate::store::dead_letter::Actor;
use crate::store::operation::{
    LineEnd, NewRefunds, Operation, OperationState, RefundFile, RefundTotal, Running, Selection,
    StoredLine,
};
use crate::store::{Store, StoreError};

/// The caller of all commands that a file asks for. No token has a name like it.
pub const CALLER: &str = "file:refunds";

/// Refunds per second where nothing else is asked for: fewer than Stripe answers at one endpoint (25 a second),
/// so that other commands find room.
const CALM: u64 = 10;

/// The longest time over which refunds are spread.
pub const LONGEST_SPREAD: Duration = Duration::from_hours(24);

/// Lines that are under way at once, and that are read at once: the memory of a run does not depend on how many
/// there are.
const AT_ONCE: usize = 16;
const PAGE: u32 = 200;

/// Interval of the operation's heartbeat, and of the check whether it was cancelled.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// When a line is tried again that Stripe has certainly not received, or whose first request still runs.
const AGAIN: Duration = Duration::from_secs(1);

/// How often a request that still runs is asked about before its line is left `open` until the others are done.
const ASKED: u32 = 3;

/// Lines that a preview looks up at once.
const LOOKED_UP: usize = 500;

/// Preview of a file of refunds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundPreview {
    /// How many lines it has.
    pub lines: usize,
    /// What they come to, by currency; the payments that have no row here last.
    pub totals: Vec<RefundTotal>,
}

impl RefundPreview {
    /// How many lines have a command of an earlier start already.
    #[must_use]
    pub fn earlier(&self) -> i64 {
        self.totals.iter().map(|total| total.earlier).sum()
    }
}

/// A bulk refund was interrupted by a failure. It is where it was, and can be resumed.
#[derive(Debug, thiserror::Error)]
pub enum BulkError {
    /// Postgres.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Stripe takes no commands from us.
    #[error("Stripe takes no commands from us: stripe.write_key is wrong or lacks a permission")]
    Misconfigured,
    /// A line's task ended by itself, by a panic.
    #[error("a line ended by itself")]
    Ended(#[from] JoinError),
    /// It is no bulk refund.
    #[error("the operation refunds nothing")]
    NoRefunds,
    /// Another process took it for dead and goes on with it.
    #[error("another process runs it now")]
    TakenOver,
}

/// Says what a file would do, by what the tables know.
///
/// # Errors
/// Postgres.
pub async fn preview_refunds(
    store: &Store,
    lines: &[RefundLine],
) -> Result<RefundPreview, StoreError> {
    let mut totals: Vec<RefundTotal> = Vec::new();
    for some in lines.chunks(LOOKED_UP) {
        let keys: Vec<_> = some.iter().map(|line| line.idempotency_key(1)).collect();
        for part in store.refund_totals(CALLER, some, &keys).await? {
            match totals.iter_mut().find(|total| total.currency == part.currency) {
                Some(total) => {
                    total.lines = total.lines.saturating_add(part.lines);
                    total.amount = total.amount.saturating_add(part.amount);
                    total.earlier = total.earlier.saturating_add(part.earlier);
                }
                None => totals.push(part),
            }
        }
    }
    totals.sort_by_key(|total| (total.currency.is_none(), total.currency.clone()));
    Ok(RefundPreview { lines: lines.len(), totals })
}

/// Begins a bulk refund: notes its lines, who asked for them and why. Nothing is refunded before
/// [`Commands::run_refunds`]. Without `over` ten lines a second go.
///
/// # Errors
/// Postgres; then nothing was noted.
pub async fn begin_refunds(
    store: &Store,
    file: &RefundFile,
    lines: &[RefundLine],
    over: Option<Duration>,
    actor: Actor<'_>,
) -> Result<Running, StoreError> {
    let count = u64::try_from(lines.len()).unwrap_or(u64::MAX);
    let calm = || Duration::from_millis(count.saturating_mul(1000) / CALM);
    let over = over.unwrap_or_else(calm).min(LONGEST_SPREAD);
    store.begin_refunds(&NewRefunds { file, lines, over, actor }).await
}

/// Check of one line.
#[derive(Debug)]
pub enum LineCheck {
    /// It would be refunded.
    Good,
    /// An earlier start has its command.
    Earlier,
    /// A rule would refuse it.
    Refused(CommandError),
}

/// Facts that all lines of a bulk refund share.
struct Task {
    caller: Caller,
    reason: Option<RefundReason>,
    /// Commands that were written before are of an earlier start.
    begun: OffsetDateTime,
}

/// Result of carrying a line out.
enum Carried {
    /// It has come to its end, or is open.
    Ended(LineEnd),
    /// The run ends before it has.
    Halted,
}

impl Commands {
    /// Checks a line as its turn would, and writes nothing. `before` is what earlier lines of the file refund of
    /// the same payment.
    ///
    /// # Errors
    /// What a rule needs to know cannot be found out now.
    pub async fn check_refund(
        &self,
        line: &RefundLine,
        reason: Option<RefundReason>,
        before: Minor,
    ) -> Result<(LineCheck, Minor), CommandError> {
        let key = line.idempotency_key(1);
        if self.store().command_by_key(CALLER, &key).await?.is_some() {
            return Ok((LineCheck::Earlier, 0));
        }
        let caller = Caller::unlimited(CALLER);
        let params = params(&line.payment_intent, line.amount, reason);
        let currency = line.currency.map(|it| it.as_str().to_owned());
        let checked = async {
            self.dry_run(&caller, &key, None, &params).await?;
            self.same_currency(&line.payment_intent, currency.as_deref()).await?;
            let money = self.store().money_of(&line.payment_intent).await?;
            let Some(mut money) = money else { return Ok(line.amount.unwrap_or(0)) };
            money.under_way = money.under_way.saturating_add(before);
            Ok(money.refund(line.amount)?)
        };
        match checked.await {
            Ok(amount) => Ok((LineCheck::Good, amount)),
            Err(error) if Problem::from(&error).status >= 500 => Err(error),
            Err(error) => Ok((LineCheck::Refused(error), 0)),
        }
    }

    /// Runs a bulk refund to its end, and tells of its progress: until each line has come to its end, or until a
    /// cancel has been asked for. When `stop` is cancelled it is interrupted; what is under way then goes on as
    /// commands do, and the next run finds it by its key.
    ///
    /// While Stripe or the limiter takes nothing, it waits. What is refused stops none of the others.
    ///
    /// # Errors
    /// It was interrupted by a failure of Postgres, or Stripe refuses our key.
    pub async fn run_refunds(
        &self,
        running: Running,
        mut progress: impl FnMut(&Operation),
        stop: &CancellationToken,
    ) -> Result<Operation, BulkError> {
        let halt = stop.child_token();
        let ended = self.refund_all(&running, &mut progress, &halt).await;
        halt.cancel();
        let store = self.store();
        let (state, why) = match &ended {
            Ok(state) => {
                let stopped = *state == OperationState::Interrupted;
                (*state, stopped.then(|| "the process that ran it was stopped".to_owned()))
            }
            Err(error) => (OperationState::Interrupted, Some(failure::chain(error).join(": "))),
        };
        let noted = match &ended {
            Err(BulkError::TakenOver) => None,
            Ok(_) | Err(_) => match store.end_operation(&running, state, why.as_deref()).await {
                Ok(None) if state == OperationState::Done => {
                    // Its cancel came after the last line.
                    let state = OperationState::Cancelled;
                    store.end_operation(&running, state, None).await?
                }
                Ok(noted) => noted,
                // What stopped it says more than that its end could not be noted.
                Err(_) if ended.is_err() => None,
                Err(error) => return Err(error.into()),
            },
        };
        ended?;
        let operation = noted.ok_or(BulkError::TakenOver)?;
        progress(&operation);
        Ok(operation)
    }

    async fn refund_all(
        &self,
        running: &Running,
        progress: &mut impl FnMut(&Operation),
        halt: &CancellationToken,
    ) -> Result<OperationState, BulkError> {
        let task = Arc::new(Task::of(&running.operation)?);
        let store = self.store();
        let id = running.operation.id;
        let gap = gap(&running.operation);
        // Tasks of their own: each goes on while this one waits for Postgres, whose connections they share.
        let mut under_way = JoinSet::new();
        let mut waiting: VecDeque<StoredLine> = VecDeque::new();
        // Lines without a turn first, then those that are open, again and again.
        let (mut had_a_turn, mut after) = (false, 0);
        let (mut next_line, mut heartbeat) = (Instant::now(), Instant::now());
        loop {
            if heartbeat <= Instant::now() {
                heartbeat = Instant::now() + HEARTBEAT;
                let operation =
                    store.touch_operation(running).await?.ok_or(BulkError::TakenOver)?;
                progress(&operation);
                if operation.cancel_requested {
                    halt.cancel();
                    self.note_rest(running, &mut under_way).await?;
                    return Ok(OperationState::Cancelled);
                }
            }
            if halt.is_cancelled() {
                self.note_rest(running, &mut under_way).await?;
                return Ok(OperationState::Interrupted);
            }
            if waiting.is_empty() {
                waiting.extend(store.refunds_left(id, had_a_turn, after, PAGE).await?);
                if let Some(last) = waiting.back() {
                    after = last.line;
                } else if under_way.is_empty() {
                    if had_a_turn && after == 0 {
                        return Ok(OperationState::Done);
                    }
                    if had_a_turn {
                        // The finisher investigates them meanwhile.
                        let _halted = halt.run_until_cancelled(sleep(AGAIN)).await;
                    }
                    (had_a_turn, after) = (true, 0);
                    next_line = Instant::now();
                    continue;
                }
            }
            let may_begin = !waiting.is_empty() && under_way.len() < AT_ONCE;
            tokio::select! {
                Some(carried) = under_way.join_next(), if !under_way.is_empty() => {
                    self.note(running, carried).await?;
                }
                () = sleep_until(next_line), if may_begin => {
                    // A line that is open is only asked about.
                    if !had_a_turn {
                        next_line = next_line.max(Instant::now()) + gap;
                    }
                    if let Some(line) = waiting.pop_front() {
                        let (task, halt) = (Arc::clone(&task), halt.clone());
                        under_way.spawn(self.clone().carry(task, line, halt));
                    }
                }
                () = sleep_until(heartbeat) => {}
                () = halt.cancelled() => {}
            }
        }
    }

    /// Waits for what is under way when the run ends.
    async fn note_rest(
        &self,
        running: &Running,
        under_way: &mut JoinSet<CarriedLine>,
    ) -> Result<(), BulkError> {
        while let Some(carried) = under_way.join_next().await {
            self.note(running, carried).await?;
        }
        Ok(())
    }

    async fn note(
        &self,
        running: &Running,
        carried: Result<CarriedLine, JoinError>,
    ) -> Result<(), BulkError> {
        let (line, carried) = carried??;
        match carried {
            Carried::Halted => Ok(()),
            Carried::Ended(end) => {
                let noted = self.store().note_refund(running, line, &end).await?;
                if noted { Ok(()) } else { Err(BulkError::TakenOver) }
            }
        }
    }

    /// Carries one line out, or finds out what became of it.
    async fn carry(
        self,
        task: Arc<Task>,
        line: StoredLine,
        halt: CancellationToken,
    ) -> CarriedLine {
        let number = line.line;
        let (mut try_number, mut asked) = (1, 0);
        loop {
            let (problem, command) = match self.refund_line(&task, &line, try_number).await {
                Ok(reply) if reply.status < 300 && reply.status != 202 => {
                    return Ok((number, Carried::Ended(self.refunded(&task, &reply).await?)));
                }
                Ok(reply) if reply.status == 202 => {
                    let is_dead = reply.body["state"] == "dead";
                    let end = if is_dead { dead(reply.command) } else { open(reply.command) };
                    return Ok((number, Carried::Ended(end)));
                }
                Ok(reply) => (Refusal::of_body(reply.status, &reply.body), Some(reply.command)),
                Err(error) => (Refusal::from(&Problem::from(&error)), None),
            };
            let command = command.or(problem.command);
            match (problem.code.as_str(), problem.status) {
                // Nothing was done under this key, which is closed: the next one is as good as new.
                ("not_sent", 409) => try_number += 1,
                ("misconfigured", _) => return Err(BulkError::Misconfigured),
                ("command_in_progress", _) if asked >= ASKED => {
                    let end = LineEnd { command, ..open(command.unwrap_or_default()) };
                    return Ok((number, Carried::Ended(end)));
                }
                ("command_in_progress", _) | (_, 429 | 503) => asked += 1,
                _ => {
                    let end = LineEnd {
                        ok: Some(false),
                        result: problem.code,
                        detail: Some(problem.detail),
                        command,
                        refund: None,
                    };
                    return Ok((number, Carried::Ended(end)));
                }
            }
            if halt.run_until_cancelled(sleep(AGAIN)).await.is_none() {
                return Ok((number, Carried::Halted));
            }
        }
    }

    async fn refund_line(
        &self,
        task: &Task,
        line: &StoredLine,
        try_number: u32,
    ) -> Result<CommandReply, CommandError> {
        let (payment, key) = (line.payment_intent.as_str(), line.key.as_str());
        let key = MadeKey::RefundLine { payment, key, try_number }.to_string();
        let params = params(&line.payment_intent, line.amount, task.reason);
        // What has a command has passed the rules.
        if self.store().command_by_key(CALLER, &key).await?.is_none() {
            self.same_currency(&line.payment_intent, line.currency.as_deref()).await?;
        }
        self.submit(&task.caller, &key, None, params).await
    }

    /// The payment has the currency that the file says.
    async fn same_currency(&self, id: &str, wanted: Option<&str>) -> Result<(), CommandError> {
        let Some(wanted) = wanted else { return Ok(()) };
        if self.store().payment(id).await?.is_none() {
            self.refresh_payment(id).await?;
        }
        let payment = self.store().payment(id).await?;
        let missing = || CommandError::NotFound { what: "payment", id: id.to_owned() };
        let payment = payment.ok_or_else(missing)?;
        if payment.currency == wanted {
            return Ok(());
        }
        Err(CommandError::OtherCurrency { wanted: wanted.to_owned(), found: payment.currency })
    }

    async fn refunded(&self, task: &Task, reply: &CommandReply) -> Result<LineEnd, StoreError> {
        let command = self.store().command(reply.command).await?;
        let earlier = command.is_some_and(|command| command.created_at < task.begun);
        let result = if earlier { "earlier" } else { "refunded" };
        Ok(LineEnd {
            ok: Some(true),
            result: result.to_owned(),
            detail: None,
            command: Some(reply.command),
            refund: reply.body["id"].as_str().map(str::to_owned),
        })
    }
}

type CarriedLine = Result<(i32, Carried), BulkError>;

impl Task {
    fn of(operation: &Operation) -> Result<Self, BulkError> {
        let Selection::Refunds(file) = &operation.selection else {
            return Err(BulkError::NoRefunds);
        };
        let person = Person { name: operation.actor.clone(), reason: operation.reason.clone() };
        let reason = file.reason;
        let caller = Caller { person: Some(person), ..Caller::unlimited(CALLER) };
        Ok(Self { caller, reason, begun: operation.created_at })
    }
}

/// The time between two lines.
fn gap(operation: &Operation) -> Duration {
    let over = Duration::from_millis(operation.over_ms.unwrap_or(0).unsigned_abs());
    over / u32::try_from(operation.total.max(1)).unwrap_or(u32::MAX)
}

fn params(payment: &str, amount: Option<Minor>, reason: Option<RefundReason>) -> CommandParams {
    CommandParams::CreateRefund(NewRefund {
        payment_intent: Some(payment.to_owned()),
        amount,
        reason,
        ..NewRefund::default()
    })
}

/// The end of a turn after which it is not known whether the payment is refunded.
fn open(command: uuid::Uuid) -> LineEnd {
    LineEnd {
        ok: None,
        result: "open".to_owned(),
        detail: None,
        command: Some(command).filter(|id| !id.is_nil()),
        refund: None,
    }
}

/// The end of a line whose command waits for an operator.
fn dead(command: uuid::Uuid) -> LineEnd {
    LineEnd {
        ok: Some(false),
        result: "dead".to_owned(),
        detail: Some(format!(
            "whether Stripe refunded it is not known: `quittance commands show {command}`"
        )),
        ..open(command)
    }
}

/// Why a line was not refunded.
struct Refusal {
    status: u16,
    code: String,
    detail: String,
    command: Option<uuid::Uuid>,
}

impl From<&Problem> for Refusal {
    fn from(problem: &Problem) -> Self {
        let Problem { status, code, detail, command, .. } = problem;
        Self { status: *status, code: code.clone(), detail: detail.clone(), command: *command }
    }
}

impl Refusal {
    /// From the stored answer of a command.
    fn of_body(status: u16, body: &Value) -> Self {
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        Self { status, code: text("code"), detail: text("detail"), command: None }
    }
}

//! Arguments of `quittance dead-letters`.

use std::time::Duration;

use clap::{ArgGroup, Subcommand};
use humantime::parse_duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::cli::actor::ActorArg;
use crate::cli::format;
use crate::cli::out::Output;
use crate::ops::dead_letters::{LONGEST_SPREAD, Refusal};
use crate::roles::exit::{Exit, Failed};
use crate::store::dead_letter::{
    DeadLetterId, DeadLetterReason, DeadLetterSource, DeadLetterState, Filter, GroupKey,
};

/// `quittance dead-letters ...`
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum DeadLettersCommand {
    /// Count dead letters by cause and event type, the largest group first.
    #[command(
        after_help = "The first column is the id of a group: pass it to the other commands as --group. To select a cause\nacross several event types, use --code or --text.\n\nStates: open (needs an operator), snoozed (open, but hidden until a time), retrying (back in the\nqueue), resolved (processed or delivered since), discarded (closed without processing).\n\nExamples:\n  quittance dead-letters groups\n  quittance dead-letters groups --state any --newer-than 1h --json"
    )]
    Groups(Groups),
    /// List dead letters, newest first.
    #[command(
        after_help = "Examples:\n  quittance dead-letters list --customer cus_9s6XKzkNRiz8i3\n  quittance dead-letters list --state discarded --limit 100 --json\n  quittance dead-letters list --text 'no such payment' --ids | xargs quittance dead-letters retry"
    )]
    List(List),
    /// Show one dead letter: the event, its attempts, the current row, manual actions.
    #[command(after_help = "Example:\n  quittance dead-letters show 17 --payload")]
    Show(Show),
    /// Put dead letters back into the queue, with a full number of attempts.
    #[command(
        after_help = "With --all or --group this is one bulk operation: `quittance operations` shows, cancels and resumes it.\n\nExamples:\n  quittance dead-letters retry 17 18\n  quittance dead-letters retry --group 0a1b2c3d4e5f:charge.failed --dry-run\n  quittance dead-letters retry --group 0a1b2c3d4e5f:charge.failed --over 10m\n  quittance dead-letters retry --all --code stripe_wrong_account\n  quittance dead-letters retry --all --class transient --newer-than 2h --yes"
    )]
    Retry(Retry),
    /// Discard dead letters: close them without processing. They are kept, with the
    /// reason, for retention.discarded_letters.
    #[command(
        after_help = "Examples:\n  quittance dead-letters discard 17 --reason 'a test account'\n  quittance dead-letters discard --all --account acct_1Pgc --reason 'they left'"
    )]
    Discard(Discard),
    /// Hide open dead letters for a time.
    #[command(
        after_help = "Example:\n  quittance dead-letters snooze --group 0a1b2c3d4e5f:charge.failed --for 2h --reason 'Stripe is on it'"
    )]
    Snooze(Snooze),
    /// Reopen discarded dead letters, or snoozed ones (--state snoozed).
    #[command(
        after_help = "Examples:\n  quittance dead-letters undo 17\n  quittance dead-letters undo --all --account acct_1Pgc --newer-than 1d"
    )]
    Undo(Undo),
}

/// `quittance dead-letters groups`
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Groups {
    #[command(flatten)]
    pub(super) filter: FilterArgs,
    /// One JSON document.
    #[arg(long)]
    pub(super) json: bool,
}

/// `quittance dead-letters list`
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct List {
    #[command(flatten)]
    pub(super) filter: FilterArgs,
    /// Maximum number of results.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(super) limit: u32,
    /// Only dead letters with a lower id: the next page.
    #[arg(long, value_name = "ID")]
    pub(super) before: Option<DeadLetterId>,
    #[command(flatten)]
    pub(super) output: Output,
}

/// `quittance dead-letters show`
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Show {
    /// The dead letter.
    pub(super) id: DeadLetterId,
    /// Also show the event's payload (redacted).
    #[arg(long)]
    pub(super) payload: bool,
    /// One JSON document.
    #[arg(long)]
    pub(super) json: bool,
}

/// `quittance dead-letters retry`
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Retry {
    #[command(flatten)]
    pub(super) target: Target,
    /// Spread the retries evenly over this time: 10m; at most 24h. Default with --all or --group: 20 per
    /// second. 0s retries all at once.
    #[arg(long, value_name = "TIME", value_parser = spread)]
    pub(super) over: Option<Duration>,
    /// Only fetch the objects from Stripe and compare them with the rows: those of the dead letters that
    /// are named, or of the newest 20 that match. Writes nothing. Needs STRIPE_SECRET_KEY.
    #[arg(long, conflicts_with_all = ["over", "yes"])]
    pub(super) dry_run: bool,
    /// Reason, stored in the audit log.
    #[arg(long)]
    pub(super) reason: Option<String>,
    #[command(flatten)]
    pub(super) how: How,
}

/// `quittance dead-letters discard`
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Discard {
    #[command(flatten)]
    pub(super) target: Target,
    /// Reason, stored with each dead letter and in the audit log.
    #[arg(long)]
    pub(super) reason: String,
    #[command(flatten)]
    pub(super) how: How,
}

/// `quittance dead-letters snooze`
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Snooze {
    #[command(flatten)]
    pub(super) target: Target,
    /// Snooze for this long: 2h.
    #[arg(long = "for", value_name = "TIME", value_parser = ahead, required_unless_present = "until")]
    pub(super) length: Option<Duration>,
    /// Snooze until this time: 2026-11-30T08:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = future, conflicts_with = "length")]
    pub(super) until: Option<OffsetDateTime>,
    /// Reason, stored in the audit log.
    #[arg(long)]
    pub(super) reason: Option<String>,
    #[command(flatten)]
    pub(super) how: How,
}

/// `quittance dead-letters undo`
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Undo {
    #[command(flatten)]
    pub(super) target: Target,
    /// Reason, stored in the audit log.
    #[arg(long)]
    pub(super) reason: Option<String>,
    #[command(flatten)]
    pub(super) how: How,
}

/// The dead letters that a command acts on.
#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("which").required(true).multiple(true).args(["ids", "all", "group"]))]
pub(in crate::cli) struct Target {
    /// Ids of the dead letters.
    #[arg(conflicts_with = "all")]
    pub(super) ids: Vec<DeadLetterId>,
    /// All dead letters that match the filters; without a filter, all.
    #[arg(long)]
    pub(super) all: bool,
    #[command(flatten)]
    pub(super) filter: FilterArgs,
}

impl Target {
    /// The filter. Together with ids there must be none.
    pub(super) fn filter(&self) -> Result<Filter, Failed> {
        let filter = self.filter.filter(None);
        if !self.ids.is_empty() && (filter.is_narrow() || filter.state.is_some()) {
            let text = "pass either ids, or --all with filters; not both";
            return Err(Failed::new(Exit::Failure, text));
        }
        Ok(filter)
    }
}

/// The actor, and how the result is printed.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct How {
    #[command(flatten)]
    pub(super) actor: ActorArg,
    /// Do not ask for confirmation. Required without a terminal.
    #[arg(long)]
    pub(super) yes: bool,
    /// One JSON document.
    #[arg(long)]
    pub(super) json: bool,
}

/// Filters for dead letters; all of them have to match.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Filters")]
pub(in crate::cli) struct FilterArgs {
    /// Only dead letters of this group.
    #[arg(long)]
    group: Option<GroupKey>,
    /// Only dead letters in this state [default: open; for undo: discarded].
    #[arg(long, value_enum)]
    state: Option<StateArg>,
    /// Only events, or only notifications.
    #[arg(long, value_enum)]
    source: Option<SourceArg>,
    /// Only this event type or topic.
    #[arg(long, value_name = "TYPE")]
    event_type: Option<String>,
    /// Only this object type: payment_intent.
    #[arg(long, value_name = "KIND")]
    object_kind: Option<String>,
    /// Only this object: pi_...
    #[arg(long, value_name = "ID")]
    object: Option<String>,
    /// Only this customer and its objects: cus_...
    #[arg(long, value_name = "ID")]
    customer: Option<String>,
    /// Only this connected account, acct_...; "" is your own account.
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// Only live mode.
    #[arg(long, conflicts_with = "test")]
    live: bool,
    /// Only test mode.
    #[arg(long)]
    test: bool,
    /// Only this webhook endpoint, or this destination.
    #[arg(long, value_name = "NAME")]
    endpoint: Option<String>,
    /// Only dead letters with this reason: permanent (a retry cannot succeed), exhausted (out of
    /// attempts), poison (its workers died), undecodable (not readable).
    #[arg(long, value_enum)]
    dead_letter_reason: Option<ReasonArg>,
    /// Only those whose last error has this class: permanent, transient, ...
    #[arg(long)]
    class: Option<String>,
    /// Only those whose last error has this code: stripe_resource_missing.
    #[arg(long)]
    code: Option<String>,
    /// Only those whose error message contains TEXT.
    #[arg(long)]
    text: Option<String>,
    /// Last dead-lettered longer ago than this (2h), or before this time (RFC 3339).
    #[arg(long, value_name = "WHEN", value_parser = format::moment)]
    older_than: Option<OffsetDateTime>,
    /// Last dead-lettered within this time (2h), or after this time (RFC 3339).
    #[arg(long, value_name = "WHEN", value_parser = format::moment)]
    newer_than: Option<OffsetDateTime>,
    /// Only those with at least N attempts.
    #[arg(long, value_name = "N")]
    min_attempts: Option<i32>,
}

impl FilterArgs {
    /// The filter; `default` is the state that is meant where none is named.
    pub(super) fn filter(&self, default: Option<DeadLetterState>) -> Filter {
        Filter {
            ids: None,
            group: self.group.clone(),
            state: self.state.map_or(default, StateArg::state),
            source: self.source.map(|source| match source {
                SourceArg::Event => DeadLetterSource::Event,
                SourceArg::Notification => DeadLetterSource::Notification,
            }),
            event_type: self.event_type.clone(),
            object_kind: self.object_kind.clone(),
            object_id: self.object.clone(),
            customer: self.customer.clone(),
            account: self.account.clone(),
            livemode: (self.live || self.test).then_some(self.live),
            endpoint: self.endpoint.clone(),
            reason: self.dead_letter_reason.map(|reason| match reason {
                ReasonArg::Permanent => DeadLetterReason::Permanent,
                ReasonArg::Exhausted => DeadLetterReason::Exhausted,
                ReasonArg::Poison => DeadLetterReason::Poison,
                ReasonArg::Undecodable => DeadLetterReason::Undecodable,
            }),
            class: self.class.clone(),
            code: self.code.clone(),
            text: self.text.clone(),
            older_than: self.older_than,
            newer_than: self.newer_than,
            min_attempts: self.min_attempts,
        }
    }
}

/// A dead letter's state, on the command line.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum StateArg {
    /// Needs an operator.
    Open,
    /// Open, but hidden until a time.
    Snoozed,
    /// Back in the queue.
    Retrying,
    /// Its event was processed, or its notification delivered.
    Resolved,
    /// Closed by an operator without processing.
    Discarded,
    /// All of them.
    Any,
}

impl StateArg {
    fn state(self) -> Option<DeadLetterState> {
        match self {
            Self::Open => Some(DeadLetterState::Open),
            Self::Snoozed => Some(DeadLetterState::Snoozed),
            Self::Retrying => Some(DeadLetterState::Retrying),
            Self::Resolved => Some(DeadLetterState::Resolved),
            Self::Discarded => Some(DeadLetterState::Discarded),
            Self::Any => None,
        }
    }
}

/// The kind of thing that was dead-lettered, on the command line.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum SourceArg {
    /// An event.
    Event,
    /// The delivery of a notification.
    Notification,
}

/// The reason of a dead letter, on the command line.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum ReasonArg {
    /// A retry cannot succeed.
    Permanent,
    /// Its attempts were used up.
    Exhausted,
    /// Its workers died.
    Poison,
    /// It cannot be read.
    Undecodable,
}

fn future(text: &str) -> Result<OffsetDateTime, String> {
    let moment = OffsetDateTime::parse(text, &Rfc3339)
        .map_err(|_| "write a time as 2026-11-30T08:00:00Z".to_owned())?;
    if moment > OffsetDateTime::now_utc() {
        Ok(moment)
    } else {
        Err("this time is in the past".to_owned())
    }
}

fn ahead(text: &str) -> Result<Duration, String> {
    let length = parse_duration(text).map_err(|error| error.to_string())?;
    if length.is_zero() { Err("must be longer than 0s: 2h".to_owned()) } else { Ok(length) }
}

fn spread(text: &str) -> Result<Duration, String> {
    let over = parse_duration(text).map_err(|error| error.to_string())?;
    if over > LONGEST_SPREAD { Err(Refusal::TooFar.to_string()) } else { Ok(over) }
}

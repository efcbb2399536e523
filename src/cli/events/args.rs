//! Arguments of `quittance events`.

use clap::{Args, Subcommand};
use time::OffsetDateTime;

use crate::cli::actor::ActorArg;
use crate::cli::format::moment;
use crate::cli::out::Output;
use crate::cli::place::Place;
use crate::domain::id::EventId;
use crate::store::Outcome;
use crate::store::ledger::LedgerStatus;

/// `quittance events ...`
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum EventsCommand {
    /// List events that have been processed, ignored or dead-lettered, newest first.
    #[command(
        after_help = "Events that are still in the queue are not listed; `quittance events show ID` finds them after their first\nattempt.\n\nStatus: settled (processed: the row is at least as new as the event), ignored (stored only: not handled, or\nnothing to fetch), dead (dead-lettered).\nOutcome: applied (the row was changed), unchanged (the row was up to date), covered (superseded: the row was\nnewer than the event, so nothing was fetched), gone (deleted at Stripe), ignored, deauthorized (the connected\naccount has revoked access).\n\nExamples:\n  quittance events list --since 1h\n  quittance events list --type 'payment_intent.*' --status dead\n  quittance events list --object pi_3PX... --json\n  quittance events list --status dead --ids | xargs quittance events replay"
    )]
    List(Box<ListArgs>),
    /// Show one event: its status, attempts, dead letters and manual actions.
    #[command(after_help = "Example:\n  quittance events show evt_1PX...")]
    Show {
        /// The event, evt_...
        id: String,
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Process events again. Stripe keeps events for 30 days.
    ///
    /// An event that is dead-lettered or unknown is fetched from Stripe and queued in the backfill lane. If the
    /// event has been processed, its object is reconciled now; its notifications are not sent again.
    #[command(
        after_help = "Needs REDIS_URL, DATABASE_URL and STRIPE_SECRET_KEY.\n\nExamples:\n  quittance events replay evt_1PX... --reason 'lost with the old Redis'\n  quittance events replay evt_1PX... --account acct_1PX... --live"
    )]
    Replay(ReplayArgs),
}

/// `quittance events list`
#[derive(Debug, Args)]
pub(in crate::cli) struct ListArgs {
    /// Only this event type; `payment_intent.*` matches all that begin with `payment_intent.`.
    #[arg(long = "type", value_name = "TYPE")]
    pub event_type: Option<String>,
    /// Only events about this object.
    #[arg(long, value_name = "ID")]
    pub object: Option<String>,
    /// Only events with this status (see below).
    #[arg(long, value_parser = status, value_name = "settled|ignored|dead")]
    pub status: Option<LedgerStatus>,
    /// Only events with this outcome: applied, unchanged, covered, gone, ignored, deauthorized (see below).
    #[arg(long, value_parser = outcome)]
    pub outcome: Option<Outcome>,
    /// Only events received since this time: 2026-01-31T12:00:00Z, a day, or how long ago (2h).
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub since: Option<OffsetDateTime>,
    /// Only events received before this time.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub until: Option<OffsetDateTime>,
    #[command(flatten)]
    pub place: Place,
    /// Maximum number of results.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub limit: u32,
    /// Only events received before this one: the next page.
    #[arg(long, value_name = "ID")]
    pub before: Option<String>,
    #[command(flatten)]
    pub output: Output,
}

/// `quittance events replay`
#[derive(Debug, Args)]
pub(in crate::cli) struct ReplayArgs {
    /// The events, evt_...
    #[arg(required = true, value_parser = event)]
    pub ids: Vec<EventId>,
    /// The account and mode of an event that is not in the event log.
    #[command(flatten)]
    pub place: Place,
    /// Reason, stored in the audit log.
    #[arg(long)]
    pub reason: Option<String>,
    #[command(flatten)]
    pub actor: ActorArg,
    /// One JSON document.
    #[arg(long)]
    pub json: bool,
}

fn status(text: &str) -> Result<LedgerStatus, &'static str> {
    LedgerStatus::parse(text).ok_or("one of settled, ignored, dead")
}

fn outcome(text: &str) -> Result<Outcome, &'static str> {
    Outcome::parse(text).ok_or("one of applied, unchanged, covered, gone, ignored, deauthorized")
}

fn event(text: &str) -> Result<EventId, String> {
    EventId::parse(text).map_err(|error| error.to_string())
}

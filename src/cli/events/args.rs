//! What can be typed after `quittance events`.

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
    /// List events that came to an end, the last received first.
    #[command(
        after_help = "What is still in the queue is not in this list: `quittance events show ID` knows it after its first attempt.\n\nExamples:\n  quittance events list --since 1h\n  quittance events list --type 'payment_intent.*' --status dead\n  quittance events list --object pi_3PX... --json\n  quittance events list --status dead --ids | xargs quittance events replay"
    )]
    List(Box<ListArgs>),
    /// Show one: its final status, every attempt, its dead letters, and manual actions.
    #[command(after_help = "Example:\n  quittance events show evt_1PX...")]
    Show {
        /// The event, evt_...
        id: String,
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Settle events again, by what Stripe still has of them (30 days).
    ///
    /// An event that has not settled is fetched from Stripe and put on the backfill lane. Of one that
    /// has, the object is reconciled here and now: what the event told was told once, and stays told.
    #[command(
        after_help = "Needs REDIS_URL, DATABASE_URL and STRIPE_SECRET_KEY.\n\nExamples:\n  quittance events replay evt_1PX... --reason 'lost with the old Redis'\n  quittance events replay evt_1PX... --account acct_1PX... --live"
    )]
    Replay(ReplayArgs),
}

/// `quittance events list`
#[derive(Debug, Args)]
pub(in crate::cli) struct ListArgs {
    /// Only of this type; `payment_intent.*`: of all that begin so.
    #[arg(long = "type", value_name = "TYPE")]
    pub event_type: Option<String>,
    /// Only about this object.
    #[arg(long, value_name = "ID")]
    pub object: Option<String>,
    /// Only those with this final status: settled (processed), ignored, dead (dead-lettered).
    #[arg(long, value_parser = status, value_name = "settled|ignored|dead")]
    pub status: Option<LedgerStatus>,
    /// Only those with this outcome: applied (the row changed), unchanged, covered (the row was newer
    /// already), gone (deleted at Stripe), ignored (not handled), deauthorized (access revoked).
    #[arg(long, value_parser = outcome)]
    pub outcome: Option<Outcome>,
    /// Only those received since then: a time, a day, or how long ago (2h).
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub since: Option<OffsetDateTime>,
    /// Only those received before then.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub until: Option<OffsetDateTime>,
    #[command(flatten)]
    pub place: Place,
    /// Maximum number of results.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub limit: u32,
    /// Only those received before this one: the next page.
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
    /// Of an event that the ledger does not know: where Stripe has it.
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

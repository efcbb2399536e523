//! Arguments of the program.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use super::audit::AuditCommand;
use super::dead_letters::DeadLettersCommand;
use super::events::args::EventsCommand;
use super::manual::{CompletionsArgs, ManArgs};
use super::objects::args::{ObjectsCommand, ReconcileArgs};
use super::operations::OperationsCommand;
use super::queue::QueueCommand;
use super::status::StatusArgs;

/// Keeps a team's Postgres in sync with Stripe.
#[derive(Debug, Parser)]
#[command(
    name = "quittance",
    version,
    about,
    after_help = "Exit codes: 0 done · 1 failed · 2 wrong command line · 3 settings refused · \
                  4 schema does not fit · 5 partly done"
)]
pub(super) struct Args {
    /// Settings that override the built-in ones (config/default.toml is the manual) [env:
    /// QUITTANCE_CONFIG].
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Receive webhooks: verify, queue, answer.
    #[command(
        after_help = "Needs REDIS_URL and STRIPE_WEBHOOK_SECRET. Never opens Postgres, never calls Stripe.\n\nExample:\n  REDIS_URL=redis://... STRIPE_WEBHOOK_SECRET=whsec_... quittance ingress"
    )]
    Ingress,
    /// Process the queue: fetch from Stripe, write to Postgres. Run any number of workers.
    #[command(
        after_help = "Needs REDIS_URL, DATABASE_URL and STRIPE_SECRET_KEY.\n\nExamples:\n  quittance worker\n  quittance worker --name worker-eu-1"
    )]
    Worker(WorkerArgs),
    /// Serve the operators' pages and their JSON API.
    Admin(super::admin::AdminArgs),
    /// Serve the API through which your team acts on Stripe, each command once.
    Api(super::api::ApiArgs),
    /// List and inspect commands, and decide about dead ones.
    #[command(subcommand)]
    Commands(super::commands::CommandsCommand),
    /// Refund payments.
    #[command(subcommand)]
    Refunds(super::refunds::RefundsCommand),
    /// Migrate the database schema to this program's version, then exit.
    #[command(
        after_help = "Needs DATABASE_URL. Run it before each new version's roles.\n\nExample:\n  DATABASE_URL=postgres://... quittance migrate"
    )]
    Migrate,
    /// Check and print the settings.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// List the object types and event types that are handled.
    Kinds(KindsArgs),
    /// Print shell completions.
    Completions(CompletionsArgs),
    /// Print the man page, or write all of them.
    Man(ManArgs),
    /// List, inspect, retry and discard dead-lettered jobs and notifications.
    #[command(subcommand, visible_alias = "dl")]
    DeadLetters(Box<DeadLettersCommand>),
    /// List, inspect, cancel and resume bulk operations: on dead letters, and refunds by a file.
    #[command(subcommand)]
    Operations(OperationsCommand),
    /// List, inspect and replay events.
    #[command(subcommand)]
    Events(EventsCommand),
    /// Find an object, and show its row and its timeline.
    #[command(subcommand)]
    Objects(ObjectsCommand),
    /// Fetch objects from Stripe now, and write the result.
    Reconcile(ReconcileArgs),
    /// Inspect notification delivery, and retry failed deliveries.
    #[command(subcommand)]
    Outbox(OutboxCommand),
    /// Health, queue lag and worker activity.
    #[command(
        after_help = "Exit codes: 0 healthy · 1 not healthy (the text says why) · others as everywhere\n\nExamples:\n  quittance status\n  quittance status --watch 5\n  quittance status --json | jq .findings"
    )]
    Status(StatusArgs),
    /// Inspect the queue, and pause or resume its lanes (priority queues).
    #[command(subcommand)]
    Queue(QueueCommand),
    /// List manual actions, with actor and reason.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Check what a connected account can do.
    #[command(subcommand)]
    Accounts(AccountsCommand),
    /// Run everything on this machine, against a simulated Stripe. Nothing to set up.
    #[cfg(feature = "dev")]
    Dev(DevArgs),
}

/// `quittance dev`
#[cfg(feature = "dev")]
#[derive(Debug, clap::Args)]
#[command(
    after_help = "With STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRET set it talks to the real Stripe.\n\nExamples:\n  quittance dev\n  quittance dev --payments 2000 --disasters"
)]
pub(crate) struct DevArgs {
    /// Run a command beside a private Redis and Postgres instead.
    #[command(subcommand)]
    pub command: Option<DevCommand>,
    /// Run N payments, then verify every row against the simulator; exit code 0 only when
    /// nothing differs.
    #[arg(long, value_name = "N")]
    pub payments: Option<u32>,
    /// Random seed of the simulator.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// No duplicates, no reordering, no errors.
    #[arg(long)]
    pub calm: bool,
    /// Kill workers and the ingress, crash and restart Redis and Postgres, on the way.
    #[arg(long)]
    pub disasters: bool,
    /// Worker processes.
    #[arg(long, default_value_t = 2, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub workers: u32,
    /// Directory for the servers' data and the logs.
    #[arg(long, default_value = ".quittance", value_name = "DIR")]
    pub root: PathBuf,
}

/// `quittance dev ...`
#[cfg(feature = "dev")]
#[derive(Debug, Subcommand)]
pub(crate) enum DevCommand {
    /// Run a command with QUITTANCE_TEST_REDIS_URL and QUITTANCE_TEST_DATABASE_URL set.
    #[command(after_help = "Example:\n  quittance dev exec -- cargo test")]
    Exec {
        /// The command.
        #[arg(last = true, required = true)]
        command: Vec<std::ffi::OsString>,
    },
}

/// `quittance worker`
#[derive(Debug, clap::Args)]
pub(super) struct WorkerArgs {
    /// The worker's name in logs and in the attempts it makes [default: host name and pid].
    #[arg(long)]
    pub name: Option<String>,
}

/// `quittance kinds`
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  quittance kinds --json")]
pub(super) struct KindsArgs {
    /// One JSON document.
    #[arg(long, conflicts_with = "markdown")]
    pub json: bool,
    /// The table as it stands in docs/coverage.md.
    #[arg(long)]
    pub markdown: bool,
}

/// `quittance config ...`
#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Validate the settings, and print the effective ones without secrets.
    #[command(
        after_help = "Examples:\n  quittance config check --role worker\n  quittance --config quittance.toml config check --online"
    )]
    Check {
        /// Also check that all settings that this role needs are set.
        #[arg(long, value_enum)]
        role: Option<RoleArg>,
        /// Also fetch the key's account and its webhook endpoints from Stripe, and warn about
        /// differences to the settings. Needs STRIPE_SECRET_KEY.
        #[arg(long)]
        online: bool,
    },
}

/// A role, on the command line.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum RoleArg {
    /// `quittance ingress`
    Ingress,
    /// `quittance worker`
    Worker,
    /// `quittance migrate`
    Migrate,
    /// `quittance dead-letters ...`
    Ops,
    /// `quittance admin`
    Admin,
}

/// `quittance outbox ...`
#[derive(Debug, Subcommand)]
pub(super) enum OutboxCommand {
    /// Delivery lag of each destination.
    #[command(
        after_help = "LAG: notifications that are not queued for the destination yet. PENDING: queued and not\ndelivered yet. DEAD: dead-lettered. OLDEST: age of the oldest one that is not delivered.\n\nExample:\n  quittance outbox status --json"
    )]
    Status {
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// List dead-lettered notifications, oldest first.
    #[command(after_help = "Example:\n  quittance outbox dead --destination http:default")]
    Dead {
        /// Only of this destination: `stream`, `http:NAME`.
        #[arg(long)]
        destination: Option<String>,
        /// Maximum number of results.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Deliver dead-lettered notifications again, with all their attempts again.
    #[command(after_help = "Example:\n  quittance outbox retry http:default --all")]
    Retry {
        /// The destination: `stream`, `http:NAME`.
        destination: String,
        /// The notifications.
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        ids: Vec<String>,
        /// All of this destination.
        #[arg(long)]
        all: bool,
        /// Reason, stored in the audit log.
        #[arg(long)]
        reason: Option<String>,
        #[command(flatten)]
        actor: Actor,
    },
    /// Remove a destination that is in no worker's settings any more, and what is kept for it.
    ///
    /// Notifications that were not delivered to it are never pruned while it is there. Its dead letters are
    /// discarded.
    #[command(
        after_help = "Example:\n  quittance outbox remove http:old --reason 'the shop moved'"
    )]
    Remove {
        /// The destination: `stream`, `http:NAME`.
        destination: String,
        /// Reason, stored in the audit log.
        #[arg(long)]
        reason: Option<String>,
        #[command(flatten)]
        actor: Actor,
    },
}

/// `quittance accounts ...`
#[derive(Debug, Subcommand)]
pub(super) enum AccountsCommand {
    /// Check whether this account can receive a destination charge.
    #[command(
        after_help = "Exit codes: 0 it can · 1 it cannot, or that is unknown (the text says why) · others as everywhere\n\nExamples:\n  quittance accounts check acct_1Pgc --live\n  quittance accounts check acct_1Pgc --test --refresh --json"
    )]
    Check(CheckArgs),
}

/// `quittance accounts check`
#[derive(Debug, clap::Args)]
pub(super) struct CheckArgs {
    /// The connected account, acct_...
    pub account: String,
    /// In live mode, which is the default.
    #[arg(long, conflicts_with = "test")]
    pub live: bool,
    /// In test mode.
    #[arg(long)]
    pub test: bool,
    /// One JSON document.
    #[arg(long)]
    pub json: bool,
    /// Fetch the account from Stripe now instead of using the stored state. Needs all settings that a worker needs.
    #[arg(long)]
    pub refresh: bool,
}

/// Output format of a list.
#[derive(Debug, clap::Args)]
pub(super) struct Output {
    /// One JSON document.
    #[arg(long, conflicts_with = "ids")]
    pub json: bool,
    /// One id per line, for pipes.
    #[arg(long)]
    pub ids: bool,
}

/// The actor.
#[derive(Debug, clap::Args)]
pub(super) struct Actor {
    /// Actor for the audit log [default: the system user].
    #[arg(long = "as", value_name = "NAME", value_parser = actor_name)]
    pub name: Option<String>,
}

/// An actor's name; the audit log requires one.
fn actor_name(text: &str) -> Result<String, &'static str> {
    match text.trim() {
        "" => Err("a name is needed; leave --as out for the system user"),
        name => Ok(name.to_owned()),
    }
}

//! What can be typed.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Keeps a team's Postgres true to Stripe.
#[derive(Debug, Parser)]
#[command(
    name = "quittance",
    version,
    about,
    after_help = "Exit codes: 0 done · 1 failed · 2 wrong command line · 3 settings refused · \
                  4 schema does not fit · 5 partly done"
)]
pub struct Args {
    /// Settings that override the built-in ones (config/default.toml is the manual).
    #[arg(long, global = true, value_name = "FILE", env = "QUITTANCE_CONFIG")]
    pub config: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Take webhooks: verify, queue, answer.
    #[command(after_help = "Needs REDIS_URL and STRIPE_WEBHOOK_SECRET. Never opens Postgres, never calls Stripe.")]
    Ingress,
    /// Work the queue: reconcile with Stripe, write to Postgres. Run any number.
    #[command(after_help = "Needs REDIS_URL, DATABASE_URL and STRIPE_SECRET_KEY.")]
    Worker(WorkerArgs),
    /// Bring the database's schema up to this program's, then exit.
    Migrate,
    /// Look at the settings.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Look at jobs that were given up, and retry or discard them.
    #[command(subcommand, visible_alias = "dl")]
    DeadLetters(DeadLettersCommand),
    /// Run everything on this machine, against a simulated Stripe. Nothing to set up.
    #[cfg(feature = "dev")]
    Dev(crate::dev::DevArgs),
}

/// `quittance worker`
#[derive(Debug, clap::Args)]
pub struct WorkerArgs {
    /// The worker's name in logs and in the attempts it makes [default: host name and pid].
    #[arg(long)]
    pub name: Option<String>,
}

/// `quittance config ...`
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Refuse what cannot work, and print the effective settings without their secrets.
    Check {
        /// Also check that everything this role needs is there.
        #[arg(long, value_enum)]
        role: Option<RoleArg>,
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
}

/// `quittance dead-letters ...`
#[derive(Debug, Subcommand)]
pub enum DeadLettersCommand {
    /// List them, newest first.
    #[command(after_help = "Examples:\n  quittance dead-letters list\n  quittance dead-letters list --state discarded --limit 100 --json\n  quittance dead-letters list --ids | xargs quittance dead-letters retry")]
    List {
        /// Only those in this state.
        #[arg(long, value_enum, default_value = "open")]
        state: StateArg,
        /// How many at most.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
        /// Only those older than this one: the next page.
        #[arg(long, value_name = "ID")]
        before: Option<String>,
        #[command(flatten)]
        output: Output,
    },
    /// Show one whole: the event, each attempt, the row as it is now.
    Show {
        /// The dead letter.
        id: String,
        /// Also show the event's payload (redacted).
        #[arg(long)]
        payload: bool,
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Put them back into the queue, with a fresh budget of attempts.
    Retry {
        /// The dead letters.
        #[arg(required = true)]
        ids: Vec<String>,
        /// Why; kept in the audit log.
        #[arg(long)]
        reason: Option<String>,
        #[command(flatten)]
        actor: Actor,
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Give them up for good. They stay in the database, with the reason.
    Discard {
        /// The dead letters.
        #[arg(required = true)]
        ids: Vec<String>,
        /// Why; kept with each letter and in the audit log.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        actor: Actor,
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
}

/// How a list is printed.
#[derive(Debug, clap::Args)]
pub struct Output {
    /// One JSON document.
    #[arg(long, conflicts_with = "ids")]
    pub json: bool,
    /// One id a line, for pipes.
    #[arg(long)]
    pub ids: bool,
}

/// Who does it.
#[derive(Debug, clap::Args)]
pub struct Actor {
    /// Who does it, for the audit log [default: the system user].
    #[arg(long = "as", value_name = "NAME")]
    pub name: Option<String>,
}

/// A dead letter's state, on the command line.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum StateArg {
    /// Waits for someone.
    Open,
    /// Back in the queue.
    Retrying,
    /// Settled since.
    Resolved,
    /// Given up for good.
    Discarded,
    /// All of them.
    Any,
}

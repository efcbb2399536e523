//! The arguments of the program, and how they are read.

use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use super::accounts::AccountsCommand;
use super::audit::AuditCommand;
use super::backfill::BackfillArgs;
use super::config::ConfigCommand;
use super::dead_letters::DeadLettersCommand;
#[cfg(feature = "dev")]
use super::dev::DevArgs;
use super::events::args::EventsCommand;
use super::kinds::KindsArgs;
use super::manual::{CompletionsArgs, ManArgs};
use super::objects::args::{ObjectsCommand, ReconcileArgs};
use super::operations::OperationsCommand;
use super::outbox::OutboxCommand;
use super::queue::QueueCommand;
use super::status::StatusArgs;
use crate::domain::command::card_data;

/// Keeps a team's Postgres in sync with Stripe.
#[derive(Debug, Parser)]
#[command(
    name = "quittance",
    version,
    about,
    after_help = "Exit codes: 0 done · 1 failed · 2 wrong command line · 3 settings refused · \
                  4 wrong schema version · 5 partly done · 6 outcome not known yet"
)]
pub(super) struct Args {
    /// Settings that override the built-in ones (config/default.toml is the manual) [env:
    /// QUITTANCE_CONFIG].
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
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
    /// Create, confirm, capture, cancel and show payments.
    #[command(subcommand)]
    Payments(super::verbs::PaymentsCommand),
    /// Refund payments.
    #[command(subcommand)]
    Refunds(super::verbs::RefundsCommand),
    /// Create setup intents, by which customers save a payment method.
    #[command(subcommand)]
    Setups(super::verbs::SetupsCommand),
    /// Create and expire checkout sessions.
    #[command(subcommand)]
    Checkouts(super::verbs::CheckoutsCommand),
    /// Create, change and cancel subscriptions.
    #[command(subcommand)]
    Subscriptions(super::verbs::SubscriptionsCommand),
    /// Open the customer portal, in which a customer manages subscriptions and payment methods.
    #[command(subcommand)]
    Portal(super::verbs::PortalCommand),
    /// Create customers.
    #[command(subcommand)]
    Customers(super::verbs::CustomersCommand),
    /// List and inspect commands, and decide about dead ones.
    #[command(subcommand)]
    Commands(super::commands::CommandsCommand),
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
    /// Read existing objects from Stripe's lists, and record them.
    Backfill(BackfillArgs),
    /// List, inspect, cancel and resume bulk operations: on dead letters, refunds by a file, and backfills.
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
        after_help = "LAG: notifications that are not queued for a destination yet. PENDING: queued and not delivered yet.\nDEAD: dead-lettered. CLAIMED: jobs that a worker has fetched, running or prefetched.\n\nExit codes: 0 healthy · 1 not healthy (the text says why) · others as for all commands\n\nExamples:\n  quittance status\n  quittance status --watch 5\n  quittance status --json | jq .findings"
    )]
    Status(StatusArgs),
    /// Compare Stripe's list of events with the ledger, by id: is everything here?
    Verify(super::verify::VerifyArgs),
    /// List the background duties of the workers, and make one due now.
    Duties(super::duties::DutiesArgs),
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

/// `quittance worker`
#[derive(Debug, clap::Args)]
pub(super) struct WorkerArgs {
    /// The worker's name in logs and attempts [default: host name and pid].
    #[arg(long)]
    pub name: Option<String>,
}

/// A valid command line.
pub(super) struct Typed {
    pub(super) args: Args,
    /// The command as it is called: `quittance events list`.
    pub(super) command: String,
}

/// Reads the command line. A wrong one ends the program, and so does `--help`.
pub(super) fn typed() -> Typed {
    refuse_card_data();
    let matches = Args::command().try_get_matches();
    let read = matches.and_then(|matches| {
        let command = name(&matches);
        Args::from_arg_matches(&matches).map(|args| Typed { args, command })
    });
    match read {
        Ok(typed) => typed,
        Err(error) => {
            // If this fails, the exit code still reports the error.
            let _ = error.print();
            if let Some(hint) = hint(&error) {
                eprintln!("\n{hint}");
            }
            std::process::exit(error.exit_code())
        }
    }
}

/// Ends the program where an argument holds a card number, before it is printed, logged or stored as the
/// reason of an act.
fn refuse_card_data() {
    let given: Vec<_> = std::env::args_os().skip(1).collect();
    let texts: Vec<_> = given.iter().map(|text| text.to_string_lossy()).collect();
    // Without quotes each group of a number is an argument of its own.
    let mut groups = texts.split(|text| !text.chars().all(char::is_numeric));
    if texts.iter().any(|text| card_data::holds_number(text))
        || groups.any(|groups| card_data::holds_number(&groups.join(" ")))
    {
        eprintln!(
            "quittance: an argument holds something like a card number. Card numbers must never be given \
             here: name the customer, the payment or the order instead"
        );
        std::process::exit(2)
    }
}

/// The names of the command and its subcommands.
fn name(matches: &ArgMatches) -> String {
    let mut name = "quittance".to_owned();
    let mut next = matches.subcommand();
    while let Some((word, matches)) = next {
        name = format!("{name} {word}");
        next = matches.subcommand();
    }
    name
}

/// Advice that clap does not give.
fn hint(error: &clap::Error) -> Option<&'static str> {
    if error.kind() != ErrorKind::MissingRequiredArgument {
        return None;
    }
    let ContextValue::Strings(missing) = error.get(ContextKind::InvalidArg)? else { return None };
    let dead_letters = missing.iter().any(|it| it.contains("--all") && it.contains("--group"));
    dead_letters.then_some(
        "Name the dead letters by id, or select them: --group GROUP, or --all with filters such as \
         --code, --class, --event-type, --customer, --newer-than; see --help",
    )
}

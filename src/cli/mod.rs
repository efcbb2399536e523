//! The command line: parses the arguments, runs one command or role, prints its result.
//!
//! No other module but `main` and `dev` imports this one.

// First: the macros that it makes are for all that follow.
#[macro_use]
mod out;

mod accounts;
mod actor;
mod admin;
mod api;
mod args;
mod audit;
mod backfill;
mod bulk_refunds;
mod color;
mod commands;
mod config;
mod dead_letters;
mod delays;
#[cfg(feature = "dev")]
mod dev;
mod duties;
mod events;
mod format;
mod kinds;
mod manual;
mod objects;
mod operations;
mod outbox;
mod place;
mod queue;
mod retry;
mod status;
mod table;
mod verbs;
mod verify;

use std::process::ExitCode;

use args::{Args, Command};
use clap::CommandFactory as _;

use crate::roles::exit::{Exit, Failed};
use crate::roles::{self, server};
use crate::telemetry;

/// Runs the program; the exit codes are those in docs/cli.md.
#[must_use]
pub fn main() -> ExitCode {
    let typed = args::typed();
    match run(typed.args) {
        Ok(code) => code,
        Err((failed, advice)) => {
            eprintln!("{}: {failed}", typed.command);
            if let Some(advice) = advice {
                eprintln!("{advice}");
            }
            failed.exit.into()
        }
    }
}

/// Runs one command. A failure comes with lines of advice, if there are any.
fn run(args: Args) -> Result<ExitCode, (Failed, Option<String>)> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| (Failed::new(Exit::Failure, format!("cannot start: {error}")), None))?;
    // rustls has two crypto providers; with both linked, the program must choose. It uses ring.
    // It fails only when one was chosen before, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = args.config.clone();
    let done = runtime.block_on(async {
        match dispatch(args).await {
            Ok(code) => Ok(code),
            Err(failed) => Err(server::explained(config.as_deref(), failed).await),
        }
    });
    // Before the runtime goes, by which the last spans are sent.
    telemetry::end();
    done
}

async fn dispatch(args: Args) -> Result<ExitCode, Failed> {
    let config = args.config.as_deref();
    let exit = match args.command {
        Command::Ingress => roles::ingress(config).await,
        Command::Worker(worker) => roles::worker(config, worker.name).await,
        Command::Admin(args) => admin::run(config, args).await,
        Command::Api(args) => api::run(config, args).await,
        Command::Payments(command) => command.run(config).await,
        Command::Refunds(command) => command.run(config).await,
        Command::Setups(command) => command.run(config).await,
        Command::Checkouts(command) => command.run(config).await,
        Command::Subscriptions(command) => command.run(config).await,
        Command::Portal(command) => command.run(config).await,
        Command::Customers(command) => command.run(config).await,
        Command::Commands(command) => commands::run(config, command).await,
        Command::Migrate => roles::migrate(config).await.inspect(|_| {
            println!("The schema is up to date.");
        }),
        Command::Config(command) => config::run(config, command).await,
        Command::Accounts(command) => accounts::run(config, command).await,
        Command::Kinds(args) => Ok(kinds::run(&args)),
        Command::Completions(args) => Ok(manual::completions(&args, Args::command())),
        Command::Man(args) => manual::man(&args, Args::command()),
        Command::Events(command) => events::run(config, command).await,
        Command::Objects(command) => objects::run(config, command).await,
        Command::Reconcile(args) => objects::reconcile::run(config, args).await,
        Command::DeadLetters(command) => dead_letters::run(config, *command).await,
        Command::Backfill(args) => backfill::run(config, args).await,
        Command::Operations(command) => operations::run(config, command).await,
        Command::Outbox(command) => outbox::run(config, command).await,
        Command::Status(args) => status::run(config, args).await,
        Command::Verify(args) => verify::run(config, args).await,
        Command::Duties(args) => duties::run(config, args).await,
        Command::Queue(command) => queue::run(config, command).await,
        Command::Audit(command) => audit::run(config, command).await,
        #[cfg(feature = "dev")]
        Command::Dev(args) => return dev::run(args).await,
    };
    exit.map(ExitCode::from)
}

//! The command line: the place where a role is put together out of its parts.
//!
//! `main` owns sockets, signals and the runtime; the roles get a listener and a token that says
//! when to stop. Nobody imports this module.

mod accounts;
mod admin;
mod args;
mod budget;
mod config;
mod dead_letters;
#[cfg(feature = "dev")]
mod dev;
mod exit;
mod kinds;
mod numbers;
mod online;
mod outbox;
mod parts;
mod relay;
mod roles;
mod signals;
mod table;

use std::process::ExitCode;

use clap::Parser as _;

use args::{Args, Command};
use exit::{Exit, Failed};

/// Runs the program; the exit codes are those of [`exit::Exit`].
#[must_use]
pub fn main() -> ExitCode {
    let args = Args::parse();
    match run(args) {
        Ok(code) => code,
        Err(failed) => {
            eprintln!("quittance: {failed}");
            failed.exit.into()
        }
    }
}

fn run(args: Args) -> Result<ExitCode, Failed> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failed::new(Exit::Failure, format!("cannot start: {error}")))?;
    // rustls has two crypto providers; with both linked it asks to be told which. Ours is ring.
    // It fails only when one was chosen before, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    runtime.block_on(dispatch(args))
}

async fn dispatch(args: Args) -> Result<ExitCode, Failed> {
    let config = args.config.as_deref();
    let exit = match args.command {
        Command::Ingress => roles::ingress(config).await,
        Command::Worker(worker) => roles::worker(config, worker).await,
        Command::Admin(args) => admin::run(config, args).await,
        Command::Migrate => roles::migrate(config).await,
        Command::Config(command) => config::run(config, command).await,
        Command::Accounts(command) => accounts::run(config, command).await,
        Command::Kinds(args) => Ok(kinds::run(&args)),
        Command::DeadLetters(command) => dead_letters::run(config, command).await,
        Command::Outbox(command) => outbox::run(config, command).await,
        #[cfg(feature = "dev")]
        Command::Dev(args) => return dev::run(args).await,
    };
    exit.map(ExitCode::from)
}

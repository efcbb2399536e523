//! `quittance dev`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

use crate::dev::{self, Ended, Options};
use crate::roles::exit::{Exit, Failed};
use crate::roles::signals;

/// `quittance dev`
#[derive(Debug, clap::Args)]
#[command(
    after_help = "With STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRET set, it uses a Stripe sandbox instead of the simulator; with STRIPE_PUBLISHABLE_KEY, too, the shop shows Stripe's own card form.\n\nExamples:\n  quittance dev\n  quittance dev --payments 2000 --disasters"
)]
pub(crate) struct DevArgs {
    /// Run a command with a private Redis and Postgres instead.
    #[command(subcommand)]
    pub command: Option<DevCommand>,
    /// Run N payments, then verify every row against the simulator; exit code 0 only when
    /// nothing differs.
    #[arg(long, value_name = "N")]
    pub payments: Option<u32>,
    /// Random seed of the simulator.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Without duplicates, reordering and errors.
    #[arg(long)]
    pub calm: bool,
    /// Meanwhile kill workers, the ingress and the API, and crash and restart Redis and Postgres.
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
#[derive(Debug, Subcommand)]
pub(crate) enum DevCommand {
    /// Run a command with QUITTANCE_TEST_REDIS_URL and QUITTANCE_TEST_DATABASE_URL set.
    #[command(after_help = "Example:\n  quittance dev exec -- cargo test")]
    Exec {
        /// The command and its arguments.
        #[arg(last = true, required = true)]
        command: Vec<std::ffi::OsString>,
    },
}

/// A variable that is set to something.
fn set(name: &str) -> Option<String> {
    std::env::var_os(name)
        .map(|value| value.to_string_lossy().into_owned())
        .filter(|it| !it.is_empty())
}

pub(crate) async fn run(args: DevArgs) -> Result<ExitCode, Failed> {
    if let Some(DevCommand::Exec { command }) = args.command {
        let code = dev::exec(command).await;
        return code
            .map(ExitCode::from)
            .map_err(|error| Failed::because(Exit::Failure, "cannot run the command", &error));
    }
    let key = set("STRIPE_SECRET_KEY");
    let both = [&key, &set("STRIPE_WEBHOOK_SECRET")].map(Option::is_some);
    let real_stripe = both == [true, true];
    if real_stripe && key.is_some_and(|key| key.contains("_live_")) {
        let text =
            "STRIPE_SECRET_KEY is a key of live mode: use the key of a sandbox (sk_test_...)";
        return Err(Failed::new(Exit::Settings, text));
    }
    if let [true, false] | [false, true] = both {
        let names = ["STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"];
        let (is, other) = if both[0] { (names[0], names[1]) } else { (names[1], names[0]) };
        eprintln!(
            "Using the simulated Stripe: {is} is set, but {other} is not. Set both to use a Stripe sandbox."
        );
    }
    if real_stripe && (args.payments.is_some() || args.disasters) {
        let text = "--payments and --disasters need the simulator: unset STRIPE_SECRET_KEY and \
                    STRIPE_WEBHOOK_SECRET";
        return Err(Failed::new(Exit::Settings, text));
    }
    if real_stripe && set("STRIPE_PUBLISHABLE_KEY").is_some_and(|key| !key.starts_with("pk_test_"))
    {
        let text = "STRIPE_PUBLISHABLE_KEY must be that of a sandbox (pk_test_...), of the same account as \
                    STRIPE_SECRET_KEY";
        return Err(Failed::new(Exit::Settings, text));
    }
    let options = Options {
        payments: args.payments,
        seed: args.seed,
        calm: args.calm,
        faults: args.disasters,
        workers: args.workers,
        root: args.root,
        real_stripe,
        publishable_key: set("STRIPE_PUBLISHABLE_KEY"),
    };
    let ended = dev::run(options, signals::shutdown()?).await;
    match ended {
        Ok(Ended::Stopped) => Ok(Exit::Success.into()),
        Ok(Ended::Verdict(differences)) if differences.is_empty() => Ok(Exit::Success.into()),
        Ok(Ended::Verdict(_)) => Ok(Exit::Failure.into()),
        Err(error) => Err(Failed::because(Exit::Failure, "quittance dev ended", &error)),
    }
}

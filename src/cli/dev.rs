//! `quittance dev`

use std::process::ExitCode;

use super::args::{DevArgs, DevCommand};
use super::exit::{Exit, Failed};
use super::signals;
use crate::dev::{self, Ended, Options};

pub(crate) async fn run(args: DevArgs) -> Result<ExitCode, Failed> {
    if let Some(DevCommand::Exec { command }) = args.command {
        let code = dev::exec(command).await;
        return code
            .map(ExitCode::from)
            .map_err(|error| Failed::because(Exit::Failure, "cannot run the command", &error));
    }
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let real_stripe = set("STRIPE_SECRET_KEY") && set("STRIPE_WEBHOOK_SECRET");
    if real_stripe && (args.payments.is_some() || args.disasters) {
        let text = "--payments and --disasters need the simulator, but STRIPE_SECRET_KEY and \
                    STRIPE_WEBHOOK_SECRET are set, which choose the real Stripe: unset them";
        return Err(Failed::new(Exit::Settings, text));
    }
    let options = Options {
        payments: args.payments,
        seed: args.seed,
        calm: args.calm,
        disasters: args.disasters,
        workers: args.workers,
        root: args.root,
        real_stripe,
    };
    let ended = dev::run(options, signals::shutdown()?).await;
    match ended {
        Ok(Ended::Stopped) => Ok(Exit::Success.into()),
        Ok(Ended::Verdict(differences)) if differences.is_empty() => Ok(Exit::Success.into()),
        Ok(Ended::Verdict(_)) => Ok(Exit::Failure.into()),
        Err(error) => Err(Failed::because(Exit::Failure, "quittance dev ended", &error)),
    }
}

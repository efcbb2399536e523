//! `quittance dev`

use std::process::ExitCode;

use super::args::{DevArgs, DevCommand};
use crate::dev::{self, Ended, Options};
use crate::roles::exit::{Exit, Failed};
use crate::roles::signals;

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
        let text = "STRIPE_SECRET_KEY is a key of live mode, whose payments are no place to develop \
                    in: use the key of a sandbox (sk_test_...)";
        return Err(Failed::new(Exit::Settings, text));
    }
    if let [true, false] | [false, true] = both {
        let names = ["STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"];
        let (is, other) = if both[0] { (names[0], names[1]) } else { (names[1], names[0]) };
        eprintln!(
            "Stripe is simulated: {is} is set and {other} is not, and only both choose the real one."
        );
    }
    if real_stripe && (args.payments.is_some() || args.disasters) {
        let text = "--payments and --disasters need the simulator, but STRIPE_SECRET_KEY and \
                    STRIPE_WEBHOOK_SECRET are set, which choose the real Stripe: unset them";
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

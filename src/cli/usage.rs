//! What was typed, or what is wrong with it.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _};

use super::args::Args;
use crate::domain::command::card_data;

/// A command line that can be followed.
pub(super) struct Typed {
    pub(super) args: Args,
    /// The command as it is called: `quittance events list`.
    pub(super) command: String,
}

/// Reads the command line. One that is wrong ends the program, and so does a call for help.
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
            // Where that is not possible, the exit code says it.
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

fn name(matches: &ArgMatches) -> String {
    let mut name = "quittance".to_owned();
    let mut next = matches.subcommand();
    while let Some((word, matches)) = next {
        name = format!("{name} {word}");
        next = matches.subcommand();
    }
    name
}

/// What clap cannot know.
fn hint(error: &clap::Error) -> Option<&'static str> {
    if error.kind() != ErrorKind::MissingRequiredArgument {
        return None;
    }
    let ContextValue::Strings(missing) = error.get(ContextKind::InvalidArg)? else { return None };
    let letters = missing.iter().any(|it| it.contains("--all") && it.contains("--group"));
    letters.then_some(
        "Name the dead letters, or say which ones: --group GROUP, or --all with filters such as \
         --code, --class, --event-type, --customer, --newer-than; --help lists them",
    )
}

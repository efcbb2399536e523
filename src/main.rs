//! `quittance`: one binary, one subcommand a role. See `quittance --help`.
use std::process::ExitCode;

fn main() -> ExitCode {
    quittance::cli::main()
}

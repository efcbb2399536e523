//! The `quittance` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    match args.iter().filter_map(|arg| arg.to_str()).take(3).collect::<Vec<_>>()[..] {
        ["dev", "exec", "--"] => dev_exec(args.into_iter().skip(3).collect()),
        _ => {
            eprintln!("usage: quittance dev exec -- COMMAND...");
            ExitCode::from(2)
        }
    }
}

#[cfg(feature = "dev")]
fn dev_exec(command: Vec<std::ffi::OsString>) -> ExitCode {
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("quittance: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(quittance::dev::exec(command)) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("quittance: {error}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(not(feature = "dev"))]
fn dev_exec(_command: Vec<std::ffi::OsString>) -> ExitCode {
    eprintln!("quittance: this is a production build, without `quittance dev`");
    ExitCode::from(2)
}

//! Writes to standard output and standard error without panicking: the reader may close the pipe early
//! (`quittance events list | head`), or the disk may be full, where the standard macros panic.
//!
//! A closed pipe ends the program. A message that cannot be written to standard error is lost; the exit
//! code stays the same.

use std::fmt;
use std::io::{ErrorKind, Write as _, stderr, stdout};
use std::process;

use serde::Serialize;

use crate::roles::exit::{Exit, Failed};

/// Like the macro of the standard library, without its panics.
macro_rules! print {
    ($($text:tt)*) => { $crate::cli::out::write(format_args!($($text)*), "") };
}

/// Like the macro of the standard library, without its panics.
macro_rules! println {
    () => { $crate::cli::out::write(format_args!(""), "\n") };
    ($($text:tt)*) => { $crate::cli::out::write(format_args!($($text)*), "\n") };
}

/// Like the macro of the standard library, without its panics.
macro_rules! eprint {
    ($($text:tt)*) => { $crate::cli::out::write_error(format_args!($($text)*), "") };
}

/// Like the macro of the standard library, without its panics.
macro_rules! eprintln {
    ($($text:tt)*) => { $crate::cli::out::write_error(format_args!($($text)*), "\n") };
}

/// Writes a text and its end to standard error; failures are ignored.
pub(super) fn write_error(text: fmt::Arguments<'_>, end: &str) {
    // There is no other place to report a failure of standard error.
    let _ = write!(stderr().lock(), "{text}{end}");
}

/// Writes a text and its end.
pub(super) fn write(text: fmt::Arguments<'_>, end: &str) {
    let written = write!(stdout().lock(), "{text}{end}");
    match written {
        Ok(()) => {}
        // The reader closed the pipe.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => process::exit(0),
        // For example a full disk: truncated output must not look complete.
        Err(error) => {
            eprintln!("quittance: cannot write to standard output: {error}");
            process::exit(1);
        }
    }
}

/// Output format of a list.
#[derive(Debug, clap::Args)]
pub(super) struct Output {
    /// One JSON document.
    #[arg(long, conflicts_with = "ids")]
    pub json: bool,
    /// One id per line, for pipes.
    #[arg(long)]
    pub ids: bool,
}

/// Prints one JSON document.
pub(crate) fn print_json(document: &impl Serialize) -> Result<(), Failed> {
    println!("{}", json(document)?);
    Ok(())
}

/// Serialises a document as JSON.
pub(crate) fn json(document: &impl Serialize) -> Result<String, Failed> {
    serde_json::to_string(document).map_err(|error| {
        Failed::because(Exit::Failure, "the result could not be serialized as JSON", &error)
    })
}

//! Standard output and standard error, whose reader may leave before the end: `quittance events list |
//! head`, and which may be full.
//!
//! The standard macros panic then. Output that nobody reads any more ends the program; a message that
//! cannot be shown is lost, and the exit code still says what it would have said.

use std::fmt;
use std::io::{ErrorKind, Write as _, stderr, stdout};
use std::process;

/// As the standard one.
macro_rules! print {
    ($($text:tt)*) => { $crate::cli::out::write(format_args!($($text)*), "") };
}

/// As the standard one.
macro_rules! println {
    () => { $crate::cli::out::write(format_args!(""), "\n") };
    ($($text:tt)*) => { $crate::cli::out::write(format_args!($($text)*), "\n") };
}

/// As the standard one.
macro_rules! eprint {
    ($($text:tt)*) => { $crate::cli::out::tell(format_args!($($text)*), "") };
}

/// As the standard one.
macro_rules! eprintln {
    ($($text:tt)*) => { $crate::cli::out::tell(format_args!($($text)*), "\n") };
}

/// Writes a text and its end to standard error, if that is possible.
pub(super) fn tell(text: fmt::Arguments<'_>, end: &str) {
    // There is no other place to say that there is no place to say it.
    let _ = write!(stderr().lock(), "{text}{end}");
}

/// Writes a text and its end.
pub(super) fn write(text: fmt::Arguments<'_>, end: &str) {
    let written = write!(stdout().lock(), "{text}{end}");
    match written {
        Ok(()) => {}
        // The reader has what it wanted.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => process::exit(0),
        // A full disk, say: an output that is cut short must not look like a whole one.
        Err(error) => {
            eprintln!("quittance: cannot write to standard output: {error}");
            process::exit(1);
        }
    }
}

//! Standard output, whose reader may leave before the end: `quittance events list | head`.
//!
//! The standard macros panic then. These end the program: nobody is left to read what would follow.

use std::fmt;
use std::io::{ErrorKind, Write as _, stdout};
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

//! The log. docs/logging.md lists its lines.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

use crate::config::{Log, LogFormat};

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// `log.filter` is none.
    #[error("log.filter: {0}")]
    Filter(#[from] ParseError),
    /// The process already has a log.
    #[error("the log is already set up")]
    Twice(#[from] TryInitError),
}

/// Starts the log, on standard error: standard output belongs to what a command was asked for.
///
/// # Errors
/// The filter cannot be read, or there is a log already.
pub fn init(log: &Log) -> Result<(), TelemetryError> {
    let filter = EnvFilter::builder().parse(&log.filter)?;
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let terminal = std::io::stderr().is_terminal();
    let json = match log.format {
        LogFormat::Json => true,
        LogFormat::Pretty => false,
        LogFormat::Auto => !terminal,
    };
    let registry = tracing_subscriber::registry().with(filter);
    if json {
        // The list of spans would repeat the current one.
        registry.with(lines.json().flatten_event(true).with_span_list(false)).try_init()?;
    } else {
        registry.with(lines.with_ansi(terminal)).try_init()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_cannot_be_read_is_refused_by_its_key() {
        let log = Log { format: LogFormat::Auto, filter: "a=b=c".into() };
        let error = init(&log).unwrap_err().to_string();
        assert!(error.starts_with("log.filter: "), "{error}");
    }
}

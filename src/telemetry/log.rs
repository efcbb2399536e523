//! Setup of the log. docs/logging.md lists its lines.

use std::io::IsTerminal as _;

use tracing_subscriber::filter::{FilterFn, LevelFilter, ParseError};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};
use tracing_subscriber::{EnvFilter, Layer as _};

use super::trace::{self, SPANS};
use crate::config::{Log, LogFormat, Telemetry};

/// Failure to set up the log or the export of traces.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// `log.filter` cannot be parsed.
    #[error("log.filter: {0}")]
    Filter(#[from] ParseError),
    /// The process already has a log.
    #[error("the log is already set up")]
    Twice(#[from] TryInitError),
    /// Traces can be sent only from within a runtime.
    #[error("traces cannot be sent from here")]
    Runtime,
    /// TLS cannot be set up.
    #[error("traces cannot be sent over TLS")]
    Tls(#[source] rustls::Error),
    /// The exporter refuses its settings.
    #[error("telemetry.otlp_endpoint: {0}")]
    Exporter(String),
}

/// Starts the log, on standard error, because standard output is for the results of commands; and the export of
/// traces, if a collector is configured.
///
/// # Errors
/// The filter cannot be parsed, the process has a log already, or the export of traces cannot be set up.
pub fn init(log: &Log, telemetry: &Telemetry, role: &str) -> Result<(), TelemetryError> {
    // Log lines show the span of the job, and none of the spans of traces.
    let none_of_them = format!("{SPANS}=off").parse()?;
    let filter = EnvFilter::builder().parse(&log.filter)?.add_directive(none_of_them);
    let tracer = trace::begin(telemetry, role)?;
    // A line that cannot be written is lost: reporting that on the same output would end the thread.
    let lines =
        tracing_subscriber::fmt::layer().with_writer(std::io::stderr).log_internal_errors(false);
    let terminal = std::io::stderr().is_terminal();
    let json = match log.format {
        LogFormat::Json => true,
        LogFormat::Pretty => false,
        LogFormat::Auto => !terminal,
    };
    let lines = if json {
        // The list of spans would repeat the current span.
        lines.json().flatten_event(true).with_span_list(false).with_filter(filter).boxed()
    } else {
        lines.with_ansi(terminal).with_filter(filter).boxed()
    };
    let spans = tracer.map(|tracer| {
        let ours = FilterFn::new(|metadata| metadata.is_span() && metadata.target() == SPANS);
        tracing_opentelemetry::layer()
            .with_tracer(tracer)
            .with_context_activation(false)
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(ours.with_max_level_hint(LevelFilter::INFO))
    });
    tracing_subscriber::registry().with(lines).with(spans).try_init()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;

    #[test]
    fn a_filter_that_cannot_be_parsed_is_refused_with_its_key() {
        let log = Log { format: LogFormat::Auto, filter: "a=b=c".into() };
        let telemetry = Telemetry { otlp_endpoint: Secret::default(), sample_ratio: 1.0 };
        let error = init(&log, &telemetry, "worker").unwrap_err().to_string();
        assert!(error.starts_with("log.filter: "), "{error}");
    }
}

//! Traces: one from a webhook's request through the queue to the commit.
//!
//! ```text
//! webhook ──▶ wait ┄┄ attempt ──▶ flight ──▶ fetch, apply
//!   │                                ┆ (linked)
//!   └──────── wait ┄┄ attempt ┄┄┄┄┄┄┄┘   events that share a call (flight); each retry is another attempt
//! ```
//!
//! The W3C `traceparent` of a job connects the processes. Spans are made where the work is done, by `tracing`
//! with the target [`SPANS`]: only those are exported, and no log line shows them. Without a configured collector
//! there are no spans.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry::trace::{
    Span as _, SpanContext, SpanId, SpanKind, TraceContextExt as _, TraceFlags, TraceId,
    TraceState, Tracer as _, TracerProvider as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{RetryPolicy, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracer, SdkTracerProvider,
};
use tokio::runtime::Handle;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::collector::Collector;
use super::log::TelemetryError;
use crate::config;

/// Target of the spans that are exported.
pub const SPANS: &str = "otel";

/// Longest time that a span waits for its batch.
const BATCH_DELAY: Duration = Duration::from_secs(1);

/// Longest time for exporting the last spans at the end.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(4);

/// One per process, like the log.
static PROVIDER: OnceLock<SdkTracerProvider> = OnceLock::new();

/// Starts the export, if a collector is configured.
pub(super) fn begin(
    telemetry: &config::Telemetry,
    role: &str,
) -> Result<Option<SdkTracer>, TelemetryError> {
    if telemetry.otlp_endpoint.is_empty() {
        return Ok(None);
    }
    let runtime = Handle::try_current().map_err(|_| TelemetryError::Runtime)?;
    let base = telemetry.otlp_endpoint.reveal().trim_end_matches('/');
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Collector::new(runtime).map_err(TelemetryError::Tls)?)
        .with_endpoint(format!("{base}/v1/traces"))
        .with_retry_policy(RetryPolicy::disabled())
        .build()
        .map_err(|error| TelemetryError::Exporter(error.to_string()))?;
    let batches = BatchConfigBuilder::default().with_scheduled_delay(BATCH_DELAY).build();
    let resource = Resource::builder()
        .with_service_name(format!("quittance-{role}"))
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    let ratio = Sampler::TraceIdRatioBased(telemetry.sample_ratio);
    let provider = SdkTracerProvider::builder()
        .with_span_processor(
            BatchSpanProcessor::builder(exporter).with_batch_config(batches).build(),
        )
        .with_sampler(Sampler::ParentBased(Box::new(ratio)))
        .with_resource(resource)
        .build();
    let tracer = provider.tracer("quittance");
    PROVIDER.set(provider).map_err(|_| TelemetryError::Exporter("it was started before".into()))?;
    Ok(Some(tracer))
}

/// Exports the remaining spans. Blocks the thread for a few seconds at most; the runtime must still run.
pub fn end() {
    if let Some(provider) = PROVIDER.get()
        && let Err(error) = provider.shutdown_with_timeout(SHUTDOWN_TIMEOUT)
    {
        tracing::debug!(%error, "the last spans were not sent");
    }
}

/// A span with an explicit start time; exported when it is dropped.
pub struct Step {
    span: Option<opentelemetry_sdk::trace::Span>,
}

impl Step {
    /// Starts the span of a request received at this time, in the trace of `traceparent` or in a new one.
    #[must_use]
    pub fn received(name: &'static str, at: SystemTime, traceparent: Option<&str>) -> Self {
        Self::begin(name, SpanKind::Server, at, traceparent)
    }

    /// Exports the span of a job's wait, from and until Unix times in milliseconds.
    pub fn waited(from_ms: i64, until_ms: i64, traceparent: Option<&str>, lane: &'static str) {
        // The wait of a job without a trace belongs to no trace.
        if traceparent.is_none() {
            return;
        }
        let mut step = Self::begin("wait", SpanKind::Consumer, moment(from_ms), traceparent);
        step.note("lane", lane);
        if let Some(span) = &mut step.span {
            span.end_with_timestamp(moment(until_ms));
        }
    }

    fn begin(
        name: &'static str,
        kind: SpanKind,
        at: SystemTime,
        traceparent: Option<&str>,
    ) -> Self {
        let span = PROVIDER.get().map(|provider| {
            let tracer = provider.tracer("quittance");
            let builder = tracer.span_builder(name).with_kind(kind).with_start_time(at);
            let parent = traceparent.and_then(remote).unwrap_or_default();
            tracer.build_with_context(builder, &parent)
        });
        Self { span }
    }

    /// Adds an attribute.
    pub fn note(&mut self, key: &'static str, value: impl Into<String>) {
        if let Some(span) = &mut self.span {
            span.set_attribute(KeyValue::new(key, value.into()));
        }
    }

    /// The `traceparent` for children of this span; `None` if nothing is exported.
    #[must_use]
    pub fn traceparent(&self) -> Option<String> {
        let context = self.span.as_ref()?.span_context();
        context.is_valid().then(|| {
            let (trace, span) = (context.trace_id(), context.span_id());
            format!("00-{trace}-{span}-{:02x}", context.trace_flags().to_u8())
        })
    }
}

fn moment(at_ms: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(at_ms).unwrap_or_default())
}

/// Makes a span a child of the span in a `traceparent`. Call it before the span is entered.
pub fn go_on(span: &tracing::Span, traceparent: Option<&str>) {
    if let Some(parent) = traceparent.and_then(remote)
        && let Err(error) = span.set_parent(parent)
    {
        // A span that is not exported belongs to no trace.
        tracing::trace!(%error, "a span stands alone");
    }
}

/// Parses the context of a `traceparent`: `00-<trace id>-<span id>-<flags>`.
fn remote(traceparent: &str) -> Option<Context> {
    let mut parts = traceparent.split('-').skip(1);
    let trace = TraceId::from_hex(parts.next()?).ok()?;
    let span = SpanId::from_hex(parts.next()?).ok()?;
    let flags = TraceFlags::new(u8::from_str_radix(parts.next()?, 16).ok()?);
    let context = SpanContext::new(trace, span, flags, true, TraceState::default());
    context.is_valid().then(|| Context::new().with_remote_span_context(context))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_traceparent_is_ignored() {
        let read = |text| remote(text).map(|context| context.span().span_context().clone());
        let context =
            read("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").expect("it is one");
        assert_eq!(context.trace_id().to_string(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(context.span_id().to_string(), "b7ad6b7169203331");
        assert!(context.is_sampled() && context.is_remote());
        for odd in [
            "",
            "00",
            "00-x-y-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        ] {
            assert!(read(odd).is_none(), "{odd}");
        }
    }

    #[test]
    fn without_an_exporter_a_span_has_no_traceparent() {
        let mut step = Step::received("webhook", SystemTime::now(), None);
        step.note("result", "queued");
        assert_eq!(step.traceparent(), None);
    }
}

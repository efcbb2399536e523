//! Traces: one from a webhook's request through the queue to the commit.
//!
//! ```text
//! webhook ──▶ wait ┄┄ attempt ──▶ flight ──▶ fetch, apply
//!   │                                ┆ (linked)
//!   └──────── wait ┄┄ attempt ┄┄┄┄┄┄┄┘   events that share a flight; each retry is one more attempt
//! ```
//!
//! What connects the processes is the W3C `traceparent` that a job carries. Spans are made where the
//! work is done, by `tracing` with the target [`SPANS`]: only those are exported, and no log line
//! shows them. Nothing of this exists where no collector is configured.

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

/// The target of the spans that are exported.
pub const SPANS: &str = "otel";

/// How long spans wait for company.
const GATHERED: Duration = Duration::from_secs(1);

/// How long the end may take for the last of them.
const FAREWELL: Duration = Duration::from_secs(4);

/// One a process, like the log.
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
    let batches = BatchConfigBuilder::default().with_scheduled_delay(GATHERED).build();
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

/// Sends what is left. Blocks the thread for a few seconds at most, and needs the runtime still to be
/// there.
pub fn end() {
    if let Some(provider) = PROVIDER.get()
        && let Err(error) = provider.shutdown_with_timeout(FAREWELL)
    {
        tracing::debug!(%error, "the last spans were not sent");
    }
}

/// A step that is known by its begin, not by the code that runs in it; exported when it is dropped.
pub struct Step {
    span: Option<opentelemetry_sdk::trace::Span>,
}

impl Step {
    /// A request that was received at this time: goes on with the trace of `traceparent`, or begins
    /// one.
    #[must_use]
    pub fn received(name: &'static str, at: SystemTime, traceparent: Option<&str>) -> Self {
        Self::begin(name, SpanKind::Server, at, traceparent)
    }

    /// A job that waited from then to then, in Unix milliseconds.
    pub fn waited(from_ms: i64, until_ms: i64, traceparent: Option<&str>, lane: &'static str) {
        // A job without a trace waited, too, but there is nothing that its wait would be part of.
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

    /// Adds a fact.
    pub fn note(&mut self, key: &'static str, value: impl Into<String>) {
        if let Some(span) = &mut self.span {
            span.set_attribute(KeyValue::new(key, value.into()));
        }
    }

    /// What makes others go on from here; none where nothing is exported.
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

/// Makes a span go on with the trace of a `traceparent`. To be called before it is entered.
pub fn go_on(span: &tracing::Span, traceparent: Option<&str>) {
    if let Some(parent) = traceparent.and_then(remote)
        && let Err(error) = span.set_parent(parent)
    {
        // A span that is not exported has no place in a trace.
        tracing::trace!(%error, "a span stands alone");
    }
}

/// The context of a `traceparent`: `00-<trace id>-<span id>-<flags>`.
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
    fn a_traceparent_is_read_whole_or_not_at_all() {
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
    fn where_nothing_is_exported_no_step_leads_anywhere() {
        let mut step = Step::received("webhook", SystemTime::now(), None);
        step.note("result", "queued");
        assert_eq!(step.traceparent(), None);
    }
}

//! A task for the reconciler, without a queue before it.

use std::time::Instant;

use quittance::envelope;
use quittance::reconcile::EventTask;
use quittance::store::Receipt;
use serde_json::Value;

/// To settle this event, at the first attempt.
pub(crate) fn request(event: &Value) -> EventTask {
    let (event, object) = envelope::parse_with_object(event.to_string().as_bytes()).unwrap();
    EventTask {
        event,
        object,
        resent: false,
        receipt: Receipt {
            source: "webhook",
            endpoint: "default".into(),
            received_at_ms: 1_700_000_000_000,
            secret_index: Some(0),
        },
        attempt: 1,
        started_at_ms: 1_700_000_000_000,
        started: Instant::now(),
        worker: "test".into(),
        trace_id: None,
    }
}

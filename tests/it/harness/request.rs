//! What the road is asked for, without a queue before it.

use std::time::Instant;

use bytes::Bytes;
use quittance::envelope;
use quittance::reconcile::Request;
use quittance::store::Receipt;
use serde_json::Value;

/// To settle this event, at the first attempt.
pub(crate) fn request(event: &Value) -> Request {
    let body = Bytes::from(event.to_string());
    Request {
        event: envelope::parse(&body).unwrap(),
        body,
        resent: false,
        receipt: Receipt {
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

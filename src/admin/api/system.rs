//! What there is at all.

use axum::Json;
use serde_json::Value;

/// Which kinds of object and which types of event are handled.
#[utoipa::path(get, path = "/kinds", tag = "system", responses((status = 200, body = Value)))]
pub(super) async fn kinds() -> Json<Value> {
    Json(Value::Null)
}

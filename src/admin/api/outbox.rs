//! What the product is told.

use axum::Json;
use serde_json::Value;

/// How far each destination is.
#[utoipa::path(get, path = "/outbox/destinations", tag = "outbox", responses((status = 200, body = Value)))]
pub(super) async fn destinations() -> Json<Value> {
    Json(Value::Null)
}

/// What was given up.
#[utoipa::path(get, path = "/outbox/dead", tag = "outbox", responses((status = 200, body = Value)))]
pub(super) async fn dead() -> Json<Value> {
    Json(Value::Null)
}

/// Send again what was given up.
#[utoipa::path(post, path = "/outbox/retry", tag = "outbox", responses((status = 200, body = Value)))]
pub(super) async fn retry() -> Json<Value> {
    Json(Value::Null)
}

//! The JSON of large objects: the shape of the API version, and fields beyond one `json!`.

use serde_json::Value;

/// Whether a version shows objects as they were before 2022-11-15, when a PaymentIntent carried
/// its charges and a charge its refunds (docs.stripe.com, "Upgrades", 2022-11-15).
pub(super) fn is_before_2022_11_15(version: &str) -> bool {
    version < "2022-11-15"
}

/// One object of two: a single `json!` of this size goes beyond the macro's depth.
pub(super) fn merge(value: &mut Value, rest: Value) {
    if let (Value::Object(fields), Value::Object(more)) = (value, rest) {
        fields.extend(more);
    }
}

//! `[redaction]`

use serde::Deserialize;

/// `[redaction]`: what is dropped from an object before it is stored.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redaction {
    /// Paths of the fields, beyond those that are always dropped.
    pub paths: Vec<RedactedPath>,
}

/// The path of a field that is dropped: `email`, `billing_details.address`, `*.name`,
/// `customer:name`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct RedactedPath {
    /// The `object` that the path begins at; none: it begins at any depth of anything.
    pub object: Option<String>,
    /// The fields, outermost first; `*` stands for any one field. Lists are passed through.
    pub fields: Vec<String>,
}

/// Fields without which an object could not be told, ordered or put into its table.
const NEEDED: &[&str] =
    &["id", "object", "livemode", "created", "status", "currency", "deleted", "version", "account"];

/// Fields of an object itself that a table cannot be without. Within another object (`refunds.reason`)
/// they may go.
const COLUMNS: &[&str] = &[
    "active",
    "amount",
    "amount_capturable",
    "amount_captured",
    "amount_due",
    "amount_paid",
    "amount_received",
    "amount_refunded",
    "amount_remaining",
    "amount_returned",
    "arrival_date",
    "attempt_count",
    "automatic",
    "billing_scheme",
    "cancel_at_period_end",
    "capture_method",
    "captured",
    "charges_enabled",
    "collection_method",
    "current_period_end",
    "current_period_start",
    "customer",
    "delinquent",
    "destination_type",
    "details_submitted",
    "disputed",
    "end_behavior",
    "evidence_past_due",
    "expires_at",
    "has_evidence",
    "is_charge_refundable",
    "method",
    "mode",
    "paid_out_of_band",
    "payment_status",
    "payouts_enabled",
    "period_end",
    "period_start",
    "price",
    "product",
    "reason",
    "refunded",
    "submission_count",
    "subscription",
    "subtotal",
    "total",
    "type",
    "usage",
];

impl TryFrom<String> for RedactedPath {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (object, path) = match text.split_once(':') {
            Some((object, path)) => (Some(object.to_owned()), path),
            None => (None, &*text),
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        if object.as_ref().is_some_and(|name| name.is_empty() || !name.chars().all(plain)) {
            return Err(format!(
                "`{text}`: before the colon stands the name of an object, such as `customer`"
            ));
        }
        let fields: Vec<String> = path.split('.').map(str::to_owned).collect();
        let good = |field: &String| {
            field == "*" || (!field.is_empty() && field.chars().all(|c| plain(c) && c != '.'))
        };
        if !fields.iter().all(good) {
            return Err(format!(
                "`{text}` is not a path: fields are parted by dots, and * stands for one"
            ));
        }
        match fields.last().map(String::as_str) {
            Some("*") | None => Err(format!("`{text}` names no field at its end")),
            Some(last)
                if NEEDED.contains(&last) || (fields.len() == 1 && COLUMNS.contains(&last)) =>
            {
                Err(format!("`{text}` would drop `{last}`, without which nothing can be stored"))
            }
            Some(_) => Ok(Self { object, fields }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_read() {
        let path = RedactedPath::try_from("checkout.session:customer_details.*.email".to_owned());
        let path = path.unwrap();
        assert_eq!(path.object.as_deref(), Some("checkout.session"));
        assert_eq!(path.fields, ["customer_details", "*", "email"]);
    }

    #[test]
    fn what_a_table_needs_may_go_where_it_is_not_the_tables_own() {
        for text in ["refunds.reason", "*.type", "name", "product:name"] {
            assert!(RedactedPath::try_from(text.to_owned()).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_is_no_path_or_drops_what_is_needed_is_refused() {
        for text in [
            "",
            ".",
            "a..b",
            "*",
            "a.*",
            ":email",
            "a b",
            "é",
            "id",
            "*.status",
            "charge:currency",
            "reason",
            "dispute:reason",
        ] {
            assert!(RedactedPath::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}

//! Settings of redaction: `[redaction]`, and the fields that it must not drop.

use serde::Deserialize;

/// `[redaction]`: fields that are dropped from objects before they are stored.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redaction {
    /// Paths of the fields, in addition to those that are always dropped.
    pub paths: Vec<RedactedPath>,
    /// Fields of free text whose long numbers are not taken for card numbers: `metadata.order`.
    pub card_data_exempt: Vec<String>,
}

/// The path of a field that is dropped: `email`, `billing_details.address`, `*.name`,
/// `customer:name`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct RedactedPath {
    /// The `object` where the path starts; `None`: it starts at any depth of any object.
    pub object: Option<String>,
    /// The fields, outermost first; `*` stands for any one field. Lists are passed through.
    pub fields: Vec<String>,
}

/// Fields in which no path may end: type, existence and references of an object. None of them is personal data.
const NEEDED: &[&str] = &[
    "account",
    "alert",
    "charge",
    "created",
    "currency",
    "customer",
    "data",
    "deleted",
    "fee",
    "has_more",
    "id",
    "latest_charge",
    "livemode",
    "object",
    "payment_intent",
    "status",
    "subscription",
    "test_clock",
];

/// Further fields that the tables and the rules need, by `object`. Each path includes its parents.
const NEEDED_OF: &[(&str, &[&str])] = &[
    (
        "account",
        &[
            "capabilities",
            "charges_enabled",
            "details_submitted",
            "payouts_enabled",
            "requirements.current_deadline",
            "requirements.currently_due",
            "requirements.disabled_reason",
            "requirements.past_due",
        ],
    ),
    (
        "capability",
        &[
            "requirements.current_deadline",
            "requirements.currently_due",
            "requirements.disabled_reason",
            "requirements.past_due",
        ],
    ),
    (
        "charge",
        &[
            "amount",
            "amount_captured",
            "amount_refunded",
            "captured",
            "disputed",
            "refunded",
            "transfer_data.destination",
        ],
    ),
    ("checkout.session", &["expires_at", "mode", "payment_status"]),
    ("customer", &["delinquent"]),
    (
        "dispute",
        &[
            "amount",
            "evidence_details.has_evidence",
            "evidence_details.past_due",
            "evidence_details.submission_count",
            "is_charge_refundable",
            "reason",
        ],
    ),
    (
        "invoice",
        &[
            "amount_due",
            "amount_paid",
            "amount_paid_off_stripe",
            "amount_remaining",
            "attempt_count",
            "collection_method",
            "paid_out_of_band",
            "payments.data.is_default",
            "payments.data.payment",
            "period_end",
            "period_start",
            "subtotal",
            "total",
        ],
    ),
    (
        "payment_intent",
        &[
            "amount",
            "amount_capturable",
            "amount_received",
            "capture_method",
            "transfer_data.destination",
        ],
    ),
    ("payment_method", &["type"]),
    ("payout", &["amount", "arrival_date", "automatic", "method", "type"]),
    (
        "price",
        &[
            "active",
            "billing_scheme",
            "product",
            "recurring.interval",
            "recurring.interval_count",
            "recurring.usage_type",
        ],
    ),
    ("product", &["active"]),
    ("refund", &["amount"]),
    ("setup_intent", &["usage"]),
    ("source_mandate_notification", &["source"]),
    ("source_transaction", &["source"]),
    (
        "subscription",
        &[
            "cancel_at_period_end",
            "collection_method",
            "current_period_end",
            "current_period_start",
            "items.data.current_period_end",
            "items.data.current_period_start",
            "items.data.price.product",
            "pause_collection.behavior",
        ],
    ),
    ("subscription_item", &["current_period_end", "current_period_start", "price.product"]),
    (
        "subscription_schedule",
        &["current_phase.end_date", "current_phase.start_date", "end_behavior"],
    ),
];

/// The object whose required fields a path could drop, if there is one.
fn takes_from(object: Option<&str>, fields: &[String]) -> Option<&'static str> {
    // A path without an object starts at any depth, so it can match the middle of a longer one.
    let begins = |needed: &[&str]| {
        needed.len() >= fields.len()
            && fields.iter().zip(needed).all(|(field, name)| field == "*" || field == name)
    };
    let hits = |needed: &&str| {
        let names: Vec<&str> = needed.split('.').collect();
        match object {
            Some(_) => begins(&names),
            None => (0..names.len()).any(|from| begins(names.get(from..).unwrap_or_default())),
        }
    };
    NEEDED_OF
        .iter()
        .filter(|(of, _)| object.is_none_or(|object| object == *of))
        .find(|(_, paths)| paths.iter().any(&hits))
        .map(|(of, _)| *of)
}

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
            Some("*") | None => return Err(format!("`{text}` names no field at its end")),
            Some(last) if NEEDED.contains(&last) => {
                return Err(format!(
                    "`{text}` would drop `{last}`, without which nothing can be stored"
                ));
            }
            Some(_) => {}
        }
        if let Some(of) = takes_from(object.as_deref(), &fields) {
            let other =
                if object.is_none() { "; name another object before it, with a colon" } else { "" };
            return Err(format!(
                "`{text}` would drop what the row of every {of} is made of{other}"
            ));
        }
        Ok(Self { object, fields })
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
        for text in [
            "refunds.reason",
            "*.type",
            "name",
            "product:name",
            "refund:reason",
            "charge:source",
            "payment_intent:customer.email",
            "evidence_details.due_by",
            "items.data.price.nickname",
        ] {
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
            // What holds it is needed, too.
            "items",
            "subscription:items",
            "subscription_item:price",
            "*.price",
            "evidence_details",
            "transfer_data",
            "payments.data",
            // What it leads to.
            "payment_intent:latest_charge",
            "charge:payment_intent",
            "refund:charge",
            "payment_method:customer",
        ] {
            assert!(RedactedPath::try_from(text.to_owned()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_refusal_says_what_to_do() {
        let refused = |text: &str| RedactedPath::try_from(text.to_owned()).unwrap_err();
        assert_eq!(
            refused("reason"),
            "`reason` would drop what the row of every dispute is made of; name another object \
             before it, with a colon"
        );
        assert_eq!(
            refused("dispute:reason"),
            "`dispute:reason` would drop what the row of every dispute is made of"
        );
    }
}

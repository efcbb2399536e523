//! The arguments that all verbs share.

use std::time::Duration;

use serde_json::{Value, json};

use super::fields::Fields;
use crate::cli::actor::ActorArg;
use crate::domain::command::{CommandKind, amount};

/// What a verb asks for.
#[derive(Debug)]
pub(super) struct Request {
    /// What is asked.
    pub(super) kind: CommandKind,
    /// What it is about, where the parameters do not say it: the payment that is captured.
    pub(super) target: Option<String>,
    /// Its parameters.
    pub(super) fields: Fields,
    /// What its key is made of where none is given.
    pub(super) default_key: DefaultKey,
}

/// The key of a request that is given none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DefaultKey {
    /// A random one: the same command typed again is another request. For what may be wanted twice, and for
    /// what the object's own status lets happen only once.
    Random,
    /// One that is made of the request: the same command typed again is the same request. For what moves money
    /// out of a payment or ends an object.
    OfRequest,
}

/// How a request is made, whatever it asks for.
#[derive(Debug, clap::Args)]
pub(super) struct How {
    /// More parameters: a JSON object, @FILE, or @- for the standard input; names and shapes as in the API.
    #[arg(long, value_name = "JSON")]
    pub(super) data: Option<String>,
    /// Name of the request: a repeated one with the same key gets the same answer, and is carried out once.
    #[arg(long, value_name = "KEY")]
    pub(super) idempotency_key: Option<String>,
    /// Show the request to Stripe, and the rule that would refuse it. Nothing is sent or written.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Wait for the outcome where it is not known at once; without a duration 5 minutes.
    #[arg(
        long, value_name = "DURATION", num_args = 0..=1, require_equals = true,
        default_missing_value = "5m", value_parser = humantime::parse_duration,
        conflicts_with = "dry_run"
    )]
    pub(super) wait: Option<Duration>,
    /// One JSON document.
    #[arg(long)]
    pub(super) json: bool,
    /// Why, for the audit log.
    #[arg(long, value_name = "TEXT")]
    pub(super) audit_reason: Option<String>,
    #[command(flatten)]
    pub(super) actor: ActorArg,
}

/// An amount in the smallest unit, and nothing else.
pub(super) fn whole(text: &str) -> Result<i64, String> {
    amount::whole("amount", text).map_err(|breach| breach.detail)
}

/// `order_id=42`
pub(super) fn pair(text: &str) -> Result<(String, String), &'static str> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        Some(_) | None => Err("write it like order_id=42"),
    }
}

/// `price_1=2`: a price, and how many of it.
pub(super) fn priced(text: &str) -> Result<Value, &'static str> {
    let Some((price, quantity)) = text.split_once('=') else { return Ok(json!({ "price": text })) };
    let quantity: u32 =
        quantity.parse().map_err(|_| "write it like price_1...=2: a price, and how many")?;
    Ok(json!({ "price": price, "quantity": quantity }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_a_whole_number_and_the_refusal_says_of_what() {
        assert_eq!(whole("1999"), Ok(1999));
        for text in ["19.99", "1e3", "20 EUR", ""] {
            assert!(whole(text).unwrap_err().contains("1999 for 19.99 EUR"), "{text}");
        }
    }

    #[test]
    fn a_pair_has_a_key() {
        assert_eq!(pair("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert!(pair("=b").is_err() && pair("a").is_err());
    }

    #[test]
    fn what_is_bought_is_a_price_and_how_many() {
        assert_eq!(priced("price_1"), Ok(json!({"price": "price_1"})));
        assert_eq!(priced("price_1=2"), Ok(json!({"price": "price_1", "quantity": 2})));
        assert!(priced("price_1=two").is_err() && priced("price_1=-1").is_err());
    }
}

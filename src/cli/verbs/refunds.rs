//! `quittance refunds`

use std::path::Path;

use super::args::{DefaultKey, How, Request, pair, whole};
use super::fields::Fields;
use super::submit;
use crate::domain::command::CommandKind;
use crate::domain::id::ObjectId;
use crate::roles::exit::{Exit, Failed};

/// `quittance refunds ...`
#[derive(Debug, clap::Subcommand)]
pub(in crate::cli) enum RefundsCommand {
    /// Refund a payment or a charge, whole or in part.
    #[command(
        after_help = "Without --idempotency-key the key is made of the request: the same command typed again is answered, and refunds\nnothing more. A second refund of the same amount takes a key of its own. A refund that was refused can be typed again.\n\nExamples:\n  quittance refunds create pi_3PX... --amount 500 --reason requested_by_customer\n  quittance refunds create pi_3PX... --amount 500 --idempotency-key return-8\n  quittance refunds create ch_3PX... --dry-run"
    )]
    Create(CreateRefund),
}

/// `quittance refunds create`
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct CreateRefund {
    /// The payment (pi_...) or the charge (ch_..., py_...).
    #[arg(value_name = "PAYMENT|CHARGE", value_parser = source)]
    source: Source,
    /// A part, in the currency's smallest unit [default: all that is left].
    #[arg(long, value_name = "AMOUNT", value_parser = whole)]
    amount: Option<i64>,
    /// Stripe's reason.
    #[arg(long, value_name = "REASON", value_parser = ["duplicate", "fraudulent", "requested_by_customer"])]
    reason: Option<String>,
    /// Take the money back from the connected account of a destination charge.
    #[arg(long)]
    reverse_transfer: bool,
    /// Give the platform's fee back, too.
    #[arg(long)]
    refund_application_fee: bool,
    /// Your own link to your rows; repeat it for several.
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    metadata: Vec<(String, String)>,
    #[command(flatten)]
    how: How,
}

/// What is refunded.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    Payment(String),
    Charge(String),
}

const NO_SOURCE: &str = "a refund is of a payment, pi_..., or of a charge, ch_... or py_...";

fn source(text: &str) -> Result<Source, &'static str> {
    let made = ObjectId::parse_made_by_stripe(text).is_ok();
    match text.split_once('_') {
        Some((_, "")) => Err(NO_SOURCE),
        Some(("pi", _)) if made => Ok(Source::Payment(text.to_owned())),
        Some(("ch" | "py", _)) if made => Ok(Source::Charge(text.to_owned())),
        Some(_) | None => Err(NO_SOURCE),
    }
}

impl RefundsCommand {
    pub(in crate::cli) async fn run(self, config: Option<&Path>) -> Result<Exit, Failed> {
        match self {
            Self::Create(it) => {
                let (request, how) = create(it);
                submit::run(config, request, how).await
            }
        }
    }
}

fn create(it: CreateRefund) -> (Request, How) {
    let (payment, charge) = match it.source {
        Source::Payment(id) => (Some(id), None),
        Source::Charge(id) => (None, Some(id)),
    };
    let fields = Fields::default()
        .with("payment_intent", payment)
        .with("charge", charge)
        .with("amount", it.amount)
        .with("reason", it.reason)
        .on("reverse_transfer", it.reverse_transfer)
        .on("refund_application_fee", it.refund_application_fee)
        .metadata(it.metadata);
    let (kind, default_key) = (CommandKind::CreateRefund, DefaultKey::OfRequest);
    (Request { kind, target: None, fields, default_key }, it.how)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refunded_is_told_by_its_id() {
        assert_eq!(source("pi_1Abc"), Ok(Source::Payment("pi_1Abc".to_owned())));
        for charge in ["ch_1Abc", "py_1Abc"] {
            assert_eq!(source(charge), Ok(Source::Charge(charge.to_owned())));
        }
        for other in ["re_1", "cus_1", "42", "pi_", "pi_1/../x", ""] {
            assert!(source(other).is_err(), "{other}");
        }
    }
}

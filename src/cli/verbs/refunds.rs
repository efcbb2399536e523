//! `quittance refunds`

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser as _};

use super::args::{DefaultKey, How, Request, pair, whole};
use super::fields::Fields;
use super::submit;
use crate::cli::bulk_refunds::{self, BulkRefunds, spread};
use crate::commands::RefundReason;
use crate::domain::command::CommandKind;
use crate::domain::id::ObjectId;
use crate::roles::exit::{Exit, Failed};

/// `quittance refunds ...`
#[derive(Debug, clap::Subcommand)]
pub(in crate::cli) enum RefundsCommand {
    /// Refund a payment or a charge, whole or in part, or the payments that a file lists, each line once.
    #[command(
        after_help = "Without --idempotency-key the key is made of the request: the same command typed again is answered, and refunds\nnothing more. A second refund of the same amount takes a key of its own. A refund that was refused can be typed again.\n\nExamples:\n  quittance refunds create pi_3PX... --amount 500 --reason requested_by_customer\n  quittance refunds create pi_3PX... --amount 500 --idempotency-key return-8\n  quittance refunds create ch_3PX... --dry-run\n\nThe file is CSV, its first line names the columns: payment_intent, and if wanted amount (in the currency's smallest\nunit; empty: all that is left), currency (checked against the payment) and key. A line is known by its payment and its\nkey, whatever file it stands in: started twice, it is refunded once. Two refunds of one payment need different keys.\nAll lines are one bulk operation: `quittance operations` shows, cancels and resumes it.\n\n  quittance refunds create --file refunds.csv --dry-run\n  quittance refunds create --file refunds.csv --reason requested_by_customer --over 30m\n  quittance refunds create --file refunds.csv --yes --json"
    )]
    Create(Box<CreateRefund>),
}

/// `quittance refunds create`
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct CreateRefund {
    /// The payment (pi_...) or the charge (ch_..., py_...).
    #[arg(value_name = "PAYMENT|CHARGE", value_parser = source, required_unless_present = "file")]
    source: Option<Source>,
    /// The refunds: a CSV file.
    #[arg(
        long, value_name = "FILE",
        conflicts_with_all = ["source", "amount", "reverse_transfer", "refund_application_fee", "metadata",
                              "data", "idempotency_key", "wait"]
    )]
    file: Option<PathBuf>,
    /// Of a file: spread the refunds evenly over this time: 30m; at most 24h. Without it ten go per second; 0s
    /// refunds as fast as the rate limits allow.
    #[arg(long, value_name = "TIME", value_parser = spread, requires = "file", conflicts_with = "dry_run")]
    over: Option<Duration>,
    /// Of a file: do not ask for confirmation. Required without a terminal.
    #[arg(long, requires = "file", conflicts_with = "dry_run")]
    yes: bool,
    /// A part, in the currency's smallest unit [default: all that is left].
    #[arg(long, value_name = "AMOUNT", value_parser = whole)]
    amount: Option<i64>,
    /// Stripe's reason.
    #[arg(
        long, value_name = "REASON",
        value_parser = PossibleValuesParser::new(REASONS.map(RefundReason::as_str)).try_map(|word| reason(&word))
    )]
    reason: Option<RefundReason>,
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

const REASONS: [RefundReason; 3] =
    [RefundReason::Duplicate, RefundReason::Fraudulent, RefundReason::RequestedByCustomer];

fn reason(word: &str) -> Result<RefundReason, &'static str> {
    REASONS.into_iter().find(|reason| reason.as_str() == word).ok_or("Stripe has no such reason")
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
            Self::Create(it) => match it.file {
                Some(file) => {
                    let refunds = BulkRefunds {
                        file,
                        reason: it.reason,
                        over: it.over,
                        dry_run: it.how.dry_run,
                        note: it.how.audit_reason,
                        actor: it.how.actor.name(),
                        yes: it.yes,
                        json: it.how.json,
                    };
                    bulk_refunds::run(config, refunds).await
                }
                None => {
                    let (request, how) = create(*it);
                    submit::run(config, request, how).await
                }
            },
        }
    }
}

fn create(it: CreateRefund) -> (Request, How) {
    let (payment, charge) = match it.source {
        Some(Source::Payment(id)) => (Some(id), None),
        Some(Source::Charge(id)) => (None, Some(id)),
        None => (None, None),
    };
    let fields = Fields::default()
        .with("payment_intent", payment)
        .with("charge", charge)
        .with("amount", it.amount)
        .with("reason", it.reason.map(|reason| reason.as_str().to_owned()))
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

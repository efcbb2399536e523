//! `quittance payments show`

use std::path::Path;

use serde::Serialize;

use crate::cli::api;
use crate::cli::format::at;
use crate::cli::objects::print;
use crate::cli::out::print_json;
use crate::cli::table::{self, text, whole};
use crate::commands::{ChargeRow, CommandSummary, PaymentOverview, PaymentRow, RefundRow, written};
use crate::config::Role;
use crate::roles::exit::{Exit, Failed, exit_of_store};
use crate::roles::parts;
use crate::store::{Store, StoreError};

/// `quittance payments show`
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ShowPayment {
    /// The payment: pi_..., or its row's id.
    payment: String,
    /// Fetch it from Stripe first. Needs all settings that `quittance api` needs.
    #[arg(long)]
    refresh: bool,
    /// One JSON document.
    #[arg(long)]
    json: bool,
}

/// A payment with all that belongs to it.
#[derive(Debug, Serialize)]
struct PaymentShown {
    #[serde(flatten)]
    payment: PaymentRow,
    /// What can still be refunded, with the refunds under way counted.
    refundable: i64,
    charges: Vec<ChargeRow>,
    refunds: Vec<RefundRow>,
    commands: Vec<CommandSummary>,
}

/// Shows a payment as its row has it.
pub(super) async fn run(config: Option<&Path>, args: ShowPayment) -> Result<Exit, Failed> {
    let role = if args.refresh { Role::Act } else { Role::Ops };
    let settings = parts::settings_and_log(config, role)?;
    let store = parts::store(&settings, "commands")?;
    if args.refresh {
        let refreshed = api::commands(&settings, &store)?.refresh_payment(&args.payment).await;
        refreshed.map_err(|error| Failed::new(Exit::Failure, error.to_string()))?;
    }
    let shown = shown(&store, &args.payment).await.map_err(|error| failed(&error))?;
    let Some(shown) = shown else {
        let id = &args.payment;
        let text =
            format!("there is no payment {id} of our own account here; --refresh asks Stripe");
        return Err(Failed::new(Exit::Failure, text));
    };
    if args.json {
        print_json(&shown)?
    } else {
        print(&shown)
    }
    Ok(Exit::Success)
}

async fn shown(store: &Store, id: &str) -> Result<Option<PaymentShown>, StoreError> {
    let Some(overview) = PaymentOverview::of(store, id).await? else { return Ok(None) };
    let charges = store.charges_of(&overview.payment.id).await?;
    let refunds = store.refunds_of(&overview.payment.id).await?;
    let PaymentOverview { payment, money, commands } = overview;
    Ok(Some(PaymentShown { payment, refundable: money.left(), charges, refunds, commands }))
}

fn print(shown: &PaymentShown) {
    let PaymentShown { payment, refundable, charges, refunds, commands } = shown;
    let money = |amount: i64| written(amount, Some(&payment.currency));
    println!("{}  {}  {}", payment.id, payment.status, money(payment.amount));
    let set = [
        ("customer", payment.customer.clone()),
        ("failure", payment.failure_code.clone()),
        ("decline code", payment.failure_decline_code.clone()),
        ("next action", payment.next_action.clone()),
        ("destination", payment.transfer_destination.clone()),
    ];
    let mut facts = vec![
        ("received", money(payment.amount_received)),
        ("capturable", money(payment.amount_capturable)),
        ("refunded", money(payment.amount_refunded)),
        ("refundable", money(*refundable)),
    ];
    facts.extend(set.into_iter().filter_map(|(name, value)| value.map(|value| (name, value))));
    facts.push(("metadata", payment.metadata.to_string()));
    facts.push(("row", payment.quittance_id.to_string()));
    facts.push(("created", at(payment.created)));
    facts.push(("seen at Stripe", at(payment.observed_at)));
    print::facts(&facts);
    if !charges.is_empty() {
        println!();
        let rows: Vec<_> = charges
            .iter()
            .map(|it| {
                let amounts = [it.amount, it.amount_captured, it.amount_refunded].map(money);
                let failure = it.failure_code.clone().unwrap_or_default();
                [vec![it.id.clone(), it.status.clone()], amounts.to_vec(), vec![failure]].concat()
            })
            .collect();
        let heading = ["CHARGE", "STATUS", "AMOUNT", "CAPTURED", "REFUNDED", "FAILURE"];
        table::print(&heading.map(whole), &rows);
    }
    if !refunds.is_empty() {
        println!();
        let rows: Vec<_> = refunds
            .iter()
            .map(|it| {
                let reason = it.reason.clone().unwrap_or_default();
                vec![it.id.clone(), it.status.clone(), money(it.amount), reason, at(it.created)]
            })
            .collect();
        table::print(&["REFUND", "STATUS", "AMOUNT", "REASON", "CREATED"].map(whole), &rows);
    }
    if !commands.is_empty() {
        println!();
        let rows: Vec<_> = commands
            .iter()
            .map(|it| {
                let ends = [&it.amount, &it.failure].map(|text| text.clone().unwrap_or_default());
                let [amount, failure] = ends;
                let (kind, state) = (it.kind.to_owned(), it.state.to_owned());
                vec![it.id.to_string(), kind, state, amount, it.caller.clone(), failure]
            })
            .collect();
        let heading = ["COMMAND", "KIND", "STATE", "AMOUNT", "CALLER"].map(whole);
        table::print(&[&heading[..], &[text("FAILURE")]].concat(), &rows);
    }
}

fn failed(error: &StoreError) -> Failed {
    Failed::because(exit_of_store(error), "the payment could not be read", error)
}

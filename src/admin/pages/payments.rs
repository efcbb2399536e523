//! Refunding, capturing and cancelling a payment from its page, with the amount typed to confirm.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::page;
use crate::admin::fault::{conflict, missing, no_write_key, postgres, wrong};
use crate::admin::frame::Frame;
use crate::admin::input::{Asked, Changing, Fields, way_back};
use crate::admin::refusal::Refused;
use crate::admin::state::Admin;
use crate::admin::view;
use crate::commands::{CommandError, CommandSummary, PaymentAct, PaymentOverview, Person, Wanted};
use crate::http::Problem;
use crate::ops::types::ObjectKey;

/// Section of a payment's page besides that of any object: its money, the acts it allows, and its commands.
#[derive(Template)]
#[template(path = "payment.html")]
pub(super) struct PaymentSection {
    overview: PaymentOverview,
    may_change: bool,
    /// Whether this server has a key to act with.
    can_act: bool,
}

impl askama::filters::HtmlSafe for PaymentSection {}

impl PaymentSection {
    /// The acts that the payment allows.
    fn acts(&self) -> Vec<PaymentAct> {
        PaymentAct::ALL.iter().copied().filter(|act| self.overview.allows(*act)).collect()
    }
}

/// That of an object; none unless it is a payment of our own account.
pub(super) async fn section(
    admin: &Admin,
    frame: &Frame,
    object: &ObjectKey,
) -> Result<Option<PaymentSection>, Problem> {
    if object.kind != "payment_intent" || !object.account.is_empty() {
        return Ok(None);
    }
    let overview = PaymentOverview::of(&admin.context.store, &object.id).await.map_err(postgres)?;
    let (may_change, can_act) = (frame.may_change(), admin.commands.is_some());
    Ok(overview.map(|overview| PaymentSection { overview, may_change, can_act }))
}

/// Commands, as a table.
#[derive(Template)]
#[template(path = "command_rows.html")]
pub(super) struct CommandRows<'a> {
    all: &'a [CommandSummary],
}

impl askama::filters::HtmlSafe for CommandRows<'_> {}

pub(super) fn command_rows(all: &[CommandSummary]) -> CommandRows<'_> {
    CommandRows { all }
}

/// Title of an act.
pub(super) fn deed(act: &PaymentAct) -> &'static str {
    match act {
        PaymentAct::Refund => "Refund",
        PaymentAct::Capture => "Capture",
        PaymentAct::Cancel => "Cancel",
    }
}

/// Fields of an act's address: the amount, and Stripe's reason.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ActQuery {
    amount: Option<String>,
    stripe_reason: Option<String>,
}

#[derive(Template)]
#[template(path = "payment_act.html")]
struct Ask {
    frame: Frame,
    overview: PaymentOverview,
    act: PaymentAct,
    stripe_reason: String,
    /// What would be moved; none while it is not chosen yet.
    amount: Option<i64>,
    /// The rule that would refuse it.
    refusal: Option<String>,
    can_act: bool,
}

impl Ask {
    /// Stripe's reasons, with the words for them.
    fn reasons(&self) -> &'static [&'static str] {
        match self.act {
            PaymentAct::Refund => &["requested_by_customer", "duplicate", "fraudulent"],
            PaymentAct::Cancel => {
                &["requested_by_customer", "duplicate", "fraudulent", "abandoned"]
            }
            PaymentAct::Capture => &[],
        }
    }

    fn most(&self) -> String {
        bare(&self.overview.written(self.overview.most(self.act)))
    }

    /// The newest refund of the same amount, unless it was refused: the back button leads here again.
    fn same(&self) -> Option<&CommandSummary> {
        let amount = self.amount.map(|amount| self.overview.written(amount))?;
        let is_same = |it: &&CommandSummary| {
            it.kind == "create_refund"
                && it.state != "refused"
                && it.amount.as_ref() == Some(&amount)
        };
        self.overview.commands.iter().find(is_same).filter(|_| self.act == PaymentAct::Refund)
    }

    /// The amount without its currency: what is typed to confirm.
    fn to_type(&self) -> String {
        self.amount.map(|amount| bare(&self.overview.written(amount))).unwrap_or_default()
    }
}

/// `20.00 EUR` to `20.00`
fn bare(written: &str) -> String {
    written.split(' ').next().unwrap_or_default().to_owned()
}

/// `GET /payments/{id}/{act}`: how much, then what that would do.
pub(super) async fn ask(
    State(admin): State<Arc<Admin>>,
    frame: Frame,
    Path((id, act)): Path<(String, String)>,
    asked: Asked<ActQuery>,
) -> Result<Response, Refused> {
    let act = act_of(&act)?;
    let overview = overview(&admin, &id).await?;
    let Asked { query, .. } = asked;
    let amount = match (act, &query.amount) {
        // There is nothing to choose.
        (PaymentAct::Cancel, _) => Some(overview.most(act)),
        (_, Some(text)) => Some(overview.read("amount", text)?),
        (_, None) => None,
    };
    let refusal = match (amount, &admin.commands) {
        (Some(_), Some(commands)) => {
            let wanted = wanted(act, amount, query.stripe_reason.as_deref())?;
            let person = Person { name: frame.who().to_owned(), reason: None };
            let tried = commands.try_act(person, &overview, &wanted).await;
            tried.err().map(|error| error.to_string())
        }
        _ => None,
    };
    let can_act = admin.commands.is_some();
    let stripe_reason = query.stripe_reason.unwrap_or_default();
    Ok(page(&Ask { frame, overview, act, stripe_reason, amount, refusal, can_act }))
}

/// `POST /payments/{id}/{act}`: only with the amount typed.
pub(super) async fn act(
    State(admin): State<Arc<Admin>>,
    Path((id, act)): Path<(String, String)>,
    form: Changing,
) -> Result<Response, Refused> {
    let back = way_back(&form.fields, "back");
    confirmed(&admin, &id, &act, &form).await.map_err(|refused| refused.of_form(back))
}

async fn confirmed(
    admin: &Admin,
    id: &str,
    act: &str,
    form: &Changing,
) -> Result<Response, Refused> {
    let commands = admin.commands.as_ref().ok_or_else(no_write_key)?;
    let act = act_of(act)?;
    let overview = overview(admin, id).await?;
    let Wish { wanted, reason, seen } = wish(&overview, act, &form.fields)?;
    let person = Person { name: form.who.clone(), reason: Some(reason) };
    let command = match commands.act(person, &overview.payment.id, &wanted, &seen).await {
        Ok(reply) => reply.command,
        // The form was sent before: what became of it is on the command's page.
        Err(crate::commands::ActError::Command(CommandError::InProgress { command })) => command,
        Err(error) => return Err(Problem::from(error).into()),
    };
    Ok(Redirect::to(&format!("/commands/{command}")).into_response())
}

/// A confirmed form.
struct Wish {
    wanted: Wanted,
    reason: String,
    seen: String,
}

fn wish(overview: &PaymentOverview, act: PaymentAct, fields: &Fields) -> Result<Wish, Problem> {
    let amount = overview.read("amount", fields.need("amount", "The amount")?)?;
    let typed =
        overview.read("typed", fields.need("typed", "The amount that you were to type")?)?;
    if typed != amount {
        let (typed, amount) = (overview.written(typed), overview.written(amount));
        let detail =
            format!("You typed {typed}, and the form is about {amount}. Nothing was done.");
        return Err(conflict("amount_differs", detail));
    }
    let reason = fields.need("reason", "The reason, for the audit log,")?.to_owned();
    let seen = fields.need("seen", "What this form was made from")?.to_owned();
    let amount = Some(amount);
    Ok(Wish { wanted: wanted(act, amount, fields.get("stripe_reason"))?, reason, seen })
}

fn act_of(text: &str) -> Result<PaymentAct, Problem> {
    PaymentAct::parse(text).ok_or_else(|| {
        missing(format!("`{text}` is nothing to do to a payment: refund, capture or cancel."))
    })
}

async fn overview(admin: &Admin, id: &str) -> Result<PaymentOverview, Problem> {
    let overview = PaymentOverview::of(&admin.context.store, id).await.map_err(postgres)?;
    overview.ok_or_else(|| missing(format!("There is no payment {id} of our own account here.")))
}

fn wanted(
    act: PaymentAct,
    amount: Option<i64>,
    stripe_reason: Option<&str>,
) -> Result<Wanted, Problem> {
    let (refund_reason, cancellation_reason) = match act {
        PaymentAct::Refund => (stripe_reason.map(word).transpose()?, None),
        PaymentAct::Cancel => (None, stripe_reason.map(word).transpose()?),
        PaymentAct::Capture => (None, None),
    };
    let amount = amount.filter(|_| act != PaymentAct::Cancel);
    Ok(Wanted { act, amount, refund_reason, cancellation_reason })
}

/// One of Stripe's words.
fn word<T: DeserializeOwned>(text: &str) -> Result<T, Problem> {
    serde_json::from_value(Value::from(text))
        .map_err(|_| wrong(format!("`{text}` is no reason that Stripe knows.")))
}

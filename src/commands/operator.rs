//! Acts of operators on a payment: refund, capture or cancel it, once for each form that they confirm.
//!
//! The idempotency key is made of what the person saw: the act, the payment, and the newest command about it.
//! A double click, a form that is sent again and a second tab that was opened before have the same key, so
//! they are one command. Once a command about the payment is written, a form has another key; so two equal
//! partial refunds are two commands when the second form was opened after the first was sent. And a form that
//! is older than somebody else's command is refused, because it shows what is no longer so.

use serde::Serialize;
use uuid::Uuid;

use super::answer::CommandReply;
use super::error::CommandError;
use super::service::{Caller, Commands, Person};
use super::view::CommandView;
use crate::domain::command::command_params::CommandParams;
use crate::domain::command::idempotency_key::MadeKey;
use crate::domain::command::params::{
    CancelPayment, CancellationReason, CapturePayment, NewRefund, RefundReason,
};
use crate::domain::command::refundable::Refundable;
use crate::domain::command::{CommandKind, amount, payment_verb};
use crate::domain::kinds::payment::PaymentStatus;
use crate::domain::money::{Currency, Minor};
use crate::domain::status_word::{StatusWord, Vocabulary as _};
use crate::store::command::CommandFilter;
use crate::store::payment::PaymentRow;
use crate::store::{Store, StoreError};

/// Commands about a payment that are shown with it.
const SHOWN: u32 = 50;

/// An act on a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaymentAct {
    /// Give money back.
    Refund,
    /// Take what was authorised.
    Capture,
    /// Give it up before it is paid.
    Cancel,
}

impl PaymentAct {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Refund, Self::Capture, Self::Cancel];

    /// `refund`, `capture`, `cancel`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refund => "refund",
            Self::Capture => "capture",
            Self::Cancel => "cancel",
        }
    }

    /// From its word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|act| act.as_str() == text)
    }

    fn kind(self) -> CommandKind {
        match self {
            Self::Refund => CommandKind::CreateRefund,
            Self::Capture => CommandKind::CapturePayment,
            Self::Cancel => CommandKind::CancelPayment,
        }
    }
}

/// A payment with its money and what was asked of it: what a person looks at before they act.
#[derive(Debug, Clone, PartialEq)]
pub struct PaymentOverview {
    /// As its row has it.
    pub payment: PaymentRow,
    /// Its money, with the refunds that are under way.
    pub money: Refundable,
    /// The commands about it, newest first; of many the newest.
    pub commands: Vec<CommandSummary>,
}

/// A command, as it stands in the list of its payment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CommandSummary {
    /// Its id.
    pub id: Uuid,
    /// What it does: `create_refund`, ...
    pub kind: &'static str,
    /// How far it is.
    pub state: &'static str,
    /// Who asked.
    pub caller: String,
    /// What it moves, as people write it.
    pub amount: Option<String>,
    /// What was made or changed.
    pub object_id: Option<String>,
    /// Why it is not done.
    pub failure: Option<String>,
    /// When it was written.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: time::OffsetDateTime,
}

impl From<&CommandView> for CommandSummary {
    fn from(view: &CommandView) -> Self {
        Self {
            id: view.id,
            kind: view.kind,
            state: view.state,
            caller: view.caller.clone(),
            amount: view.amount.map(|amount| written(amount, view.currency.as_deref())),
            object_id: view.object_id.clone(),
            failure: view.failure.clone(),
            created_at: view.created_at,
        }
    }
}

/// An amount as people write it: `20.00 EUR`; the bare number where the currency is not known.
#[must_use]
pub fn written(amount: Minor, currency: Option<&str>) -> String {
    match currency.and_then(|code| Currency::parse(code).ok()) {
        Some(currency) => amount::written(amount, currency),
        None => amount.to_string(),
    }
}

/// An act with its parameters, as a person asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// What to do.
    pub act: PaymentAct,
    /// How much of it; none: all that can be.
    pub amount: Option<Minor>,
    /// Stripe's reason of a refund.
    pub refund_reason: Option<RefundReason>,
    /// Stripe's reason of a cancellation.
    pub cancellation_reason: Option<CancellationReason>,
}

/// Why nothing was done about a form.
#[derive(Debug, thiserror::Error)]
pub enum ActError {
    /// There is no such payment here.
    #[error("there is no payment {0} here")]
    NoPayment(String),
    /// Another command about this payment was written since the form was opened.
    #[error(
        "something else was asked of this payment since the form was opened. Nothing was done: look at the \
         payment, then decide again."
    )]
    Changed,
    /// A rule, or what a rule needs to know.
    #[error(transparent)]
    Command(#[from] CommandError),
}

impl From<StoreError> for ActError {
    fn from(error: StoreError) -> Self {
        Self::Command(error.into())
    }
}

impl PaymentOverview {
    /// Reads it. None: no row of our own account has this id.
    ///
    /// # Errors
    /// Postgres.
    pub async fn of(store: &Store, payment: &str) -> Result<Option<Self>, StoreError> {
        let Some(payment) = store.payment(payment).await? else { return Ok(None) };
        let money = store.money_of(&payment.id).await?;
        let money = money.unwrap_or(Refundable { received: 0, refunded: 0, under_way: 0 });
        let filter = CommandFilter { target: Some(&payment.id), ..CommandFilter::default() };
        let commands = store.list_commands(&filter, SHOWN).await?;
        let commands =
            commands.iter().map(|one| CommandSummary::from(&CommandView::from(one))).collect();
        Ok(Some(Self { payment, money, commands }))
    }

    /// The newest command about it, as a form carries it: `none` where there is none.
    #[must_use]
    pub fn seen(&self) -> String {
        self.commands.first().map_or_else(|| "none".to_owned(), |command| command.id.to_string())
    }

    /// Whether its status and its money allow an act, as far as the row knows.
    #[must_use]
    pub fn allows(&self, act: PaymentAct) -> bool {
        let status = PaymentStatus::from_word(&self.payment.status)
            .map_or_else(|| StatusWord::Unknown(self.payment.status.as_str().into()), Into::into);
        payment_verb::check(act.kind(), &status).is_ok()
            && match act {
                PaymentAct::Refund => self.money.left() > 0,
                PaymentAct::Capture => self.payment.amount_capturable > 0,
                PaymentAct::Cancel => true,
            }
    }

    /// The most that an act can move.
    #[must_use]
    pub fn most(&self, act: PaymentAct) -> Minor {
        match act {
            PaymentAct::Refund => self.money.left(),
            PaymentAct::Capture => self.payment.amount_capturable,
            PaymentAct::Cancel => self.payment.amount,
        }
    }

    /// An amount of its currency as people write it.
    #[must_use]
    pub fn written(&self, amount: Minor) -> String {
        written(amount, Some(&self.payment.currency))
    }

    /// An amount of its currency from what a person typed: `12.50`.
    ///
    /// # Errors
    /// It is none.
    pub fn read(&self, field: &str, text: &str) -> Result<Minor, CommandError> {
        let currency = Currency::parse(&self.payment.currency);
        let read = match currency {
            Ok(currency) => amount::read_written(field, text, currency),
            Err(_) => amount::whole(field, text),
        };
        Ok(read?)
    }

    fn params(&self, wanted: &Wanted) -> CommandParams {
        match wanted.act {
            PaymentAct::Refund => CommandParams::CreateRefund(NewRefund {
                payment_intent: Some(self.payment.id.clone()),
                amount: wanted.amount,
                reason: wanted.refund_reason,
                ..NewRefund::default()
            }),
            PaymentAct::Capture => {
                CommandParams::CapturePayment(CapturePayment { amount_to_capture: wanted.amount })
            }
            PaymentAct::Cancel => CommandParams::CancelPayment(CancelPayment {
                cancellation_reason: wanted.cancellation_reason,
            }),
        }
    }

    /// What the command is about besides its parameters; a refund names its payment in them.
    fn target(&self, act: PaymentAct) -> Option<&str> {
        match act {
            PaymentAct::Refund => None,
            PaymentAct::Capture | PaymentAct::Cancel => Some(&self.payment.id),
        }
    }
}

impl Commands {
    /// What an act would be refused with, if anything: writes nothing, but may ask Stripe.
    ///
    /// # Errors
    /// The rule.
    pub async fn try_act(
        &self,
        person: Person,
        overview: &PaymentOverview,
        wanted: &Wanted,
    ) -> Result<(), CommandError> {
        if wanted.act == PaymentAct::Refund {
            overview.money.refund(wanted.amount)?;
        }
        let key = key(overview, wanted.act, &overview.seen());
        let caller = Caller::by_hand(PAGE, person);
        let target = overview.target(wanted.act);
        self.dry_run(&caller, &key, target, &overview.params(wanted)).await
    }

    /// Does what a person has confirmed on a page. `seen` is [`PaymentOverview::seen`] of the page that they
    /// looked at.
    ///
    /// # Errors
    /// The page is no longer so, a rule was broken, or what a rule needs to know cannot be found out now. Then
    /// nothing was done.
    pub async fn act(
        &self,
        person: Person,
        payment: &str,
        wanted: &Wanted,
        seen: &str,
    ) -> Result<CommandReply, ActError> {
        let overview = PaymentOverview::of(self.store(), payment).await?;
        let overview = overview.ok_or_else(|| ActError::NoPayment(payment.to_owned()))?;
        let key = key(&overview, wanted.act, seen);
        let caller = Caller::by_hand(PAGE, person);
        // In this order: a form that was sent twice finds either what it saw, or its own command.
        if overview.seen() != seen
            && self.store().command_by_key(&caller.name, &key).await?.is_none()
        {
            return Err(ActError::Changed);
        }
        let target = overview.target(wanted.act);
        Ok(self.submit(&caller, &key, target, overview.params(wanted)).await?)
    }
}

/// The place of the operators' pages, in the names of their callers.
const PAGE: &str = "operator";

fn key(overview: &PaymentOverview, act: PaymentAct, seen: &str) -> String {
    MadeKey::Form { act: act.as_str(), payment: &overview.payment.id, seen }.to_string()
}

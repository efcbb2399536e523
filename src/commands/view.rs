//! Views of objects and commands: the bodies of answers. Shapes and names are Stripe's.

use std::collections::BTreeMap;

use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::command::params::NewPortalSession;
use crate::domain::failure_reason::FailureReason;
use crate::domain::id::ObjectId;
use crate::domain::kinds::checkout::CheckoutObserved;
use crate::domain::kinds::customer::CustomerObserved;
use crate::domain::kinds::payment::PaymentObserved;
use crate::domain::kinds::refund::RefundObserved;
use crate::domain::kinds::setup::SetupObserved;
use crate::domain::kinds::subscription::{SubscriptionItem, SubscriptionObserved};
use crate::domain::status_word::Vocabulary as _;
use crate::store::command::StoredCommand;
use crate::stripe_api::PortalSession;

/// Declares a view: each field with its type and with what it is read from. What is secret is `None`, and is put
/// into the body when it is sent ([`super::answer::with_secret`]).
macro_rules! view {
    (
        $(#[$doc:meta])*
        $name:ident of ($($source:ident: $source_type:ty),*) {
            $($(#[$attribute:meta])* $field:ident: $type:ty = $value:expr,)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Serialize, ToSchema)]
        pub struct $name {
            $($(#[$attribute])* pub $field: $type,)*
        }

        impl $name {
            pub(super) fn of($($source: $source_type),*) -> Self {
                Self { $($field: $value,)* }
            }
        }
    };
}

fn id_text(id: Option<&ObjectId>) -> Option<String> {
    id.map(|id| id.as_str().to_owned())
}

view! {
    /// A payment.
    PaymentView of (command: &StoredCommand, id: &str, payment: &PaymentObserved) {
        /// `pi_...`
        id: String = id.to_owned(),
        /// `payment_intent`
        object: &'static str = "payment_intent",
        /// In the currency's smallest unit.
        amount: i64 = payment.amount,
        /// What can be captured.
        amount_capturable: i64 = payment.amount_capturable,
        /// What has been received.
        amount_received: i64 = payment.amount_received,
        /// Three letters in lower case.
        currency: String = payment.currency.as_str().to_owned(),
        /// Stripe's status.
        status: String = payment.status.to_text().into_owned(),
        /// `cus_...`
        customer: Option<String> = payment.customer.clone(),
        /// `pm_...`
        payment_method: Option<String> = payment.payment_method.clone(),
        /// `ch_...`
        latest_charge: Option<String> = id_text(payment.latest_charge.as_ref()),
        /// When money is taken.
        capture_method: String = payment.capture_method.clone(),
        /// What the customer has to do next.
        next_action: Option<String> = payment.next_action.clone(),
        /// Why the last attempt failed.
        last_payment_error: Option<PaymentErrorView> = payment.failure.as_ref().map(PaymentErrorView::of),
        /// Your own link to your rows.
        metadata: BTreeMap<String, String> = payment.metadata.iter().cloned().collect(),
        /// When Stripe made it, in seconds since 1970.
        created: i64 = payment.created,
        /// Whether it is in live mode.
        livemode: bool = command.livemode,
        /// The command that this answers.
        command: Uuid = command.id,
        /// Your own name for the purchase.
        reference: Option<String> = command.reference.clone(),
        /// For the browser, to complete the payment. In no table and no log.
        #[serde(skip_serializing_if = "Option::is_none")]
        client_secret: Option<String> = None,
    }
}

/// Why the last attempt at a payment failed.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PaymentErrorView {
    /// `card_declined`, ...
    pub code: Option<String>,
    /// The bank's finer word.
    pub decline_code: Option<String>,
    /// A sentence for people.
    pub message: Option<String>,
}

impl PaymentErrorView {
    fn of(failure: &FailureReason) -> Self {
        Self {
            code: failure.code.clone(),
            decline_code: failure.decline_code.clone(),
            message: failure.message.clone(),
        }
    }
}

view! {
    /// A refund.
    RefundView of (command: &StoredCommand, id: &str, refund: &RefundObserved) {
        /// `re_...`
        id: String = id.to_owned(),
        /// `refund`
        object: &'static str = "refund",
        /// What goes back.
        amount: i64 = refund.amount,
        /// Its currency.
        currency: String = refund.currency.as_str().to_owned(),
        /// Stripe's status.
        status: String = refund.status.to_text().into_owned(),
        /// `pi_...`
        payment_intent: Option<String> = id_text(refund.payment_intent.as_ref()),
        /// `ch_...`
        charge: Option<String> = id_text(refund.charge.as_ref()),
        /// Why.
        reason: Option<String> = refund.reason.clone(),
        /// Your own link to your rows.
        metadata: BTreeMap<String, String> = refund.metadata.iter().cloned().collect(),
        /// When Stripe made it, in seconds since 1970.
        created: i64 = refund.created,
        /// The command that this answers.
        command: Uuid = command.id,
    }
}

view! {
    /// A customer.
    CustomerView of (command: &StoredCommand, id: &str, customer: &CustomerObserved) {
        /// `cus_...`
        id: String = id.to_owned(),
        /// `customer`
        object: &'static str = "customer",
        /// Your own link to your rows.
        metadata: BTreeMap<String, String> = customer.metadata.iter().cloned().collect(),
        /// Whether it is in live mode.
        livemode: bool = command.livemode,
        /// The command that this answers.
        command: Uuid = command.id,
        /// Your own name for the customer.
        reference: Option<String> = command.reference.clone(),
    }
}

view! {
    /// A checkout session.
    CheckoutView of (command: &StoredCommand, id: &str, session: &CheckoutObserved) {
        /// `cs_...`
        id: String = id.to_owned(),
        /// `checkout.session`
        object: &'static str = "checkout.session",
        /// `payment`, `setup` or `subscription`.
        mode: String = session.mode.clone(),
        /// `open`, `complete` or `expired`.
        status: Option<String> = session.progress.as_ref().map(|it| it.to_text().into_owned()),
        /// `paid`, `unpaid` or `no_payment_required`.
        payment_status: String = session.payment_status.to_text().into_owned(),
        /// After discounts and taxes.
        amount_total: Option<i64> = session.amount_total,
        /// Three letters in lower case.
        currency: Option<String> = session.currency.map(|it| it.as_str().to_owned()),
        /// `cus_...`
        customer: Option<String> = session.customer.clone(),
        /// `pi_...`, once the customer pays.
        payment_intent: Option<String> = session.payment_intent.clone(),
        /// `seti_...`
        setup_intent: Option<String> = session.setup_intent.clone(),
        /// `sub_...`
        subscription: Option<String> = session.subscription.clone(),
        /// When the page closes, in seconds since 1970.
        expires_at: i64 = session.expires_at,
        /// Your own link to your rows.
        metadata: BTreeMap<String, String> = session.metadata.iter().cloned().collect(),
        /// When Stripe made it, in seconds since 1970.
        created: i64 = session.created,
        /// Whether it is in live mode.
        livemode: bool = command.livemode,
        /// The command that this answers.
        command: Uuid = command.id,
        /// Your own name for the purchase.
        reference: Option<String> = command.reference.clone(),
        /// Where to send the customer, while the session is open. In no table and no log.
        #[serde(skip_serializing_if = "Option::is_none")]
        url: Option<String> = None,
    }
}

view! {
    /// A setup: a method that is to be saved.
    SetupView of (command: &StoredCommand, id: &str, setup: &SetupObserved) {
        /// `seti_...`
        id: String = id.to_owned(),
        /// `setup_intent`
        object: &'static str = "setup_intent",
        /// Stripe's status.
        status: String = setup.status.to_text().into_owned(),
        /// `off_session` or `on_session`.
        usage: String = setup.usage.clone(),
        /// `cus_...`
        customer: Option<String> = setup.customer.clone(),
        /// `pm_...`
        payment_method: Option<String> = setup.payment_method.clone(),
        /// What the customer has to do next.
        next_action: Option<String> = setup.next_action.clone(),
        /// Your own link to your rows.
        metadata: BTreeMap<String, String> = setup.metadata.iter().cloned().collect(),
        /// When Stripe made it, in seconds since 1970.
        created: i64 = setup.created,
        /// Whether it is in live mode.
        livemode: bool = command.livemode,
        /// The command that this answers.
        command: Uuid = command.id,
        /// For the browser, to save the method. In no table and no log.
        #[serde(skip_serializing_if = "Option::is_none")]
        client_secret: Option<String> = None,
    }
}

view! {
    /// A subscription.
    SubscriptionView of (command: &StoredCommand, id: &str, it: &SubscriptionObserved) {
        /// `sub_...`
        id: String = id.to_owned(),
        /// `subscription`
        object: &'static str = "subscription",
        /// Stripe's status.
        status: String = it.status.to_text().into_owned(),
        /// `cus_...`
        customer: String = it.customer.clone(),
        /// Three letters in lower case.
        currency: String = it.currency.as_str().to_owned(),
        /// `charge_automatically` or `send_invoice`.
        collection_method: String = it.collection_method.clone(),
        /// What is subscribed to.
        items: SubscriptionItemsView = SubscriptionItemsView {
            data: it.items.iter().map(SubscriptionItemView::of).collect(),
        },
        /// When its trial ends, or ended, in seconds since 1970.
        trial_end: Option<i64> = it.trial_end,
        /// Whether it ends with its present period.
        cancel_at_period_end: bool = it.cancel_at_period_end,
        /// When it will be canceled, in seconds since 1970.
        cancel_at: Option<i64> = it.cancel_at,
        /// When its end was asked for, in seconds since 1970.
        canceled_at: Option<i64> = it.canceled_at,
        /// When it ended, in seconds since 1970.
        ended_at: Option<i64> = it.ended_at,
        /// `pm_...`
        default_payment_method: Option<String> = it.default_payment_method.clone(),
        /// `in_...`
        latest_invoice: Option<String> = id_text(it.latest_invoice.as_ref()),
        /// Your own link to your rows.
        metadata: BTreeMap<String, String> = it.metadata.iter().cloned().collect(),
        /// When Stripe made it, in seconds since 1970.
        created: i64 = it.created,
        /// Whether it is in live mode.
        livemode: bool = command.livemode,
        /// The command that this answers.
        command: Uuid = command.id,
        /// Your own name for the subscription.
        reference: Option<String> = command.reference.clone(),
        /// `payment`: the `client_secret` confirms the payment of the latest invoice. `setup`: it saves a method for
        /// the time after the trial. None: nothing is to be confirmed.
        client_secret_type: Option<String> = None,
        /// For the browser. In no table and no log.
        #[serde(skip_serializing_if = "Option::is_none")]
        client_secret: Option<String> = None,
    }
}

/// All that is subscribed to.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SubscriptionItemsView {
    /// All items.
    pub data: Vec<SubscriptionItemView>,
}

/// One thing that is subscribed to.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SubscriptionItemView {
    /// `si_...`
    pub id: String,
    /// Its price.
    pub price: SubscriptionPriceView,
    /// How many; none where use is metered.
    pub quantity: Option<i64>,
    /// When its present period began, in seconds since 1970.
    pub current_period_start: i64,
    /// When its present period ends, in seconds since 1970.
    pub current_period_end: i64,
}

impl SubscriptionItemView {
    fn of(item: &SubscriptionItem) -> Self {
        Self {
            id: item.id.as_str().to_owned(),
            price: SubscriptionPriceView {
                id: item.price.id.as_str().to_owned(),
                product: item.price.product.as_str().to_owned(),
            },
            quantity: item.quantity,
            current_period_start: item.current_period_start,
            current_period_end: item.current_period_end,
        }
    }
}

/// The price of an item.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SubscriptionPriceView {
    /// `price_...`
    pub id: String,
    /// `prod_...`
    pub product: String,
}

view! {
    /// A session of the customer portal.
    PortalView of (command: &StoredCommand, params: &NewPortalSession, session: &PortalSession) {
        /// `bps_...`
        id: String = session.id.clone(),
        /// `billing_portal.session`
        object: &'static str = "billing_portal.session",
        /// `cus_...`
        customer: String = params.customer.clone(),
        /// Where the customer comes back to.
        return_url: Option<String> = params.return_url.clone(),
        /// When Stripe made it, in seconds since 1970.
        created: i64 = session.created,
        /// Whether it is in live mode.
        livemode: bool = command.livemode,
        /// The command that this answers.
        command: Uuid = command.id,
        /// Where to send the customer: whoever has it is signed in. In no table and no log.
        #[serde(skip_serializing_if = "Option::is_none")]
        url: Option<String> = None,
    }
}

view! {
    /// A command, and how far it is.
    CommandView of (command: &StoredCommand) {
        /// Its id.
        id: Uuid = command.id,
        /// `command`
        object: &'static str = "command",
        /// What it does: `create_payment`, ...
        kind: &'static str = command.kind.as_str(),
        /// `accepted`, `sent`, `unknown`, `done`, `refused` or `dead`.
        state: &'static str = command.state.word(),
        /// Who asked.
        caller: String = command.caller.clone(),
        /// Their key.
        idempotency_key: String = command.key.clone(),
        /// The payment that it changes or refunds.
        target: Option<String> = command.target.clone(),
        /// What was made or changed.
        object_id: Option<String> = command.object_id.clone(),
        /// What it moves.
        amount: Option<i64> = command.amount,
        /// The currency of the amount.
        currency: Option<String> = command.currency.clone(),
        /// The client's own name for what is made.
        reference: Option<String> = command.reference.clone(),
        /// How often it was sent or looked up.
        attempts: i32 = command.attempts,
        /// Why it is not done.
        failure: Option<String> = command.failure.clone(),
        /// The same in words.
        failure_detail: Option<String> = command.failure_detail.clone(),
        /// Stripe's `Request-Id`.
        request_id: Option<String> = command.request_id.clone(),
        /// When it was written.
        #[serde(with = "time::serde::rfc3339")]
        created_at: OffsetDateTime = command.created_at,
        /// When something last became of it.
        #[serde(with = "time::serde::rfc3339")]
        updated_at: OffsetDateTime = command.updated_at,
        /// When it came to its end.
        #[serde(with = "time::serde::rfc3339::option")]
        closed_at: Option<OffsetDateTime> = command.closed_at,
    }
}

impl From<&StoredCommand> for CommandView {
    fn from(command: &StoredCommand) -> Self {
        Self::of(command)
    }
}

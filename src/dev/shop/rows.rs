//! The rows of an order in schema `app`, and how far they say that it is.
//!
//! Called by the pages and by the story. It knows nothing of the API's answers: what an answer says is no state.

use serde_json::Value;

use super::catalog::money;
use super::orders::{Order, Wish};
use crate::domain::object::Kind;
use crate::store::object::{ObjectFilter, ObjectKey};
use crate::store::payment::PaymentRow;
use crate::store::subscription::SubscriptionRow;
use crate::store::{Store, StoreError};

/// The row of what an order has made.
pub(super) enum Row {
    Payment(Box<PaymentRow>),
    Setup(SetupRow),
    Subscription {
        subscription: Box<SubscriptionRow>,
        /// The payment of its first invoice, which the card form is about.
        first: Option<Box<PaymentRow>>,
    },
}

/// What the shop reads of a row of `app.setup_intents`.
pub(super) struct SetupRow {
    pub(super) id: String,
    pub(super) status: String,
    failure: Option<String>,
}

/// A card of the customer's, as its row in `app.payment_methods` has it.
pub(super) struct SavedCard {
    /// `pm_...`
    pub(super) id: String,
    pub(super) last4: String,
}

/// How far an order is. `word` is the stable one, for the script and for tests.
pub(super) struct Standing {
    pub(super) word: &'static str,
    pub(super) class: &'static str,
    pub(super) title: String,
    pub(super) text: String,
}

impl Standing {
    pub(super) fn new(
        word: &'static str,
        class: &'static str,
        title: &str,
        text: impl Into<String>,
    ) -> Self {
        Self { word, class, title: title.to_owned(), text: text.into() }
    }
}

/// An object of the shop's own account. `quittance dev` refuses keys of live mode.
pub(super) fn key(kind: Kind, id: &str) -> ObjectKey {
    let (kind, id) = (kind.as_str().to_owned(), id.to_owned());
    ObjectKey { kind, id, account: String::new(), livemode: false }
}

fn text(columns: &Value, name: &str) -> Option<String> {
    columns[name].as_str().map(str::to_owned)
}

impl Row {
    /// None: the order has made nothing yet, or its row is not there.
    ///
    /// # Errors
    /// Postgres.
    pub(super) async fn of(store: &Store, order: &Order) -> Result<Option<Self>, StoreError> {
        let Some(id) = &order.object else { return Ok(None) };
        Ok(match order.wish {
            Wish::Buy(_) | Wish::Charge(..) => {
                store.payment(id).await?.map(Box::new).map(Self::Payment)
            }
            Wish::SaveCard => {
                let row = store.typed_row(&key(Kind::SetupIntent, id)).await?;
                row.map(|row| {
                    let columns = &row.columns;
                    let failure = text(columns, "failure_decline_code");
                    Self::Setup(SetupRow {
                        id: id.clone(),
                        status: text(columns, "status").unwrap_or_default(),
                        failure: failure.or_else(|| text(columns, "failure_code")),
                    })
                })
            }
            Wish::Subscribe(_) => match store.subscription(id).await? {
                None => None,
                Some(subscription) => {
                    let first = match &order.first_payment {
                        Some(payment) => store.payment(payment).await?.map(Box::new),
                        None => None,
                    };
                    Some(Self::Subscription { subscription: Box::new(subscription), first })
                }
            },
        })
    }

    pub(super) fn table(&self) -> &'static str {
        match self {
            Self::Payment(_) => "app.payments",
            Self::Setup(_) => "app.setup_intents",
            Self::Subscription { .. } => "app.subscriptions",
        }
    }

    pub(super) fn id(&self) -> &str {
        match self {
            Self::Payment(row) => &row.id,
            Self::Setup(row) => &row.id,
            Self::Subscription { subscription, .. } => &subscription.id,
        }
    }

    pub(super) fn status(&self) -> &str {
        match self {
            Self::Payment(row) => &row.status,
            Self::Setup(row) => &row.status,
            Self::Subscription { subscription, .. } => &subscription.status,
        }
    }

    /// Whether the customer can still do something in the card form.
    pub(super) fn is_open(&self) -> bool {
        match self {
            Self::Payment(_) | Self::Setup(_) => matches!(
                self.status(),
                "requires_payment_method" | "requires_confirmation" | "requires_action"
            ),
            Self::Subscription { .. } => self.status() == "incomplete",
        }
    }

    pub(super) fn standing(&self) -> Standing {
        match self {
            Self::Payment(row) => of_payment(row),
            Self::Setup(row) => of_setup(row),
            Self::Subscription { subscription, first } => {
                of_subscription(&subscription.status, first.as_deref())
            }
        }
    }
}

fn declined(why: &str) -> Standing {
    let text = format!("The card was not accepted: {}. Try another one.", why.replace('_', " "));
    Standing::new("declined", "bad", "Not paid", text)
}

fn of_payment(row: &PaymentRow) -> Standing {
    match (row.status.as_str(), row.failure_code.as_deref()) {
        ("succeeded", _) => {
            let received = money(row.amount_received, &row.currency);
            Standing::new("paid", "good", "Paid", format!("{received} received. Thank you!"))
        }
        ("processing" | "requires_capture", _) => {
            Standing::new("processing", "warn", "Under way", "The bank is at work on it.")
        }
        ("canceled", _) => {
            Standing::new("canceled", "bad", "Cancelled", "This payment was cancelled.")
        }
        ("requires_action", _) => {
            let text = "The bank asks you to confirm it (3-D Secure).";
            Standing::new("action", "warn", "Not paid yet", text)
        }
        (_, Some("authentication_required")) => {
            let text = "The bank wants you to be there (authentication_required). Fill in the card form, and \
                        confirm.";
            Standing::new("authenticate", "warn", "Not paid yet", text)
        }
        (_, Some(code)) => declined(row.failure_decline_code.as_deref().unwrap_or(code)),
        (_, None) => {
            Standing::new("open", "plain", "Not paid yet", "Fill in the card form to pay.")
        }
    }
}

fn of_setup(row: &SetupRow) -> Standing {
    match (row.status.as_str(), row.failure.as_deref()) {
        ("succeeded", _) => {
            let text = "The card is saved. The products can be charged to it now.";
            Standing::new("saved", "good", "Saved", text)
        }
        ("processing", _) => {
            Standing::new("processing", "warn", "Under way", "The bank is at work on it.")
        }
        ("canceled", _) => Standing::new("canceled", "bad", "Cancelled", "This was cancelled."),
        ("requires_action", _) => {
            let text = "The bank asks you to confirm it (3-D Secure).";
            Standing::new("action", "warn", "Not saved yet", text)
        }
        (_, Some(why)) => Standing { title: "Not saved".to_owned(), ..declined(why) },
        (_, None) => {
            Standing::new("open", "plain", "Not saved yet", "Fill in the card form to save a card.")
        }
    }
}

/// A subscription is active when its own row says so, whatever that of its payment says.
fn of_subscription(status: &str, first: Option<&PaymentRow>) -> Standing {
    match status {
        "active" | "trialing" => {
            Standing::new("active", "good", "Active", "Your subscription is active. Thank you!")
        }
        "incomplete" => match first.map(of_payment) {
            Some(payment) if matches!(payment.word, "action" | "declined" | "processing") => {
                let title = "Not active yet".to_owned();
                Standing { title, ..payment }
            }
            Some(payment) if payment.word == "paid" => {
                let text = "The first payment has arrived, and the subscription is about to begin.";
                Standing::new("processing", "warn", "Under way", text)
            }
            Some(_) | None => {
                let text = "It begins with the first payment: fill in the card form.";
                Standing::new("open", "plain", "Not active yet", text)
            }
        },
        "canceled" | "incomplete_expired" => {
            Standing::new("canceled", "bad", "Ended", "This subscription is over.")
        }
        other => {
            let text = format!("The subscription is {}.", other.replace('_', " "));
            Standing::new("overdue", "warn", "Not paid", text)
        }
    }
}

/// The cards that a customer can be charged with, newest first.
///
/// # Errors
/// Postgres.
pub(super) async fn saved_cards(
    store: &Store,
    customer: &str,
) -> Result<Vec<SavedCard>, StoreError> {
    /// As many are offered.
    const MOST: u32 = 10;
    let filter = ObjectFilter {
        customer: Some(customer.to_owned()),
        kind: Some(Kind::PaymentMethod),
        account: Some(String::new()),
        ..ObjectFilter::default()
    };
    let mut cards = Vec::new();
    for found in store.find_objects(&filter, None, MOST).await? {
        if let Some(row) = store.typed_row(&found.key).await?
            && row.columns["status"] == "attached"
            && let Some(last4) = text(&row.columns, "last4")
        {
            cards.push(SavedCard { id: found.key.id, last4 });
        }
    }
    Ok(cards)
}

//! The orders of a shop. A real shop has a table for them; this one forgets them with its process.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::catalog::{Plan, Product};

/// What a customer wants.
#[derive(Debug, Clone)]
pub(super) enum Wish {
    /// To buy a product, with a card that is typed in.
    Buy(Product),
    /// To have a product charged to a saved card, `pm_...`, while the customer is away.
    Charge(Product, String),
    /// To save a card.
    SaveCard,
    /// To subscribe.
    Subscribe(Plan),
}

impl Wish {
    /// Whether it is about the customer's account, and no guest's.
    pub(super) fn needs_customer(&self) -> bool {
        match self {
            Self::Buy(_) => false,
            Self::Charge(..) | Self::SaveCard | Self::Subscribe(_) => true,
        }
    }

    /// The heading of its page.
    pub(super) fn title(&self) -> String {
        match self {
            Self::Buy(product) | Self::Charge(product, _) => {
                format!("{}, {}", product.name, product.price())
            }
            Self::SaveCard => "Save a card".to_owned(),
            Self::Subscribe(plan) => format!("Tea by post, {}", plan.price()),
        }
    }

    /// What the button of a card form says.
    pub(super) fn verb(&self) -> String {
        match self {
            Self::Buy(product) | Self::Charge(product, _) => format!("Pay {}", product.price()),
            Self::SaveCard => "Save the card".to_owned(),
            Self::Subscribe(_) => "Subscribe".to_owned(),
        }
    }
}

/// A wish that was sent off.
#[derive(Debug, Clone)]
pub(super) struct Order {
    /// Twelve hexadecimal digits. Longer runs of digits could look like a card number, and would be refused.
    pub(super) id: String,
    pub(super) wish: Wish,
    /// Counts the requests that were meant anew, from 1. A repeated request is the same attempt.
    pub(super) attempt: u32,
    /// What was made at Stripe, as soon as it is known: `pi_...`, `seti_...`, `sub_...`.
    pub(super) object: Option<String>,
    /// The payment of a subscription's first invoice, `pi_...`.
    pub(super) first_payment: Option<String>,
}

impl Order {
    /// The shop's own name for what is wanted: one live payment or subscription has it at a time.
    pub(super) fn reference(&self) -> String {
        format!("order-{}", self.id)
    }

    /// The idempotency key of an attempt: made of the order, so that a repeated request has the same one.
    pub(super) fn key(&self, attempt: u32) -> String {
        let what = match self.wish {
            Wish::Buy(_) | Wish::Charge(..) => "payment",
            Wish::SaveCard => "setup",
            Wish::Subscribe(_) => "subscription",
        };
        format!("order-{}-{what}-{attempt}", self.id)
    }
}

/// All orders, by id.
#[derive(Debug, Default)]
pub(super) struct Orders(Mutex<HashMap<String, Order>>);

impl Orders {
    /// Places an order. A form that is sent twice names the same id, and places one.
    pub(super) fn place(&self, id: &str, wish: Wish) {
        let order =
            Order { id: id.to_owned(), wish, attempt: 1, object: None, first_payment: None };
        self.all().entry(id.to_owned()).or_insert(order);
    }

    pub(super) fn get(&self, id: &str) -> Option<Order> {
        self.all().get(id).cloned()
    }

    /// Keeps what was made for an order.
    pub(super) fn has(&self, id: &str, object: &str, first_payment: Option<&str>) {
        if let Some(order) = self.all().get_mut(id) {
            order.object = Some(object.to_owned());
            if let Some(payment) = first_payment {
                order.first_payment = Some(payment.to_owned());
            }
        }
    }

    /// Begins the attempt after `attempt`. Sent twice, it begins one.
    pub(super) fn try_again(&self, id: &str, attempt: u32) {
        if let Some(order) = self.all().get_mut(id)
            && order.attempt == attempt
        {
            order.attempt += 1;
        }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Order>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An id for an order that is about to be placed.
pub(super) fn new_id() -> String {
    hex::encode(rand::random::<[u8; 6]>())
}

/// Whether a form names an id of this kind.
pub(super) fn is_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|it| it.is_ascii_digit() || (b'a'..=b'f').contains(&it))
}

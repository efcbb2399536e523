//! The orders of a shop. A real shop has a table for them; this one forgets them with its process.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::catalog::Product;

/// What a customer wants to buy.
#[derive(Debug, Clone)]
pub(super) struct Order {
    /// Twelve hexadecimal digits. Longer runs of digits could look like a card number, and would be refused.
    pub(super) id: String,
    pub(super) product: Product,
    /// Counts the requests for a payment that were meant anew, from 1. A repeated request is the same attempt.
    pub(super) attempt: u32,
    /// `pi_...`, as soon as it is known.
    pub(super) payment: Option<String>,
}

impl Order {
    /// The shop's own name for the purchase: one live payment has it at a time.
    pub(super) fn reference(&self) -> String {
        format!("order-{}", self.id)
    }

    /// The idempotency key of an attempt: made of the order, so that a repeated request has the same one.
    pub(super) fn key(&self, attempt: u32) -> String {
        format!("order-{}-payment-{attempt}", self.id)
    }
}

/// All orders, by id.
#[derive(Debug, Default)]
pub(super) struct Orders(Mutex<HashMap<String, Order>>);

impl Orders {
    /// Places an order. A form that is sent twice names the same id, and places one.
    pub(super) fn place(&self, id: &str, product: &Product) {
        let order =
            Order { id: id.to_owned(), product: product.clone(), attempt: 1, payment: None };
        self.all().entry(id.to_owned()).or_insert(order);
    }

    pub(super) fn get(&self, id: &str) -> Option<Order> {
        self.all().get(id).cloned()
    }

    /// Keeps which payment an order has.
    pub(super) fn has_payment(&self, id: &str, payment: &str) {
        if let Some(order) = self.all().get_mut(id) {
            order.payment = Some(payment.to_owned());
        }
    }

    /// Begins the attempt after `attempt`. Sent twice, it begins one.
    pub(super) fn try_again(&self, id: &str, attempt: u32) {
        if let Some(order) = self.all().get_mut(id)
            && order.payment.is_none()
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

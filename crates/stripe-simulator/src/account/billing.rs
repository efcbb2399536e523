//! Acts of a merchant, a customer, a bank and the calendar on subscriptions and invoices.

use serde_json::Value;

use super::Account;
use crate::actions::NewSubscription;
use crate::error::ApiError;

/// Each line: a method of `Tx` of the same name.
macro_rules! steps {
    ($($(#[$doc:meta])+ $name:ident($($argument:ident: $kind:ty),*);)+) => {
        impl Account {
            $(
                $(#[$doc])+
                ///
                /// # Errors
                /// Stripe's refusal.
                pub fn $name(&self, $($argument: $kind),*) -> Result<Value, ApiError> {
                    self.act(self.cause(), |tx| tx.$name($($argument),*))
                }
            )+
        }
    };
}

steps! {
    /// Makes a product, with an id of the team's own choice or of Stripe's.
    create_product(id: Option<&str>, name: &str);
    /// Renames a product, or archives it.
    update_product(id: &str, name: &str, active: bool);
    /// Deletes a product.
    delete_product(id: &str);
    /// Makes a monthly price of a product.
    create_price(product: &str, amount: i64, currency: &str);
    /// Changes a price, or archives it.
    update_price(id: &str, nickname: &str, active: bool);
    /// Deletes a price.
    delete_price(id: &str);

    /// Subscribes a customer, and tries to collect the first payment unless there is a trial.
    subscribe(new: NewSubscription);
    /// The period ends, and the next one is invoiced and tried with this card.
    renew(id: &str, card: &str);
    /// The open invoice is tried once more.
    retry_renewal(id: &str, card: &str);
    /// Stripe tries no more: the subscription is canceled, or left unpaid.
    give_up_renewal(id: &str, cancel: bool);
    /// The first payment was not made in time.
    expire_subscription(id: &str);
    /// Stripe announces that a trial ends soon.
    announce_trial_end(id: &str);
    /// A trial ends, and there is nothing to pay with.
    pause_after_trial(id: &str);
    /// A paused subscription goes on.
    resume_subscription(id: &str);
    /// No renewal any more.
    cancel_at_period_end(id: &str);
    /// The end, at once.
    cancel_subscription(id: &str);
    /// Other prices in the place of all items.
    replace_items(id: &str, prices: &[(String, u64)]);
    /// Stops (`void`, `keep_as_draft`, `mark_uncollectible`) or restarts the collection.
    pause_collection(id: &str, behavior: Option<&str>);

    /// An invoice by hand.
    draft_invoice(customer: &str, amount: i64, currency: &str);
    /// Deletes a draft.
    delete_draft(id: &str);
    /// Makes a draft final.
    finalize_invoice(id: &str);
    /// Tries to pay. A declined card shows in events, and is no error.
    pay_invoice(id: &str, card: &str);
    /// Marks as paid what was paid elsewhere.
    pay_out_of_band(id: &str);
    /// Calls an invoice off.
    void_invoice(id: &str);
    /// Writes an invoice off.
    write_off_invoice(id: &str);
    /// Stripe announces the next invoice, which does not exist yet.
    announce_renewal(subscription: &str);

    /// Makes a schedule that has not begun.
    create_schedule(customer: &str);
    /// Its first phase begins, with this subscription.
    start_schedule(id: &str, subscription: &str);
    /// It lets its subscription go on without it.
    release_schedule(id: &str);
    /// Its last phase is over.
    complete_schedule(id: &str);
    /// It ends, and its subscription with it.
    cancel_schedule(id: &str);
}

//! Rules of a checkout session that exists: whether it can be expired, and what its reference means.

use super::params::NewCheckout;
use super::reference::ReferenceUse;
use super::{RuleBreach, RuleCode};
use crate::kinds::checkout::{CheckoutObserved, CheckoutPaymentStatus, CheckoutProgress};
use crate::status_word::StatusWord;

/// Whether a session can be expired.
///
/// # Errors
/// [`RuleCode::StatusForbids`].
pub fn check_expire(session: &CheckoutObserved) -> Result<(), RuleBreach> {
    match session.progress.as_ref().and_then(StatusWord::known) {
        // Stripe decides about what the rules do not know.
        Some(CheckoutProgress::Open) | None => Ok(()),
        Some(CheckoutProgress::Complete | CheckoutProgress::Expired) => {
            let detail = "is not open any more: only an open session can be expired.";
            Err(RuleBreach::new(RuleCode::StatusForbids, "status", detail))
        }
    }
}

/// Judges a create whose reference a session has already. `made`: what that session was made with.
///
/// # Errors
/// An amount or a currency of the request is wrong.
pub fn judge(
    session: &CheckoutObserved,
    made: &NewCheckout,
    new: &NewCheckout,
) -> Result<ReferenceUse, RuleBreach> {
    let progress = session.progress.as_ref().and_then(StatusWord::known);
    if progress == Some(CheckoutProgress::Expired) {
        return Ok(ReferenceUse::Free);
    }
    let breach =
        |code, detail: &str| Ok(ReferenceUse::Breach(RuleBreach::new(code, "reference", detail)));
    let differs = match new.total()? {
        Some((total, currency)) => {
            session.amount_total != Some(total) || session.currency != Some(currency)
        }
        // Of a `price` only Stripe knows the amount: another one may be another amount.
        None => made.line_items != new.line_items,
    };
    if session.mode != new.mode.as_str() || differs {
        let detail = "belongs to a session of another mode, amount, currency or price. Expire that session \
                      first, or use another reference.";
        return breach(RuleCode::ReferenceDiffers, detail);
    }
    if progress == Some(CheckoutProgress::Complete) {
        let detail = match session.payment_status.known() {
            Some(CheckoutPaymentStatus::Unpaid) => {
                "belongs to a session that is complete, and whose payment is on its way: do not ask the \
                 customer to pay again."
            }
            Some(CheckoutPaymentStatus::Paid | CheckoutPaymentStatus::NoPaymentRequired) | None => {
                "belongs to a session that is complete: do not ask the customer to pay again."
            }
        };
        return breach(RuleCode::ReferencePaid, detail);
    }
    Ok(ReferenceUse::Existing)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::command::given::{checkout, session};

    #[test]
    fn a_reference_is_used_until_its_session_has_expired() {
        let judged =
            |session: &CheckoutObserved, made: &NewCheckout, new: &NewCheckout| match judge(
                session, made, new,
            )
            .unwrap()
            {
                ReferenceUse::Free => "free",
                ReferenceUse::Existing => "existing",
                ReferenceUse::Breach(breach) => breach.code.as_str(),
            };
        let mugs = checkout(json!({}));
        let code = |more: Value| judged(&session(more), &mugs, &mugs);
        assert_eq!(code(json!({})), "existing");
        assert_eq!(code(json!({"status": "expired"})), "free");
        assert_eq!(code(json!({"status": "complete", "payment_status": "paid"})), "reference_paid");
        assert_eq!(code(json!({"status": "complete"})), "reference_paid");
        assert_eq!(code(json!({"amount_total": 1999})), "reference_differs");
        assert_eq!(code(json!({"mode": "setup"})), "reference_differs");
        let priced = |price: &str| checkout(json!({"line_items": [{"price": price}]}));
        let same = judged(&session(json!({})), &priced("price_1"), &priced("price_1"));
        assert_eq!(same, "existing");
        let other = judged(&session(json!({})), &priced("price_1"), &priced("price_2"));
        assert_eq!(other, "reference_differs");
        check_expire(&session(json!({}))).unwrap();
        assert!(check_expire(&session(json!({"status": "expired"}))).is_err());
        assert!(check_expire(&session(json!({"status": "complete"}))).is_err());
    }
}

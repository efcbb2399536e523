//! References: a client's own name for a purchase, which one live payment has at a time.

use crate::command::{RuleBreach, RuleCode};
use crate::kinds::payment::PaymentStatus;
use crate::money::{Currency, Minor};
use crate::status_word::StatusWord;

/// Longest reference, in characters.
const MAX_REFERENCE: usize = 200;

/// Checks a reference.
///
/// # Errors
/// [`RuleCode::ReferenceInvalid`].
pub fn check(reference: &str) -> Result<(), RuleBreach> {
    let length = reference.chars().count();
    if length == 0 || length > MAX_REFERENCE || reference.contains(char::is_control) {
        let detail =
            format!("must have 1 to {MAX_REFERENCE} characters, and no control characters.");
        return Err(RuleBreach::new(RuleCode::ReferenceInvalid, "reference", detail));
    }
    Ok(())
}

/// The payment that has a reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferredPayment {
    /// Its status; none while the command that makes it is not closed.
    pub status: Option<StatusWord<PaymentStatus>>,
    /// What it is for.
    pub amount: Minor,
    /// Its currency.
    pub currency: Currency,
}

/// Result of a create whose reference is in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReferenceUse {
    /// The reference is free again: its payment was cancelled.
    Free,
    /// The payment that has it is the answer.
    Existing,
    /// No.
    Breach(RuleBreach),
}

/// Judges a create whose reference a payment has already.
#[must_use]
pub fn judge(existing: &ReferredPayment, amount: Minor, currency: Currency) -> ReferenceUse {
    let status = existing.status.as_ref().and_then(StatusWord::known);
    if status == Some(PaymentStatus::Canceled) {
        return ReferenceUse::Free;
    }
    let breach =
        |code, detail: String| ReferenceUse::Breach(RuleBreach::new(code, "reference", detail));
    if (existing.amount, existing.currency) != (amount, currency) {
        let detail = format!(
            "belongs to a payment of {} {}, and this request is for {amount} {currency}. Cancel that \
             payment first, or use another reference.",
            existing.amount, existing.currency
        );
        return breach(RuleCode::ReferenceDiffers, detail);
    }
    match status {
        // The money has come, or is on its way, or is held for us.
        Some(
            PaymentStatus::Succeeded | PaymentStatus::RequiresCapture | PaymentStatus::Processing,
        ) => {
            let detail = "belongs to a payment that is paid: do not ask the customer to pay again.";
            breach(RuleCode::ReferencePaid, detail.to_owned())
        }
        Some(
            PaymentStatus::RequiresPaymentMethod
            | PaymentStatus::RequiresConfirmation
            | PaymentStatus::RequiresAction
            | PaymentStatus::Canceled,
        )
        | None => ReferenceUse::Existing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status_word::Vocabulary as _;

    fn eur() -> Currency {
        Currency::parse("eur").unwrap()
    }

    fn used(status: Option<PaymentStatus>) -> ReferredPayment {
        ReferredPayment { status: status.map(Into::into), amount: 2_000, currency: eur() }
    }

    fn word(found: &ReferenceUse) -> &'static str {
        match found {
            ReferenceUse::Free => "free",
            ReferenceUse::Existing => "existing",
            ReferenceUse::Breach(breach) => breach.code.as_str(),
        }
    }

    #[test]
    fn a_reference_is_a_short_text() {
        check("order 42").unwrap();
        for bad in ["", "a\u{0}b", &"r".repeat(201)] {
            assert_eq!(check(bad).unwrap_err().code, RuleCode::ReferenceInvalid);
        }
    }

    #[test]
    fn each_status_of_the_payment_that_has_the_reference_decides() {
        let mut table = String::new();
        for status in PaymentStatus::WORDS {
            let found = judge(&used(Some(*status)), 2_000, eur());
            table.push_str(&format!("{}: {}\n", status.word(), word(&found)));
        }
        insta::assert_snapshot!(table);
        assert_eq!(judge(&used(None), 2_000, eur()), ReferenceUse::Existing);
    }

    #[test]
    fn another_amount_or_currency_is_another_purchase() {
        let usd = Currency::parse("usd").unwrap();
        let open = used(Some(PaymentStatus::RequiresPaymentMethod));
        assert_eq!(word(&judge(&open, 2_001, eur())), "reference_differs");
        assert_eq!(word(&judge(&open, 2_000, usd)), "reference_differs");
        let canceled = used(Some(PaymentStatus::Canceled));
        assert_eq!(word(&judge(&canceled, 1, usd)), "free");
    }
}

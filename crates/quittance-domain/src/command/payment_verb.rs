//! The verbs that a payment's status allows.

use crate::command::{CommandKind, RuleBreach, RuleCode};
use crate::kinds::payment::PaymentStatus;
use crate::status_word::StatusWord;

/// Whether a status allows what is asked of the payment. A status that the rules do not know allows
/// everything: Stripe decides then.
///
/// # Errors
/// [`RuleCode::StatusForbids`].
pub fn check(kind: CommandKind, status: &StatusWord<PaymentStatus>) -> Result<(), RuleBreach> {
    let Some(known) = status.known() else { return Ok(()) };
    use PaymentStatus as S;
    let (allowed, verb, from): (bool, &str, &str) = match kind {
        CommandKind::ConfirmPayment => (
            matches!(known, S::RequiresPaymentMethod | S::RequiresConfirmation | S::RequiresAction),
            "confirmed",
            "requires_payment_method, requires_confirmation or requires_action",
        ),
        CommandKind::CapturePayment => {
            (known == S::RequiresCapture, "captured", "requires_capture")
        }
        // Some methods can be cancelled while they are processed, and Stripe knows which.
        CommandKind::CancelPayment => (
            !matches!(known, S::Succeeded | S::Canceled),
            "cancelled",
            "any status but succeeded and canceled",
        ),
        // What was captured can be given back; what was not is cancelled.
        CommandKind::CreateRefund => (
            matches!(known, S::Succeeded | S::RequiresCapture | S::Processing),
            "refunded",
            "succeeded",
        ),
        CommandKind::CreatePayment
        | CommandKind::CreateCustomer
        | CommandKind::CreateCheckout
        | CommandKind::ExpireCheckout
        | CommandKind::CreateSetup
        | CommandKind::CreateSubscription
        | CommandKind::UpdateSubscription
        | CommandKind::CancelSubscription
        | CommandKind::CreatePortalSession => return Ok(()),
    };
    if allowed {
        return Ok(());
    }
    let is = crate::status_word::Vocabulary::word(known);
    let detail = format!("is {is}: a payment can be {verb} from {from}.");
    Err(RuleBreach::new(RuleCode::StatusForbids, "status", detail))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status_word::Vocabulary as _;

    #[test]
    fn each_status_allows_what_the_reviewed_table_says() {
        let verbs = [
            CommandKind::ConfirmPayment,
            CommandKind::CapturePayment,
            CommandKind::CancelPayment,
            CommandKind::CreateRefund,
        ];
        let mut table = String::new();
        for status in PaymentStatus::WORDS {
            let may: Vec<_> = verbs
                .iter()
                .filter(|verb| check(**verb, &(*status).into()).is_ok())
                .map(|verb| verb.as_str())
                .collect();
            table.push_str(&format!("{}: {}\n", status.word(), may.join(", ")));
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn a_status_of_tomorrow_is_left_to_stripe() {
        let unknown = StatusWord::Unknown("asleep".into());
        for kind in CommandKind::ALL {
            assert_eq!(check(*kind, &unknown), Ok(()), "{kind:?}");
        }
    }
}

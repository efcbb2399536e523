//! The part of a payment that can still be refunded.

use crate::command::{RuleBreach, RuleCode};
use crate::money::Minor;

/// A payment's money: received, refunded, and under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refundable {
    /// What was received.
    pub received: Minor,
    /// What went back, or is on its way there, as Stripe says.
    pub refunded: Minor,
    /// What commands have asked for that Stripe has not answered yet.
    pub under_way: Minor,
}

impl Refundable {
    /// What is left.
    #[must_use]
    pub fn left(self) -> Minor {
        let taken = self.refunded.max(0).saturating_add(self.under_way.max(0));
        self.received.saturating_sub(taken).max(0)
    }

    /// The amount of a refund: what is wanted, or all that is left.
    ///
    /// # Errors
    /// [`RuleCode::AmountTooSmall`], [`RuleCode::RefundExceedsLeft`].
    pub fn refund(self, wanted: Option<Minor>) -> Result<Minor, RuleBreach> {
        let left = self.left();
        let Self { received, refunded, under_way } = self;
        match wanted {
            Some(wanted) if wanted < 1 => {
                let detail = format!("is {wanted}; refund at least 1.");
                Err(RuleBreach::new(RuleCode::AmountTooSmall, "amount", detail))
            }
            Some(wanted) if wanted <= left => Ok(wanted),
            None if left > 0 => Ok(left),
            Some(_) | None => {
                let what = wanted.map(|wanted| format!("is {wanted}; ")).unwrap_or_default();
                let detail = format!(
                    "{what}{left} is left: {received} was received, {refunded} was refunded, and \
                     {under_way} is under way."
                );
                Err(RuleBreach::new(RuleCode::RefundExceedsLeft, "amount", detail))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_refund_is_what_is_wanted_or_all_that_is_left() {
        let money = Refundable { received: 2_000, refunded: 500, under_way: 300 };
        assert_eq!(money.refund(None), Ok(1_200));
        assert_eq!(money.refund(Some(1_200)), Ok(1_200));
        let breach = money.refund(Some(1_201)).unwrap_err();
        assert_eq!(breach.code, RuleCode::RefundExceedsLeft);
        assert!(breach.detail.contains("300 is under way"), "{breach}");
        assert_eq!(money.refund(Some(0)).unwrap_err().code, RuleCode::AmountTooSmall);
        let spent = Refundable { under_way: 1_500, ..money };
        assert_eq!(spent.refund(None).unwrap_err().code, RuleCode::RefundExceedsLeft);
    }

    proptest! {
        #[test]
        fn what_goes_back_never_exceeds_what_came(
            received in 0_i64.., refunded: i64, under_way: i64, wanted: Option<i64>,
        ) {
            let money = Refundable { received, refunded, under_way };
            if let Ok(refund) = money.refund(wanted) {
                prop_assert!(refund > 0);
                let all = i128::from(refund) + i128::from(refunded) + i128::from(under_way);
                prop_assert!(all <= i128::from(received) || refunded < 0 || under_way < 0);
            }
        }
    }
}

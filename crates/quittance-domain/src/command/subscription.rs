//! Rules of a subscription that exists: whether it is over, what changed it, and what its reference means.

use super::params::{NewSubscription, sorted};
use super::reference::ReferenceUse;
use super::text_limits::UPDATE_KEY;
use super::{RuleBreach, RuleCode};
use crate::kinds::subscription::{SubscriptionObserved, SubscriptionStatus};
use crate::status_word::Vocabulary as _;

/// Whether it is over: nothing brings it back.
#[must_use]
pub fn is_over(subscription: &SubscriptionObserved) -> bool {
    matches!(
        subscription.status.known(),
        Some(SubscriptionStatus::Canceled | SubscriptionStatus::IncompleteExpired)
    )
}

/// Whether this command was the last that changed a subscription: Stripe shows its id in the metadata.
#[must_use]
pub fn was_updated_by(subscription: &SubscriptionObserved, command: &str) -> bool {
    subscription.metadata.iter().any(|(key, value)| key == UPDATE_KEY && value == command)
}

/// Whether a subscription can be changed or ended.
///
/// # Errors
/// [`RuleCode::StatusForbids`].
pub fn check_status(subscription: &SubscriptionObserved) -> Result<(), RuleBreach> {
    if !is_over(subscription) {
        return Ok(());
    }
    let is = subscription.status.known().map_or("over", SubscriptionStatus::word);
    let detail = format!("is {is}: the subscription is over. Create a new one.");
    Err(RuleBreach::new(RuleCode::StatusForbids, "status", detail))
}

/// Judges a create whose reference a subscription has already.
#[must_use]
pub fn judge(existing: &SubscriptionObserved, new: &NewSubscription) -> ReferenceUse {
    if is_over(existing) {
        return ReferenceUse::Free;
    }
    let breach =
        |code, detail: &str| ReferenceUse::Breach(RuleBreach::new(code, "reference", detail));
    let has =
        existing.items.iter().map(|it| (it.price.id.as_str().to_owned(), it.quantity.unwrap_or(1)));
    if existing.customer != new.customer || sorted(has.collect()) != new.priced() {
        let detail = "belongs to a subscription of another customer, or to other prices or quantities. Change or \
                      cancel that subscription, or use another reference.";
        return breach(RuleCode::ReferenceDiffers, detail);
    }
    match existing.status.known() {
        Some(
            SubscriptionStatus::Active
            | SubscriptionStatus::PastDue
            | SubscriptionStatus::Unpaid
            | SubscriptionStatus::Paused,
        ) => {
            let detail = "belongs to a subscription that has begun: do not ask the customer to subscribe again.";
            breach(RuleCode::ReferencePaid, detail)
        }
        Some(
            SubscriptionStatus::Incomplete
            | SubscriptionStatus::Trialing
            | SubscriptionStatus::IncompleteExpired
            | SubscriptionStatus::Canceled,
        )
        | None => ReferenceUse::Existing,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::command::given::{new_subscription, subscription};

    #[test]
    fn a_reference_is_used_until_its_subscription_is_over() {
        let mut table = String::new();
        for status in SubscriptionStatus::WORDS {
            let used = judge(
                &subscription(json!({"status": status.word()})),
                &new_subscription(json!({})),
            );
            let word = match &used {
                ReferenceUse::Free => "free",
                ReferenceUse::Existing => "existing",
                ReferenceUse::Breach(breach) => breach.code.as_str(),
            };
            table.push_str(&format!("{}: {word}\n", status.word()));
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn another_customer_price_or_quantity_is_another_subscription() {
        let has = subscription(json!({}));
        for more in [
            json!({"customer": "cus_2"}),
            json!({"items": [{"price": "price_2", "quantity": 2}]}),
            json!({"items": [{"price": "price_1"}]}),
        ] {
            let ReferenceUse::Breach(breach) = judge(&has, &new_subscription(more.clone())) else {
                panic!("{more}");
            };
            assert_eq!(breach.code, RuleCode::ReferenceDiffers, "{more}");
        }
    }

    #[test]
    fn what_is_over_is_changed_no_more() {
        check_status(&subscription(json!({}))).unwrap();
        check_status(&subscription(json!({"status": "asleep"}))).unwrap();
        for status in ["canceled", "incomplete_expired"] {
            let breach = check_status(&subscription(json!({"status": status}))).unwrap_err();
            assert_eq!(breach.code, RuleCode::StatusForbids, "{status}");
        }
    }
}

//! Links to objects in Stripe's dashboard.

/// Where objects of a kind have a page, by their ids. All others are found by a search.
const PAGES: &[(&str, &str)] = &[
    ("charge", "payments"),
    ("checkout.session", "checkout/sessions"),
    ("customer", "customers"),
    ("invoice", "invoices"),
    ("payment_intent", "payments"),
    ("payout", "payouts"),
    ("price", "prices"),
    ("product", "products"),
    ("setup_intent", "setup_intents"),
    ("subscription", "subscriptions"),
    ("subscription_schedule", "subscription_schedules"),
];

/// The address of an object's page in its mode and account. `account` is empty for our own.
///
/// A connected account is looked at by its platform, as the account itself is.
#[must_use]
pub fn link(account: &str, livemode: bool, kind: &str, id: &str) -> String {
    let mode = if livemode { "" } else { "test/" };
    if kind == "account" {
        return format!("https://dashboard.stripe.com/{mode}connect/accounts/{id}");
    }
    let account = if account.is_empty() { String::new() } else { format!("{account}/") };
    match PAGES.iter().find(|(of, _)| *of == kind) {
        Some((_, page)) => format!("https://dashboard.stripe.com/{account}{mode}{page}/{id}"),
        None => format!("https://dashboard.stripe.com/{account}{mode}search?query={id}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_link_leads_to_the_objects_mode_and_account() {
        for (account, livemode, kind, id, expected) in [
            ("", true, "payment_intent", "pi_1", "payments/pi_1"),
            ("", false, "payment_intent", "pi_1", "test/payments/pi_1"),
            ("acct_1", false, "invoice", "in_1", "acct_1/test/invoices/in_1"),
            ("acct_1", true, "refund", "re_1", "acct_1/search?query=re_1"),
            ("", true, "account", "acct_1", "connect/accounts/acct_1"),
        ] {
            let expected = format!("https://dashboard.stripe.com/{expected}");
            assert_eq!(link(account, livemode, kind, id), expected);
        }
    }
}

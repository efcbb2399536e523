//! Comparisons of an answer with known state: proved to be older, doubtful, and left alone.

use super::*;

struct Of<'a>(&'a [(&'a str, FieldValue<'a>)]);

impl Fields for Of<'_> {
    fn field(&self, path: &str) -> FieldValue<'_> {
        let found = self.0.iter().find(|(name, _)| *name == path);
        found.map_or(FieldValue::Absent, |(_, value)| value.clone())
    }
}

fn text(text: &str) -> FieldValue<'_> {
    FieldValue::Text(text.into())
}

fn status_of(kind: Kind, was: &str, is: &str) -> Comparison {
    compare(kind, &Of(&[("status", text(was))]), &Of(&[("status", text(is))]), true)
}

#[test]
fn no_path_leads_from_the_event_to_an_older_status() {
    for (kind, was, is) in [
        (Kind::PaymentIntent, "succeeded", "processing"),
        (Kind::PaymentIntent, "canceled", "requires_payment_method"),
        (Kind::Charge, "failed", "pending"),
        (Kind::Charge, "succeeded", "pending"),
        (Kind::Refund, "succeeded", "pending"),
        (Kind::Subscription, "canceled", "active"),
        (Kind::Subscription, "active", "incomplete"),
        (Kind::Invoice, "open", "draft"),
        (Kind::Invoice, "paid", "open"),
        (Kind::SubscriptionSchedule, "released", "active"),
        (Kind::Dispute, "won", "under_review"),
        (Kind::Payout, "paid", "in_transit"),
        (Kind::SetupIntent, "succeeded", "requires_action"),
    ] {
        assert_eq!(status_of(kind, was, is), Comparison::Older("status"), "{was} → {is}");
        assert_eq!(status_of(kind, is, was), Comparison::UpToDate, "{is} → {was}");
        assert_eq!(status_of(kind, was, was), Comparison::UpToDate, "{was}");
    }
}

#[test]
fn a_status_that_can_come_and_go_is_doubtful_and_a_failed_attempt_is_later() {
    let doubt = Comparison::Doubtful("status");
    assert_eq!(status_of(Kind::Subscription, "past_due", "active"), doubt);
    assert_eq!(status_of(Kind::PaymentIntent, "processing", "requires_payment_method"), doubt);
    let was = [("status", text("processing")), ("last_payment_error", FieldValue::Null)];
    let error = FieldValue::Other("declined".into());
    let is = [("status", text("requires_payment_method")), ("last_payment_error", error)];
    let failed = compare(Kind::PaymentIntent, &Of(&was), &Of(&is), true);
    assert_eq!(failed, Comparison::UpToDate);
}

#[test]
fn a_session_that_is_paid_was_never_unpaid_after_that() {
    let session = |status, paid| [("status", text(status)), ("payment_status", text(paid))];
    let compare = |was: &[_], is: &[_]| compare(Kind::CheckoutSession, &Of(was), &Of(is), true);
    let (unpaid, paid) = (session("complete", "unpaid"), session("complete", "paid"));
    assert_eq!(compare(&paid, &unpaid), Comparison::Older("status"));
    assert_eq!(compare(&unpaid, &paid), Comparison::UpToDate);
    assert_eq!(compare(&paid, &session("open", "unpaid")), Comparison::Older("status"));
}

#[test]
fn what_is_set_once_and_what_only_rises_is_a_proof() {
    let n = FieldValue::Number;
    for (kind, field, was, is) in [
        (Kind::PaymentIntent, "latest_charge", text("ch_1"), FieldValue::Null),
        (Kind::PaymentIntent, "amount_received", n(1099), n(0)),
        (Kind::Charge, "captured", FieldValue::Flag(true), FieldValue::Flag(false)),
        (Kind::Charge, "amount_captured", n(2), n(1)),
        (Kind::Invoice, "status_transitions.paid_at", n(1), FieldValue::Null),
        (Kind::Invoice, "attempt_count", n(2), n(1)),
        (Kind::Product, "updated", n(2), n(1)),
    ] {
        let (was, is) = ([(field, was)], [(field, is)]);
        assert_eq!(compare(kind, &Of(&was), &Of(&is), true), Comparison::Older(field));
        assert_eq!(compare(kind, &Of(&is), &Of(&was), true), Comparison::UpToDate, "{field}");
    }
}

#[test]
fn a_refund_that_fails_makes_less_of_what_went_back() {
    let (was, is) = (
        [("amount_refunded", FieldValue::Number(5))],
        [("amount_refunded", FieldValue::Number(0))],
    );
    let fell = compare(Kind::Charge, &Of(&was), &Of(&is), true);
    assert_eq!(fell, Comparison::Doubtful("amount_refunded"));
    assert_eq!(compare(Kind::Charge, &Of(&is), &Of(&was), true), Comparison::UpToDate);
}

#[test]
fn a_field_that_one_of_the_two_does_not_have_says_nothing() {
    let was = [("latest_charge", text("ch_1")), ("metadata", FieldValue::Other("{}".into()))];
    let neither = Of(&[]);
    assert_eq!(compare(Kind::PaymentIntent, &Of(&was), &neither, true), Comparison::UpToDate);
    assert_eq!(compare(Kind::PaymentIntent, &neither, &Of(&was), true), Comparison::UpToDate);
}

#[test]
fn another_version_counts_where_it_has_always_meant_the_same() {
    let was = [("status", text("succeeded")), ("latest_charge", text("ch_1"))];
    let is = [("status", text("succeeded")), ("latest_charge", FieldValue::Null)];
    let compare = |was: &[_], is: &[_]| compare(Kind::PaymentIntent, &Of(was), &Of(is), false);
    assert_eq!(compare(&was, &is), Comparison::UpToDate);
    let processing = [("status", text("processing"))];
    assert_eq!(compare(&was, &processing), Comparison::Older("status"));
    assert_eq!(compare(&[("status", text("requires_source"))], &processing), Comparison::UpToDate);
}

#[test]
fn looks_are_bounded_in_number_and_by_age() {
    let limit = Duration::from_secs(60);
    let (mut age, mut looks) = (Duration::ZERO, 1);
    while let Some(wait) = again_after(age, limit) {
        assert!(wait >= FIRST || age + wait == limit);
        age += wait;
        looks += 1;
    }
    assert_eq!((age, looks), (limit, 9));
    assert_eq!(again_after(limit, limit), None);
    assert_eq!(again_after(Duration::ZERO, Duration::ZERO), None);
}

#[test]
fn an_event_is_as_old_as_the_later_of_two_clocks_says() {
    let arrival = |created, ago| Arrival { created, received_ago: Duration::from_secs(ago) };
    let age = |arrival: Arrival| arrival.age(100).as_secs();
    assert_eq!(age(arrival(Some(90), 3)), 10);
    assert_eq!(age(arrival(Some(99), 3)), 3);
    assert_eq!(age(arrival(Some(500), 3)), 3, "made in the future");
    assert_eq!(age(arrival(None, 3)), 3, "by a test clock");
}

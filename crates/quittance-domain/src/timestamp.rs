//! Times on Stripe's clock.

/// Whole seconds since 1970, on Stripe's clock.
///
/// Stripe's `created` has no finer resolution (docs.stripe.com, "The Event object"), which is why
/// it alone never orders two events.
pub type Timestamp = i64;

/// Whether a time lies in the years 1 to 9999: what Postgres, RFC 3339 and every client of ours can
/// hold, and more than Stripe can mean.
#[must_use]
pub fn is_storable_time(at: Timestamp) -> bool {
    (-62_135_596_800..=253_402_300_799).contains(&at)
}

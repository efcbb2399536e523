//! Findings of the comparison with Stripe.

use crate::stripe_api::StripeError;

/// Findings of the check: each line can be read alone.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// As it should be.
    pub(crate) seen: Vec<String>,
    /// Not as it should be.
    pub(crate) warnings: Vec<String>,
    /// What could not be seen, which is no fault: a restricted key need not be allowed to.
    pub(crate) unseen: Vec<String>,
    /// Why Stripe could not be asked at all: it is not reached, or refuses the key.
    pub(crate) fault: Option<StripeError>,
}

impl Findings {
    /// Notes that a part could not be read.
    pub(super) fn not_seen(&mut self, what: &str, error: StripeError) {
        if error.is_forbidden() {
            self.unseen.push(format!("{what} could not be seen: {error}"));
        } else {
            // All are refused alike, or none is reached: the first says it.
            self.fault.get_or_insert(error);
        }
    }
}

//! What Stripe is like in `quittance dev`, unless it is to be calm.

use std::time::Duration;

use stripe_simulator::Chaos;

/// What an ordinary bad day at Stripe looks like, all at once.
pub(super) fn rough(chaos: &mut Chaos) {
    chaos.duplicates = 0.15;
    chaos.duplicates_within = Duration::from_secs(3);
    chaos.reorder_within = Duration::from_millis(1_500);
    chaos.forged = 0.02;
    chaos.old_snapshots = 0.1;
    chaos.event_lag_seconds = 1;
    chaos.rate_limited = 0.03;
    chaos.retry_after = 0.3;
    chaos.server_errors = 0.03;
    chaos.hangs = 0.003;
    chaos.slow = 0.05;
    chaos.slow_by = Duration::from_millis(400);
    chaos.resets = 0.02;
}

//! State of one of the limiter's buckets, for the status pages.

/// Level of a token bucket.
#[derive(Debug, Clone, PartialEq)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// Tokens a second that it gets now.
    pub rate: f64,
    /// Tokens a second that it gets when Stripe has not slowed us down.
    pub full_rate: f64,
    /// Tokens in it.
    pub tokens: f64,
    /// The most that it holds.
    pub capacity: f64,
    /// Until when its rate is less than the full one, in Unix milliseconds of Redis' clock.
    pub slowed_until_ms: Option<i64>,
}

/// In how many microseconds a halved rate grows back: as in `budget_take.lua`.
const RECOVERY: f64 = 30_000_000.0;

impl Bucket {
    /// The fields that [`Self::read`] wants, in their order.
    pub(super) const FIELDS: &'static [&'static str] =
        &["tokens", "at", "share", "slowed", "rate", "capacity"];

    /// Reckons as `budget_take.lua` does, without taking anything. `now` is in microseconds.
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a clock")]
    pub(super) fn read(name: String, state: &[Option<f64>], now: u128) -> Option<Self> {
        let &[Some(tokens), Some(at), share, slowed, Some(full_rate), Some(capacity)] = state
        else {
            return None;
        };
        let now = now as f64;
        let (mut now_share, mut slowed_until_ms) = (1.0, None);
        if let (Some(share), Some(slowed)) = (share, slowed) {
            now_share = (share + (now - slowed) / RECOVERY).min(1.0);
            let until = slowed + (1.0 - share) * RECOVERY;
            slowed_until_ms = (until > now).then_some((until / 1000.0) as i64);
        }
        let rate = full_rate * now_share;
        let gained = (now - at).max(0.0) / 1_000_000.0 * rate;
        let tokens = (tokens + gained).min(capacity);
        Some(Self { name, rate, full_rate, tokens, capacity, slowed_until_ms })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(tokens: f64, share: Option<f64>, now: u128) -> Bucket {
        let state = [Some(tokens), Some(1e9), share, share.and(Some(1e9)), Some(10.0), Some(2.0)];
        Bucket::read("b".into(), &state, now).expect("it reads")
    }

    #[test]
    fn tokens_come_back_with_time_up_to_the_capacity() {
        assert!((read(0.5, None, 1_000_100_000).tokens - 1.5).abs() < 1e-9);
        assert!((read(0.5, None, 2_000_000_000).tokens - 2.0).abs() < 1e-9);
    }

    #[test]
    fn a_halved_rate_is_back_after_fifteen_seconds() {
        let slowed = read(0.0, Some(0.5), 1_000_000_000);
        assert!((slowed.rate - 5.0).abs() < 1e-9);
        assert_eq!(slowed.slowed_until_ms, Some(1_015_000));
        let again = read(0.0, Some(0.5), 1_016_000_000);
        assert!((again.rate - 10.0).abs() < 1e-9);
        assert_eq!(again.slowed_until_ms, None);
    }
}

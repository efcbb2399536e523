//! Many measurements of one thing.

/// Milliseconds, in order.
#[derive(Debug, Clone)]
pub(crate) struct Timings(Vec<f64>);

impl Timings {
    pub(crate) fn new(mut milliseconds: Vec<f64>) -> Self {
        assert!(!milliseconds.is_empty(), "nothing was measured");
        milliseconds.sort_by(f64::total_cmp);
        Self(milliseconds)
    }

    /// The smallest one that `percent` of them do not exceed.
    pub(crate) fn percentile(&self, percent: usize) -> f64 {
        let rank = (self.0.len() * percent).div_ceil(100);
        self.0[rank.saturating_sub(1)]
    }

    pub(crate) fn max(&self) -> f64 {
        self.percentile(100)
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }
}

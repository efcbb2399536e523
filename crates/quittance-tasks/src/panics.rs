//! Panics of futures, as errors.
//!
//! For code that must go on although the work that it runs panics: the worker for a job, single flight
//! for a call that several wait for, the supervisor for a background task. It must never decide what follows
//! from a panic.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;

/// A caught panic.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("panicked: {0}")]
pub struct Panicked(String);

impl Panicked {
    /// What the panic said.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0
    }

    fn new(payload: &(dyn Any + Send)) -> Self {
        let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
        Self(text.unwrap_or_else(|| "it did not say why".to_owned()))
    }
}

/// Runs a future to its end.
///
/// What the future leaves behind when it panics must be safe to use, as with a thread that panics.
///
/// # Errors
/// It panicked.
pub async fn caught<T>(future: impl Future<Output = T>) -> Result<T, Panicked> {
    AssertUnwindSafe(future).catch_unwind().await.map_err(|payload| Panicked::new(&*payload))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_error_with_its_text() {
        let panics = async { assert!(std::hint::black_box(false), "out of {}", "fuel") };
        assert_eq!(caught(panics).await.unwrap_err().to_string(), "panicked: out of fuel");
        assert_eq!(caught(async { 5 }).await, Ok(5));
    }
}

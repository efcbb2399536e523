//! Idempotency keys (docs.stripe.com, "Idempotent requests").

use std::collections::HashMap;

use serde_json::Value;

use crate::error::ApiError;

/// The longest key that Stripe takes.
pub(crate) const LONGEST_KEY: usize = 255;

/// The first answers, by key.
#[derive(Default)]
pub(crate) struct Idempotency(HashMap<String, Entry>);

struct Entry {
    /// Method, path and parameters of the first request.
    request: String,
    created: i64,
    first: First,
    running: bool,
}

/// The first answer to a key.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct First {
    pub(crate) request_id: String,
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Idempotency {
    /// The first answer, if the key was used in the last `kept` seconds.
    pub(crate) fn look(
        &self,
        key: &str,
        request: &str,
        now: i64,
        kept: u32,
    ) -> Result<Option<First>, ApiError> {
        match self.0.get(key) {
            Some(entry) if now - entry.created < i64::from(kept) => entry.answer(key, request),
            Some(_) | None => Ok(None),
        }
    }

    /// Keeps the first answer. It counts as running until [`finish`](Self::finish).
    pub(crate) fn keep(&mut self, key: &str, request: String, now: i64, first: First) {
        let entry = Entry { request, created: now, first, running: true };
        self.0.insert(key.to_owned(), entry);
    }

    /// The first request is over, answered or not.
    pub(crate) fn finish(&mut self, key: &str) {
        if let Some(entry) = self.0.get_mut(key) {
            entry.running = false;
        }
    }
}

/// The answer while the first request with a key is running.
pub(crate) fn key_in_use(key: &str) -> ApiError {
    let message = format!(
        "There is currently another in-progress request using this Idempotent Key ('{key}')."
    );
    ApiError::new(409, "idempotency_error", message).code("idempotency_key_in_use")
}

impl Entry {
    fn answer(&self, key: &str, request: &str) -> Result<Option<First>, ApiError> {
        if self.request != request {
            let message = format!(
                "Keys for idempotent requests can only be used with the same parameters they were \
                 first used with. Try using a key other than '{key}' if you meant to execute a \
                 different request."
            );
            return Err(ApiError::new(400, "idempotency_error", message));
        }
        if self.running {
            return Err(key_in_use(key));
        }
        Ok(Some(self.first.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u32 = 24 * 3600;

    fn first() -> First {
        First { request_id: "req_1".into(), status: 200, body: Value::Null }
    }

    #[test]
    fn a_key_answers_the_same_once_the_first_request_is_over() {
        let mut keys = Idempotency::default();
        assert_eq!(keys.look("k", "POST a", 0, DAY).unwrap(), None);
        keys.keep("k", "POST a".into(), 0, first());
        assert_eq!(keys.look("k", "POST a", 1, DAY).unwrap_err().status, 409);
        keys.finish("k");
        assert_eq!(keys.look("k", "POST a", 1, DAY).unwrap(), Some(first()));
        assert_eq!(keys.look("k", "POST b", 1, DAY).unwrap_err().body.kind, "idempotency_error");
    }

    #[test]
    fn a_key_is_forgotten_after_a_set_time() {
        let mut keys = Idempotency::default();
        keys.keep("k", "POST a".into(), 0, first());
        keys.finish("k");
        assert!(keys.look("k", "POST b", 59, 60).is_err());
        assert_eq!(keys.look("k", "POST b", 60, 60).unwrap(), None);
    }
}

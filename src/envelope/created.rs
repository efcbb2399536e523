//! `created`, in both of the ways in which Stripe writes it.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::domain::event::{Timestamp, is_storable_time};

/// Whole seconds: a number in a snapshot event, an RFC 3339 text in a thin one. `None`: it is outside of
/// the years 1 to 9999, so it can be stored nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Created(pub(super) Option<Timestamp>);

impl<'de> Deserialize<'de> for Created {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CreatedVisitor)
    }
}

struct CreatedVisitor;

impl Visitor<'_> for CreatedVisitor {
    type Value = Created;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("seconds since 1970, or an RFC 3339 time")
    }

    fn visit_i64<E: Error>(self, seconds: i64) -> Result<Created, E> {
        Ok(Created(Some(seconds).filter(|seconds| is_storable_time(*seconds))))
    }

    fn visit_u64<E: Error>(self, seconds: u64) -> Result<Created, E> {
        let seconds = Timestamp::try_from(seconds).ok();
        Ok(Created(seconds.filter(|seconds| is_storable_time(*seconds))))
    }

    fn visit_f64<E: Error>(self, seconds: f64) -> Result<Created, E> {
        // serde_json reads an integer of more than 64 bits as a float.
        if seconds.abs() < 9.2e18 {
            Err(E::custom("is no whole number"))
        } else {
            Ok(Created(None))
        }
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Created, E> {
        // Floored, as everything that is compared with it is.
        OffsetDateTime::parse(text, &Rfc3339)
            .map(|at| Created(Some(at.unix_timestamp()).filter(|at| is_storable_time(*at))))
            .map_err(|_| E::custom("is no RFC 3339 time"))
    }
}

//! `created`, in both of the ways in which Stripe writes it.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::domain::event::Timestamp;

/// Whole seconds: a number in a snapshot event, an RFC 3339 text in a thin one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Created(pub(super) Timestamp);

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
        Ok(Created(seconds))
    }

    fn visit_u64<E: Error>(self, seconds: u64) -> Result<Created, E> {
        Timestamp::try_from(seconds).map(Created).map_err(|_| E::custom("is out of range"))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Created, E> {
        // Floored, as everything that is compared with it is.
        OffsetDateTime::parse(text, &Rfc3339)
            .map(|at| Created(at.unix_timestamp()))
            .map_err(|_| E::custom("is no RFC 3339 time"))
    }
}

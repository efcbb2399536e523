//! Settings of retention: `[retention]`.

use std::fmt;
use std::time::Duration;

use serde::de::{self, Deserialize, Deserializer};

/// `[retention]`: how long records are kept.
#[derive(Debug, Clone, Copy, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// Dead letters that were resolved.
    pub resolved_letters: Keep,
    /// Dead letters that were discarded.
    pub discarded_letters: Keep,
    /// Attempts at events that have no dead letter.
    pub attempts: Keep,
    /// The audit log.
    pub audit_log: Keep,
}

/// Retention period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Records are never removed.
    Forever,
    /// Older records are removed.
    For(Duration),
}

impl<'de> Deserialize<'de> for Keep {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Keep;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration, or \"forever\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Keep, E> {
                match (text, humantime::parse_duration(text)) {
                    ("forever", _) => Ok(Keep::Forever),
                    (_, Ok(duration)) => Ok(Keep::For(duration)),
                    (_, Err(_)) => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
                }
            }
        }

        deserializer.deserialize_str(Visitor)
    }
}

//! An address to listen on, or none.

use std::net::SocketAddr;

use serde::de::{Deserialize, Deserializer, Error};

/// An empty text is none: TOML has no word for it, and neither has the environment.
pub(super) fn or_none<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SocketAddr>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| D::Error::custom("is not an address and a port"))
}

/// An address that has to be there.
pub(super) fn required<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|_| D::Error::custom("is not an address and a port"))
}

//! Parsing of addresses to listen on.

use std::net::SocketAddr;

use serde::de::{Deserialize, Deserializer, Error};

/// Parses an optional address. An empty text means none: neither TOML nor the environment has a null.
pub(super) fn or_none<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SocketAddr>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| D::Error::custom("is not an address and a port"))
}

/// Parses a required address.
pub(super) fn required<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|_| D::Error::custom("is not an address and a port"))
}

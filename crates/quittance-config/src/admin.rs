//! Settings of the operators' pages and their API: `[admin]` and `[admin.tokens.*]`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde::Deserialize;

use super::address;
use super::secret::Secret;

/// `[admin]`: the operators' pages and their API.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Admin {
    /// Address to listen on; without tokens, a loopback address only.
    #[serde(deserialize_with = "address::required")]
    pub listen: SocketAddr,
    /// Lifetime of a session.
    #[serde(with = "humantime_serde")]
    pub session_ttl: Duration,
    /// Key that signs session cookies; empty: a random one for each process.
    pub session_key: Secret,
    /// Whether a reverse proxy terminates TLS and forwards the client's address.
    pub behind_proxy: bool,
    /// Access tokens, by name.
    pub tokens: BTreeMap<String, Token>,
}

impl Admin {
    /// The tokens that are in use: those with a hash.
    pub fn known_tokens(&self) -> impl Iterator<Item = (&str, &Token)> {
        let known = self.tokens.iter().filter(|(_, token)| !token.hash.is_empty());
        known.map(|(name, token)| (name.as_str(), token))
    }
}

/// `[admin.tokens.NAME]`: the token of a person or a program.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// `sha256:` and the hash of the token in hex. It is treated as a secret, because a user may put the token
    /// itself there by mistake.
    pub hash: Secret,
    /// Its permissions.
    pub role: AdminRole,
}

/// Permissions of an operator. Later ones include earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AdminRole {
    /// Read everything.
    Viewer,
    /// Read and change everything.
    Operator,
}

impl AdminRole {
    /// `viewer`, `operator`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
        }
    }
}

//! `[admin]` and `[admin.tokens.*]`

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
    /// Where it listens. Without tokens only on this machine.
    #[serde(deserialize_with = "address::required")]
    pub listen: SocketAddr,
    /// How long a sign-in lasts.
    #[serde(with = "humantime_serde")]
    pub session_ttl: Duration,
    /// What session cookies are signed with; none: a random one for each process.
    pub session_key: Secret,
    /// Whether a proxy in front ends TLS and says whom it asks for.
    pub behind_proxy: bool,
    /// Who may come in, by name.
    pub tokens: BTreeMap<String, Token>,
}

impl Admin {
    /// The tokens that exist: one without a hash does not.
    pub fn known_tokens(&self) -> impl Iterator<Item = (&str, &Token)> {
        let known = self.tokens.iter().filter(|(_, token)| !token.hash.is_empty());
        known.map(|(name, token)| (name.as_str(), token))
    }
}

/// `[admin.tokens.NAME]`: one person or program.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// `sha256:` and the hash of the token in hex. A secret all the same: what stands in its place
    /// by mistake is the token itself.
    pub hash: Secret,
    /// What it may do.
    pub role: AdminRole,
}

/// What an operator may do. The later includes the earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AdminRole {
    /// Look at everything.
    Viewer,
    /// Change what can be changed, too.
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

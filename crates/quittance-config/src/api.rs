//! Settings of the API: `[api]`, `[api.amounts.*]` and `[api.tokens.*]`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde::Deserialize;

use super::address;
use super::secret::Secret;

/// `[api]`: the API through which a product team acts on Stripe.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Api {
    /// Where it listens. Without tokens only on this machine.
    #[serde(deserialize_with = "address::required")]
    pub listen: SocketAddr,
    /// How long a client waits for an answer before it is told that the command goes on without it.
    #[serde(with = "humantime_serde")]
    pub deadline: Duration,
    /// Commands that one process carries out at once.
    pub max_in_flight: usize,
    /// How long one turn at a command may take before another process takes it up.
    #[serde(with = "humantime_serde")]
    pub lease: Duration,
    /// How long a command that Stripe never received may still be sent.
    #[serde(with = "humantime_serde")]
    pub unsent_for: Duration,
    /// How long Stripe's lists may lag behind what was made.
    #[serde(with = "humantime_serde")]
    pub list_lag: Duration,
    /// How long closed commands, and with them their keys, are kept.
    #[serde(with = "humantime_serde")]
    pub keep_keys: Duration,
    /// How old the knowledge of a connected account may be when it is to be paid.
    #[serde(with = "humantime_serde")]
    pub destination_max_age: Duration,
    /// The origins that a customer may be sent back to.
    pub return_urls: Vec<String>,
    /// Fields whose long numbers are not taken for card numbers.
    pub card_data_exempt: Vec<String>,
    /// The amounts that one command may have, by currency.
    pub amounts: BTreeMap<String, AmountRange>,
    /// Who may come in, by name.
    pub tokens: BTreeMap<String, ApiToken>,
}

/// `[api.amounts.CURRENCY]`: in the currency's smallest unit.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AmountRange {
    /// The lowest.
    pub min: i64,
    /// The highest.
    pub max: i64,
}

/// `[api.tokens.NAME]`: one program.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiToken {
    /// `sha256:` and the hash of the token in hex.
    pub hash: Secret,
    /// What it may do.
    pub scopes: Vec<ApiScope>,
    /// The highest amount of one command: `eur:50000`.
    pub max_amount: Vec<CurrencyAmount>,
    /// The highest amount of all its commands of a day (UTC).
    pub max_daily: Vec<CurrencyAmount>,
    /// The connected accounts that it may pay; none: all.
    pub destinations: Vec<String>,
}

/// A scope of a token of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
pub enum ApiScope {
    /// Create, confirm, capture and cancel payments; create customers, setup intents and checkout sessions that begin
    /// no subscription.
    #[serde(rename = "payments:write")]
    PaymentsWrite,
    /// Refund.
    #[serde(rename = "refunds:write")]
    RefundsWrite,
    /// Create, change and cancel subscriptions; create checkout sessions that begin one; open the customer portal.
    #[serde(rename = "subscriptions:write")]
    SubscriptionsWrite,
    /// Look at payments, subscriptions and commands.
    #[serde(rename = "read")]
    Read,
}

impl ApiScope {
    /// All of them.
    pub const ALL: &'static [Self] =
        &[Self::PaymentsWrite, Self::RefundsWrite, Self::SubscriptionsWrite, Self::Read];

    /// `payments:write`, `refunds:write`, `subscriptions:write`, `read`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PaymentsWrite => "payments:write",
            Self::RefundsWrite => "refunds:write",
            Self::SubscriptionsWrite => "subscriptions:write",
            Self::Read => "read",
        }
    }
}

/// An amount of a currency, `eur:50000`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CurrencyAmount {
    /// The currency, in lower case.
    pub currency: String,
    /// In its smallest unit.
    pub amount: i64,
}

impl<'de> Deserialize<'de> for CurrencyAmount {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let parsed = text.split_once(':').and_then(|(currency, amount)| {
            let plain = currency.len() == 3 && currency.bytes().all(|b| b.is_ascii_lowercase());
            let amount = amount.trim().parse().ok().filter(|amount| *amount >= 0)?;
            plain.then(|| Self { currency: currency.to_owned(), amount })
        });
        let wrong = || serde::de::Error::custom("is not a currency and an amount, eur:50000");
        parsed.ok_or_else(wrong)
    }
}

impl Api {
    /// The tokens that exist: one without a hash does not.
    pub fn known_tokens(&self) -> impl Iterator<Item = (&str, &ApiToken)> {
        let known = self.tokens.iter().filter(|(_, token)| !token.hash.is_empty());
        known.map(|(name, token)| (name.as_str(), token))
    }
}

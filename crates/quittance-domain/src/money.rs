//! Amounts and currencies.

use std::fmt;

use serde::de::Error as _;

/// An ISO 4217 code in lower case, as Stripe writes it: `eur`, `jpy`, `kwd`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency([u8; 3]);

/// The text is not three lower-case letters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("currency is not a three-letter lower-case code")]
pub struct CurrencyError;

impl Currency {
    /// Parses a currency code.
    ///
    /// # Errors
    /// The text is not three lower-case ASCII letters.
    pub fn parse(text: &str) -> Result<Self, CurrencyError> {
        let bytes: [u8; 3] = text.as_bytes().try_into().map_err(|_| CurrencyError)?;
        if bytes.iter().all(u8::is_ascii_lowercase) { Ok(Self(bytes)) } else { Err(CurrencyError) }
    }

    /// The code, in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Only `parse` builds one, from ASCII letters.
        std::str::from_utf8(&self.0).unwrap_or("???")
    }
}

impl<'de> serde::Deserialize<'de> for Currency {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(from)?).map_err(D::Error::custom)
    }
}

impl serde::Serialize for Currency {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An amount in the currency's smallest unit: cents for EUR, whole yen for JPY, thousandths for
/// KWD (docs.stripe.com, "Supported currencies", zero- and three-decimal currencies).
///
/// Quittance never converts or rounds an amount: it stores what Stripe says.
pub type Minor = i64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_currency_is_three_lower_case_letters() {
        assert_eq!(Currency::parse("eur").unwrap().as_str(), "eur");
        for bad in ["", "EUR", "eu", "euro", "e1r", "€"] {
            assert_eq!(Currency::parse(bad), Err(CurrencyError), "{bad:?}");
        }
    }
}

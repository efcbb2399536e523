//! Idempotency keys: the rules of those that clients choose, and those that Quittance makes where none is chosen.

use std::fmt;

use crate::command::{RuleBreach, RuleCode};

const FIELD: &str = "Idempotency-Key";

/// Longest key, in characters, like Stripe's (docs.stripe.com, "Idempotent requests").
pub const MAX_KEY: usize = 255;

/// Beginnings of secrets and tokens: keys of Stripe's, webhook secrets, one-time tokens, our own tokens.
const SECRETS: &[&str] = &[
    "sk_live_", "sk_test_", "rk_live_", "rk_test_", "pk_live_", "pk_test_", "whsec_", "tok_",
    "ctoken_", "qta_", "ek_live_", "ek_test_", "bearer ",
];

/// Checks a key. What it may hold decides whether it does its work: a value that is minted anew for each
/// try (a token, the `client_secret` of a payment that was made for the try) makes each try a new command.
///
/// # Errors
/// [`RuleCode::IdempotencyKeyInvalid`], [`RuleCode::IdempotencyKeySecret`].
pub fn check(key: &str) -> Result<(), RuleBreach> {
    if key.is_empty() || key.len() > MAX_KEY {
        let detail = format!("must have 1 to {MAX_KEY} characters.");
        return Err(RuleBreach::new(RuleCode::IdempotencyKeyInvalid, FIELD, detail));
    }
    if !key.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
        let detail = "must be made of printable ASCII characters.";
        return Err(RuleBreach::new(RuleCode::IdempotencyKeyInvalid, FIELD, detail));
    }
    let lower = key.to_ascii_lowercase();
    // In a key of several parts a secret may stand anywhere after a separator.
    let begins = |secret: &&str| {
        lower.match_indices(*secret).any(|(at, _)| {
            let before = lower[..at].chars().next_back();
            !before.is_some_and(|c| c.is_ascii_alphanumeric())
        })
    };
    let is_client_secret = lower.split_once("_secret_").is_some_and(|(before, _)| {
        ["pi_", "seti_", "cs_", "in_"].iter().any(|kind| before.contains(kind))
    });
    let is_jwt = key
        .split([':', '/', '|', ' '])
        .any(|part| part.starts_with("eyJ") && part.matches('.').count() == 2);
    if SECRETS.iter().any(begins) || is_client_secret || is_jwt {
        let detail = "holds a secret or a token, which differs for each try: then a repeated request is a new \
                      one. Make the key of what does not change, such as the order: order-42-payment.";
        return Err(RuleBreach::new(RuleCode::IdempotencyKeySecret, FIELD, detail));
    }
    Ok(())
}

/// A key that Quittance makes. The same wish has the same key, so that it is carried out once; the wish to do it
/// once more has another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MadeKey<'a> {
    /// Of a form of the operators' pages. A double click, a form that is sent again and a second tab that was
    /// opened before have the same key; after the next command about the payment a form has another.
    Form {
        /// `refund`, `capture` or `cancel`.
        act: &'a str,
        /// The payment.
        payment: &'a str,
        /// The newest command about the payment when the form was opened.
        seen: &'a str,
    },
    /// Of a request that a person types: the same one typed twice is done once.
    Request {
        /// The command's kind.
        kind: &'a str,
        /// The fingerprint of the request.
        fingerprint: &'a str,
        /// How many commands like it were refused, and so had no effect.
        refused: u32,
    },
    /// Of a line of a file of refunds.
    RefundLine {
        /// The payment.
        payment: &'a str,
        /// The column `key`.
        key: &'a str,
        /// From 1; the next one after a command that Stripe certainly never received, which is closed for good.
        try_number: u32,
    },
}

impl fmt::Display for MadeKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form { act, payment, seen } => write!(f, "page:{act}:{payment}:after:{seen}"),
            Self::Request { kind, fingerprint, refused } => {
                // 128 bits tell any two requests of a person apart.
                let digest = fingerprint.get(..32).unwrap_or(fingerprint);
                write!(f, "{kind}:{digest}:{refused}")
            }
            Self::RefundLine { payment, key, try_number } => {
                write!(f, "refund/{try_number}/{payment}/{key}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_the_order_is_good() {
        for key in [
            "order-42-payment",
            "7d2f4f5e-1111-4222-8333-444455556666",
            "refund:re-order:42",
            "my_secret_santa-42",
            "stok_1",
            &"k".repeat(255),
        ] {
            assert_eq!(check(key), Ok(()), "{key}");
        }
    }

    #[test]
    fn a_key_that_is_made_names_the_wish_and_is_a_good_one() {
        let fingerprint = &"0123456789abcdef".repeat(4);
        for (key, expected) in [
            (
                MadeKey::Form { act: "refund", payment: "pi_1", seen: "none" },
                "page:refund:pi_1:after:none",
            ),
            (
                MadeKey::Request { kind: "create_refund", fingerprint, refused: 1 },
                "create_refund:0123456789abcdef0123456789abcdef:1",
            ),
            (
                MadeKey::RefundLine { payment: "pi_1", key: "order-42", try_number: 2 },
                "refund/2/pi_1/order-42",
            ),
        ] {
            assert_eq!(key.to_string(), expected);
            assert_eq!(check(expected), Ok(()));
        }
    }

    #[test]
    fn a_key_that_cannot_be_a_header_is_refused() {
        for key in ["", "a\nb", "schlüssel", &"k".repeat(256)] {
            assert_eq!(check(key).unwrap_err().code, RuleCode::IdempotencyKeyInvalid, "{key:?}");
        }
    }

    #[test]
    fn a_key_with_a_secret_or_a_token_is_refused_and_not_repeated() {
        for key in [
            "pi_3Abc_secret_xyz",
            "order-42-seti_1_secret_2",
            "tok_visa",
            "order:tok_1Abc",
            "sk_test_123",
            "qta_abc",
            "Bearer abc",
            "eyJhbGciOi.eyJzdWIi.sig",
            "order/eyJhbGciOi.eyJzdWIi.sig",
        ] {
            let breach = check(key).unwrap_err();
            assert_eq!(breach.code, RuleCode::IdempotencyKeySecret, "{key}");
            assert!(!breach.to_string().contains(key), "{breach}");
        }
    }
}

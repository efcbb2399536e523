//! Rules of amounts: whole numbers of the currency's smallest unit, within bounds.

use crate::command::{RuleBreach, RuleCode};
use crate::money::{Currency, Minor};

/// The lowest and the highest amount that one command may have, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AmountBounds {
    /// The lowest.
    pub least: Minor,
    /// The highest.
    pub most: Minor,
}

/// Stripe takes up to eight digits (docs.stripe.com, "The PaymentIntent object", `amount`).
impl Default for AmountBounds {
    fn default() -> Self {
        Self { least: 1, most: 99_999_999 }
    }
}

/// A currency from its code.
///
/// # Errors
/// [`RuleCode::CurrencyInvalid`].
pub fn currency(text: &str) -> Result<Currency, RuleBreach> {
    Currency::parse(text).map_err(|_| {
        let detail = "is not a currency: send three letters in lower case, eur.";
        RuleBreach::new(RuleCode::CurrencyInvalid, "currency", detail)
    })
}

/// Number of decimals that the currency has at Stripe (docs.stripe.com, "Supported currencies").
#[must_use]
pub fn decimals(currency: Currency) -> u32 {
    match currency.as_str() {
        "bif" | "clp" | "djf" | "gnf" | "jpy" | "kmf" | "krw" | "mga" | "pyg" | "rwf" | "vnd"
        | "vuv" | "xaf" | "xof" | "xpf" => 0,
        "bhd" | "jod" | "kwd" | "omr" | "tnd" => 3,
        _ => 2,
    }
}

/// What each amount must be a multiple of. Stripe takes three-decimal amounts in tens only, and ISK and UGX,
/// which have no decimals, with two that must be zero (docs.stripe.com, "Supported currencies").
fn step(currency: Currency) -> Minor {
    match currency.as_str() {
        "isk" | "ugx" => 100,
        _ if decimals(currency) == 3 => 10,
        _ => 1,
    }
}

/// An amount as people write it: `20.00 EUR`, `500 JPY`, `1.250 KWD`.
#[must_use]
pub fn written(amount: Minor, currency: Currency) -> String {
    let code = currency.as_str().to_uppercase();
    let decimals = decimals(currency);
    if decimals == 0 {
        return format!("{amount} {code}");
    }
    let unit = 10_u64.pow(decimals);
    let (sign, size) = (if amount < 0 { "-" } else { "" }, amount.unsigned_abs());
    let width = usize::try_from(decimals).unwrap_or(0);
    format!("{sign}{}.{:0width$} {code}", size / unit, size % unit)
}

/// An amount from a number as it was written: only whole numbers are amounts.
///
/// # Errors
/// [`RuleCode::AmountNotInteger`]: it has decimals, an exponent, or does not fit.
pub fn whole(field: &str, number: &str) -> Result<Minor, RuleBreach> {
    number.parse().map_err(|_| {
        RuleBreach::new(
            RuleCode::AmountNotInteger,
            field,
            "is not a whole number. Send the amount in the currency's smallest unit (1999 for 19.99 EUR), \
             computed in integers: in floating point 19.99 * 100 is 1998.9999999999998.",
        )
    })
}

/// An amount from a text as people write it: `20`, `20.00` or `20.00 EUR`; the inverse of [`written`]. Exact:
/// nothing is rounded, and more decimals than the currency has are refused.
///
/// # Errors
/// [`RuleCode::AmountNotInteger`]: it is no amount of the currency.
pub fn read_written(field: &str, text: &str, currency: Currency) -> Result<Minor, RuleBreach> {
    let wrong = || {
        let example = written(10_i64.pow(decimals(currency)) * 20, currency);
        let detail = format!("is no amount of this currency: write it like {example}.");
        RuleBreach::new(RuleCode::AmountNotInteger, field, detail)
    };
    let text = text.trim();
    let code = currency.as_str();
    let number = match text.get(text.len().saturating_sub(code.len())..) {
        Some(end) if end.eq_ignore_ascii_case(code) => text[..text.len() - code.len()].trim_end(),
        Some(_) | None => text,
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let places = usize::try_from(decimals(currency)).unwrap_or(0);
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let point_without_decimals = number.contains('.') && part.is_empty();
    if whole.is_empty()
        || !digits(whole)
        || !digits(part)
        || part.len() > places
        || point_without_decimals
    {
        return Err(wrong());
    }
    format!("{whole}{part:0<places$}").parse().map_err(|_| wrong())
}

/// Checks an amount of a currency.
///
/// # Errors
/// [`RuleCode::AmountTooSmall`], [`RuleCode::AmountTooLarge`], [`RuleCode::AmountNotDivisible`].
pub fn check(
    field: &str,
    amount: Minor,
    currency: Currency,
    bounds: AmountBounds,
) -> Result<(), RuleBreach> {
    let breach = |code, detail: String| Err(RuleBreach::new(code, field, detail));
    let least = bounds.least.max(1);
    if amount < least {
        let detail = format!("is {amount}; the lowest is {least} ({}).", written(least, currency));
        return breach(RuleCode::AmountTooSmall, detail);
    }
    if amount > bounds.most {
        let most = bounds.most;
        let detail = format!("is {amount}; the highest is {most} ({}).", written(most, currency));
        return breach(RuleCode::AmountTooLarge, detail);
    }
    let step = step(currency);
    if amount % step != 0 {
        let code = currency.as_str().to_uppercase();
        let detail = format!("is {amount}; Stripe takes {code} in multiples of {step} only.");
        return breach(RuleCode::AmountNotDivisible, detail);
    }
    Ok(())
}

/// Checks what the platform keeps of a payment.
///
/// # Errors
/// [`RuleCode::AmountTooSmall`] of a negative fee, [`RuleCode::FeeExceedsAmount`].
pub fn check_fee(fee: Minor, amount: Minor) -> Result<(), RuleBreach> {
    let field = "application_fee_amount";
    if fee < 0 {
        return Err(RuleBreach::new(RuleCode::AmountTooSmall, field, "is negative."));
    }
    if fee > amount {
        let detail = format!("is {fee}, which is more than the amount of {amount}.");
        return Err(RuleBreach::new(RuleCode::FeeExceedsAmount, field, detail));
    }
    Ok(())
}

/// Checks what is to be captured of a payment; `None` captures all that can be.
///
/// # Errors
/// [`RuleCode::AmountTooSmall`], [`RuleCode::CaptureExceedsCapturable`].
pub fn check_capture(wanted: Option<Minor>, capturable: Minor) -> Result<(), RuleBreach> {
    let field = "amount_to_capture";
    match wanted {
        Some(wanted) if wanted < 1 => {
            let detail = format!("is {wanted}; capture at least 1, or cancel the payment.");
            Err(RuleBreach::new(RuleCode::AmountTooSmall, field, detail))
        }
        Some(wanted) if wanted > capturable => {
            let detail = format!("is {wanted}; {capturable} can be captured.");
            Err(RuleBreach::new(RuleCode::CaptureExceedsCapturable, field, detail))
        }
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn currency(code: &str) -> Currency {
        Currency::parse(code).unwrap()
    }

    fn code(result: Result<(), RuleBreach>) -> Option<RuleCode> {
        result.err().map(|breach| breach.code)
    }

    #[test]
    fn only_whole_numbers_are_amounts() {
        for text in ["1998.9999999999998", "19.99", "1e3", "2000.0", "", "99999999999999999999"] {
            let breach = whole("amount", text).unwrap_err();
            assert_eq!(breach.code, RuleCode::AmountNotInteger, "{text}");
            assert!(breach.detail.contains("floating point"), "{breach}");
        }
        assert_eq!(whole("amount", "2000").unwrap(), 2000);
        assert_eq!(whole("amount", "-1").unwrap(), -1, "too small is another rule");
    }

    #[test]
    fn an_amount_is_positive_and_within_its_bounds() {
        let bounds = AmountBounds { least: 50, most: 10_000 };
        let of = |amount| code(check("amount", amount, currency("eur"), bounds));
        assert_eq!(of(50), None);
        assert_eq!(of(10_000), None);
        assert_eq!(of(49), Some(RuleCode::AmountTooSmall));
        assert_eq!(of(0), Some(RuleCode::AmountTooSmall));
        assert_eq!(of(-5), Some(RuleCode::AmountTooSmall));
        assert_eq!(of(10_001), Some(RuleCode::AmountTooLarge));
        let open = AmountBounds { least: i64::MIN, most: i64::MAX };
        let none = code(check("amount", 0, currency("eur"), open));
        assert_eq!(none, Some(RuleCode::AmountTooSmall), "whatever the settings say");
    }

    #[test]
    fn a_currency_with_other_decimals_has_other_amounts() {
        let of =
            |amount, text| code(check("amount", amount, currency(text), AmountBounds::default()));
        assert_eq!(of(501, "jpy"), None);
        assert_eq!(of(1_250, "kwd"), None);
        assert_eq!(of(1_255, "kwd"), Some(RuleCode::AmountNotDivisible));
        assert_eq!(of(500, "isk"), None);
        assert_eq!(of(501, "isk"), Some(RuleCode::AmountNotDivisible));
        for (amount, code, text) in [
            (2_000, "eur", "20.00 EUR"),
            (5, "eur", "0.05 EUR"),
            (-5, "eur", "-0.05 EUR"),
            (500, "jpy", "500 JPY"),
            (1_250, "kwd", "1.250 KWD"),
            (i64::MIN, "eur", "-92233720368547758.08 EUR"),
        ] {
            assert_eq!(written(amount, currency(code)), text);
        }
    }

    #[test]
    fn what_people_write_is_read_exactly() {
        for (text, code, amount) in [
            ("20", "eur", 2_000),
            ("20.5", "eur", 2_050),
            (" 20.05 EUR ", "eur", 2_005),
            ("0.05eur", "eur", 5),
            ("500", "jpy", 500),
            ("1.250 kwd", "kwd", 1_250),
        ] {
            assert_eq!(read_written("amount", text, currency(code)), Ok(amount), "{text}");
        }
        for (text, code) in [
            ("", "eur"),
            ("EUR", "eur"),
            ("20.", "eur"),
            (".5", "eur"),
            ("20.005", "eur"),
            ("20,00", "eur"),
            ("1 000", "eur"),
            ("-5", "eur"),
            ("+5", "eur"),
            ("1e3", "eur"),
            ("20 USD", "eur"),
            ("500.0", "jpy"),
            ("99999999999999999999", "eur"),
            ("é", "eur"),
        ] {
            let breach = read_written("amount", text, currency(code)).unwrap_err();
            assert_eq!(breach.code, RuleCode::AmountNotInteger, "{text}");
        }
    }

    #[test]
    fn a_fee_is_a_part_of_its_payment() {
        assert_eq!(code(check_fee(100, 100)), None);
        assert_eq!(code(check_fee(0, 100)), None);
        assert_eq!(code(check_fee(101, 100)), Some(RuleCode::FeeExceedsAmount));
        assert_eq!(code(check_fee(-1, 100)), Some(RuleCode::AmountTooSmall));
    }

    #[test]
    fn a_capture_takes_what_was_authorised_and_no_more() {
        assert_eq!(code(check_capture(None, 100)), None);
        assert_eq!(code(check_capture(Some(100), 100)), None);
        assert_eq!(code(check_capture(Some(101), 100)), Some(RuleCode::CaptureExceedsCapturable));
        assert_eq!(code(check_capture(Some(0), 100)), Some(RuleCode::AmountTooSmall));
    }

    proptest! {
        #[test]
        fn an_amount_that_is_written_is_read_again(amount in 0_i64.., code in "eur|jpy|kwd|isk") {
            let currency = currency(&code);
            prop_assert_eq!(read_written("amount", &written(amount, currency), currency), Ok(amount));
        }

        #[test]
        fn what_is_let_through_is_positive_and_within_the_bounds(
            amount: i64, least: i64, most: i64, code in "[a-z]{3}",
        ) {
            let currency = currency(&code);
            if check("amount", amount, currency, AmountBounds { least, most }).is_ok() {
                prop_assert!(amount > 0 && amount >= least && amount <= most);
            }
        }
    }
}

//! Card data: found in whatever field it stands, so that it is refused before it is stored or logged.
//!
//! Card numbers and security codes go from the browser to Stripe and nowhere else. Under PCI DSS a server
//! that receives one is in scope, and a log line that holds one is an incident.

use crate::command::{RuleBreach, RuleCode};

/// Fewest and most digits of a card number (ISO/IEC 7812).
const DIGITS: std::ops::RangeInclusive<usize> = 13..=19;

/// Names that only a card's number or security code has, in lower case and without separators.
const NUMBER_NAMES: &[&str] = &[
    "cardnumber",
    "cardno",
    "ccnumber",
    "ccnum",
    "creditcardnumber",
    "pan",
    "primaryaccountnumber",
];
const SECURITY_CODE_NAMES: &[&str] = &[
    "cvc",
    "cvv",
    "cvc2",
    "cvv2",
    "csc",
    "cvcode",
    "cvccode",
    "cvvcode",
    "cardcvc",
    "cardcvv",
    "securitycode",
    "cardsecuritycode",
    "cardverificationcode",
    "cardverificationvalue",
    "verificationvalue",
];

/// Why something counts as card data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CardDataKind {
    /// A text that holds a number with the length, the beginning and the check digit of a card's.
    Number,
    /// A field that is named like a card's number.
    NumberField,
    /// A field that is named like a card's security code.
    SecurityCodeField,
}

impl CardDataKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Number, Self::NumberField, Self::SecurityCodeField];

    /// `number`, `number_field`, `security_code_field`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::NumberField => "number_field",
            Self::SecurityCodeField => "security_code_field",
        }
    }
}

/// Card data in a field. Holds the field's name and nothing of its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardDataFound {
    /// What gave it away.
    pub kind: CardDataKind,
    /// The field's path, with what looks like a card number in it replaced.
    pub field: String,
}

impl CardDataFound {
    /// The refusal, which says how to exempt a field whose numbers only look like a card's.
    #[must_use]
    pub fn breach(&self) -> RuleBreach {
        let detail = match self.kind {
            CardDataKind::Number => {
                "holds something like a card number. Card numbers must never be sent here: collect them with \
                 Stripe's Elements or Checkout. If this is another number that only looks like one, name the \
                 field in api.card_data_exempt."
            }
            CardDataKind::NumberField | CardDataKind::SecurityCodeField => {
                "is a field for card data, which must never be sent here: collect it with Stripe's Elements \
                 or Checkout."
            }
        };
        RuleBreach::new(RuleCode::CardData, &self.field, detail)
    }
}

/// Looks at one field: its path (`metadata`, `order`) and its value. `exempt` are paths (`metadata.order`)
/// whose numbers are not looked at; the names of fields always are.
#[must_use]
pub fn find(path: &[&str], value: &str, exempt: &[String]) -> Option<CardDataFound> {
    let field = path.iter().map(|segment| masked(segment)).collect::<Vec<_>>().join(".");
    let found = |kind| Some(CardDataFound { kind, field: field.clone() });
    let plain: Vec<String> = path.iter().map(|segment| plain(segment)).collect();
    if !value.is_empty()
        && let Some(name) = plain.last()
    {
        let owner = plain.iter().rev().nth(1).map(String::as_str);
        let is_card_s = matches!((owner, name.as_str()), (Some("card"), "number"));
        if is_card_s || NUMBER_NAMES.contains(&name.as_str()) {
            return found(CardDataKind::NumberField);
        }
        if SECURITY_CODE_NAMES.contains(&name.as_str()) {
            return found(CardDataKind::SecurityCodeField);
        }
    }
    if path.iter().any(|segment| holds_number(segment)) {
        return found(CardDataKind::Number);
    }
    let is_exempt = exempt.iter().any(|one| *one == path.join("."));
    if !is_exempt && holds_number(value) { found(CardDataKind::Number) } else { None }
}

/// `card[number]` names two fields in one.
fn plain(segment: &str) -> String {
    let lower = segment.to_ascii_lowercase();
    if lower.ends_with("card[number]") || lower.ends_with("card.number") {
        return "cardnumber".to_owned();
    }
    let last = lower.trim_end_matches(']').rsplit(['[', '.']).next().unwrap_or_default();
    last.chars().filter(char::is_ascii_alphanumeric).collect()
}

fn masked(segment: &str) -> String {
    if holds_number(segment) { "[number]".to_owned() } else { segment.chars().take(60).collect() }
}

/// Whether a text holds a card number: groups of digits, at most two spaces, dashes or dots apart, that make
/// one together. A UUID is none: few of them are all digits at their end, but many are made.
#[must_use]
pub fn holds_number(text: &str) -> bool {
    if is_uuid(text) {
        return false;
    }
    let mut groups: Vec<Vec<u8>> = Vec::new();
    let mut gap = usize::MAX;
    for c in text.chars() {
        match digit(c) {
            Some(digit) => {
                if gap > 2 {
                    groups.clear();
                }
                if gap > 0 || groups.is_empty() {
                    groups.push(Vec::new());
                }
                if let Some(group) = groups.last_mut() {
                    group.push(digit);
                }
                gap = 0;
            }
            None => {
                if gap == 0 && ends_with_number(&groups) {
                    return true;
                }
                gap = if is_separator(c) { gap.saturating_add(1) } else { usize::MAX };
            }
        }
    }
    gap == 0 && ends_with_number(&groups)
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// Whether the last groups, as many as it takes, are a card number.
fn ends_with_number(groups: &[Vec<u8>]) -> bool {
    let mut digits = Vec::new();
    for group in groups.iter().rev() {
        digits.splice(0..0, group.iter().copied());
        if digits.len() > *DIGITS.end() {
            return false;
        }
        if is_card_number(&digits) {
            return true;
        }
    }
    false
}

fn is_card_number(digits: &[u8]) -> bool {
    DIGITS.contains(&digits.len()) && is_issued(digits) && passes_luhn(digits)
}

fn digit(c: char) -> Option<u8> {
    // Those that East Asian keyboards make are read as digits, too.
    let ascii = match c {
        '\u{ff10}'..='\u{ff19}' => u32::from(c) - 0xff10,
        _ => return c.to_digit(10).and_then(|digit| u8::try_from(digit).ok()),
    };
    u8::try_from(ascii).ok()
}

fn is_separator(c: char) -> bool {
    c.is_whitespace() || matches!(c, '-' | '.' | '_' | '+' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

/// The check digit of card numbers (ISO/IEC 7812-1, annex B).
fn passes_luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, &digit)| {
            let digit = u32::from(digit);
            if place % 2 == 0 { digit } else { digit * 2 / 10 + digit * 2 % 10 }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Whether a network issues numbers that begin like this and have this length. One in ten of all long
/// numbers passes Luhn by chance; far fewer are issued.
fn is_issued(digits: &[u8]) -> bool {
    let prefix = |count: usize| {
        digits.iter().take(count).fold(0_u32, |number, digit| number * 10 + u32::from(*digit))
    };
    let (one, two, three, four) = (prefix(1), prefix(2), prefix(3), prefix(4));
    let length = digits.len();
    let visa = one == 4 && matches!(length, 13 | 16 | 18 | 19);
    let mastercard = (matches!(two, 51..=55) || matches!(four, 2221..=2720)) && length == 16;
    let american_express = matches!(two, 34 | 37) && length == 15;
    let diners = (matches!(three, 300..=305) || four == 3095 || matches!(two, 36 | 38 | 39))
        && matches!(length, 14..=19);
    let discover =
        (four == 6011 || matches!(three, 644..=649) || two == 65) && matches!(length, 16..=19);
    let jcb = matches!(four, 3528..=3589) && matches!(length, 16..=19);
    let union_pay = two == 62 && matches!(length, 16..=19);
    let maestro = (matches!(two, 50 | 56..=58 | 67) || matches!(four, 6304 | 6759 | 6390))
        && matches!(length, 13..=19);
    let mir = matches!(four, 2200..=2204) && matches!(length, 16..=19);
    let ru_pay = matches!(two, 60 | 81 | 82) && length == 16;
    let elo = matches!(four, 6362 | 6363) && length == 16;
    visa || mastercard
        || american_express
        || diners
        || discover
        || jcb
        || union_pay
        || maestro
        || mir
        || ru_pay
        || elo
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Test cards of Stripe and of the networks (docs.stripe.com, "Testing").
    const CARDS: &[&str] = &[
        "4242424242424242",
        "4000000000000002",
        "4000002500003155",
        "4000000000009995",
        "4000056655665556",
        "5555555555554444",
        "2223003122003222",
        "5200828282828210",
        "378282246310005",
        "371449635398431",
        "6011111111111117",
        "6011000990139424",
        "3056930009020004",
        "36227206271667",
        "3566002020360505",
        "6200000000000005",
        "6205500000000000004",
        "6555900000604105",
        "6304000000000000",
        "4222222222222",
    ];

    fn kind(path: &[&str], value: &str) -> Option<CardDataKind> {
        find(path, value, &[]).map(|found| found.kind)
    }

    #[test]
    fn a_uuid_is_no_number_however_it_ends() {
        // Ends in 8123 4567 8901 2340, which a network could have issued.
        assert!(holds_number("8123-456789012340"));
        assert!(!holds_number("019ac1d2-7b3c-7abc-8123-456789012340"));
    }

    #[test]
    fn each_test_card_is_found_however_it_is_written() {
        for card in CARDS {
            let groups: Vec<String> = card
                .as_bytes()
                .chunks(4)
                .map(|group| String::from_utf8_lossy(group).into_owned())
                .collect();
            let wide: String = card
                .chars()
                .filter_map(|c| char::from_u32(u32::from(c) - u32::from('0') + 0xff10))
                .collect();
            for text in [
                (*card).to_owned(),
                groups.join(" "),
                groups.join("-"),
                groups.join("\u{2013}"),
                groups.join(" - ").replace(" - ", "- "),
                format!("card {card}, thanks"),
                format!("%B{card}^DOE/JANE^"),
                format!("order 12 {}", groups.join(" ")),
                format!("{} 12/34", groups.join(" ")),
                format!("42 {card}"),
                wide,
            ] {
                assert_eq!(
                    kind(&["metadata", "note"], &text),
                    Some(CardDataKind::Number),
                    "{text}"
                );
            }
        }
    }

    #[test]
    fn what_only_looks_a_little_like_a_card_is_let_through() {
        for text in [
            "4242424242424241",
            "1764352800000",
            "1234567812345670",
            "9999999999999995",
            "42424242424242424242424242",
            "2026-11-28 18:06:35",
            "+49 30 12345678",
            "pi_3MtwBwLkdIwHu7ix28a3tqPa",
            "4242 and 4242 and 4242 and 4242",
            "4242424242",
            "DE89370400440532013000",
            "7d2f4f5e-1111-4222-8333-444455556666",
            "",
        ] {
            assert_eq!(kind(&["metadata", "note"], text), None, "{text}");
        }
    }

    #[test]
    fn fields_of_a_card_are_known_by_their_names() {
        for path in [
            &["cvc"][..],
            &["payment_method_data", "card", "cvc"],
            &["card[cvc]"],
            &["metadata", "CVV2"],
            &["metadata", "security-code"],
        ] {
            assert_eq!(kind(path, "1"), Some(CardDataKind::SecurityCodeField), "{path:?}");
        }
        for path in [&["card", "number"][..], &["card[number]"], &["metadata", "card_number"]] {
            assert_eq!(kind(path, "1"), Some(CardDataKind::NumberField), "{path:?}");
        }
        for path in [&["cvc_check"][..], &["number"], &["metadata", "order_number"], &["company"]] {
            assert_eq!(kind(path, "1"), None, "{path:?}");
        }
        assert_eq!(kind(&["cvc"], ""), None, "nothing was sent");
    }

    #[test]
    fn a_finding_names_the_field_and_never_the_number() {
        let card = "4242 4242 4242 4242";
        for path in [&["metadata", "note"][..], &["metadata", card], &[card]] {
            let found = find(path, card, &[]).unwrap();
            let text = format!("{found:?} {}", found.breach());
            assert!(!text.contains("4242"), "{text}");
        }
        let found = find(&["metadata", "note"], card, &[]).unwrap();
        assert_eq!(found.field, "metadata.note");
        assert!(found.breach().detail.contains("api.card_data_exempt"));
    }

    #[test]
    fn an_exempt_field_may_hold_long_numbers_and_no_other_may() {
        let exempt = ["metadata.order".to_owned()];
        assert_eq!(find(&["metadata", "order"], CARDS[0], &exempt), None);
        assert!(find(&["metadata", "note"], CARDS[0], &exempt).is_some());
        let exempt = ["cvc".to_owned()];
        assert!(find(&["cvc"], "123", &exempt).is_some(), "a name is no chance");
    }

    proptest! {
        #[test]
        fn a_number_is_found_wherever_it_stands(
            before in "[a-z ,:]{0,12}", after in "[a-z ,:]{0,12}", card in 0_usize..20,
        ) {
            let text = format!("{before}{}{after}", CARDS[card]);
            prop_assert!(holds_number(&text));
        }

        #[test]
        fn any_text_can_be_looked_at(text: String) {
            let _ = holds_number(&text);
        }
    }
}

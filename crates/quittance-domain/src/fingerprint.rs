//! Fingerprints of failures: those of one cause share one.
//!
//! A message names the payment, the request and the second in which it failed; a thousand letters
//! of one cause have a thousand messages. Without those names they are one, and so ops can look at
//! the cause, and act on all that it hit.

/// The longest cause, in characters: what comes later in a chain of errors seldom tells causes apart.
const MOST: usize = 240;

/// Stands for what was taken out.
const HOLE: char = '…';

/// A message without what differs from one failure to the next: ids, numbers, hashes, quoted values.
#[must_use]
pub fn cause(message: &str) -> String {
    let mut cause = String::new();
    let mut rest = message;
    let mut before = None;
    while let Some(first) = rest.chars().next() {
        let taken = if is_of_word(first) {
            let length = rest.find(|c| !is_of_word(c)).unwrap_or(rest.len());
            let word = &rest[..length];
            if is_a_name_of_one(word) {
                hole(&mut cause)
            } else {
                cause.push_str(word)
            }
            length
        } else if let Some(length) = quoted(before, rest) {
            cause.push(first);
            hole(&mut cause);
            cause.push(first);
            length
        } else {
            cause.push(if first.is_whitespace() { ' ' } else { first });
            first.len_utf8()
        };
        before = rest[..taken].chars().next_back();
        rest = &rest[taken..];
    }
    match cause.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}{HOLE}", cause[..at].trim_end_matches(HOLE)),
        None => cause,
    }
}

/// A hole beside a hole is one: `2.5s` and `2s` are the same, and so are lists of any length.
fn hole(cause: &mut String) {
    let before = cause.trim_end_matches([' ', '.', ',', ':', '/', '+']);
    if before.ends_with(HOLE) {
        cause.truncate(before.len());
    } else {
        cause.push(HOLE);
    }
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-')
}

/// Whether a word means one thing of many: it holds a digit, looks like an id, or is a long hex
/// number.
fn is_a_name_of_one(word: &str) -> bool {
    let digits = word.chars().any(char::is_numeric);
    let hex = word.len() >= 8 && word.chars().all(|c| c.is_ascii_hexdigit());
    let id = word.rsplit_once('_').is_some_and(|(_, end)| {
        end.len() >= 8 && end.chars().any(char::is_uppercase) && end.chars().any(char::is_lowercase)
    });
    digits || hex || id
}

/// The length of a quoted value that begins here. An apostrophe within a word begins none.
fn quoted(before: Option<char>, text: &str) -> Option<usize> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\'' | '`'))?;
    if quote == '\'' && before.is_some_and(char::is_alphanumeric) {
        return None;
    }
    text[1..].find(quote).map(|end| end + 2)
}

/// The fingerprint of a failure: a short hash of class, code and [`cause`]. It is kept in the
/// tables, so it must not change from one version to the next.
#[must_use]
pub fn fingerprint(class: &str, code: &str, cause: &str) -> String {
    // FNV-1a (RFC 9923), which is short, and enough for some hundred causes.
    let bytes = class.bytes().chain([0]).chain(code.bytes()).chain([0]).chain(cause.bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{:012x}", hash >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_numbers_hashes_and_quoted_values_are_no_part_of_the_cause() {
        for (message, expected) in [
            ("no such payment_intent: pi_3PqXyz", "no such payment_intent: …"),
            (
                "No such customer: 'cus_9'; a similar object",
                "No such customer: '…'; a similar object",
            ),
            (
                "Stripe's answer isn't JSON at line 4 column 17",
                "Stripe's answer isn't JSON at line … column …",
            ),
            (
                "took longer than worker.job_timeout (45s)",
                "took longer than worker.job_timeout (…)",
            ),
            (
                "took longer than worker.job_timeout (2.5s)",
                "took longer than worker.job_timeout (…)",
            ),
            ("object acct_AbcdEfgh is gone", "object … is gone"),
            ("hash deadbeef, and 0af5", "hash …, and …"),
            ("one of pi_1, pi_2, pi_3", "one of …"),
            ("event 2fa1c5e0-8d5e-4a57-93ce-0e5a1c6f2d11 failed", "event … failed"),
            ("unknown variant `paused`, expected `a`", "unknown variant `…`, expected `…`"),
            ("unclosed \"quote", "unclosed \"quote"),
            ("a\nb", "a b"),
            ("", ""),
        ] {
            assert_eq!(cause(message), expected, "{message}");
        }
    }

    #[test]
    fn words_that_say_what_is_wrong_stay() {
        let message = "the key of acct lacks permission rak_payment_intent_read";
        assert_eq!(cause(message), message);
        assert_ne!(cause("no such charge"), cause("no such refund"));
    }

    #[test]
    fn a_cause_is_short_whatever_the_message() {
        assert!(cause(&"ä ".repeat(10_000)).chars().count() <= MOST + 1);
    }

    #[test]
    fn a_fingerprint_tells_classes_codes_and_causes_apart_and_never_changes() {
        let one = fingerprint("permanent", "stripe_resource_missing", "no such thing: …");
        assert_eq!(one.len(), 12);
        for other in [
            fingerprint("transient", "stripe_resource_missing", "no such thing: …"),
            fingerprint("permanent", "stripe_error", "no such thing: …"),
            fingerprint("permanent", "stripe_resource_missing", "no such money: …"),
            fingerprint("permanent", "stripe_resource_missingno such thing: …", ""),
        ] {
            assert_ne!(one, other);
        }
        // Computed with another program: dead letters that are kept go by it.
        assert_eq!(fingerprint("permanent", "a", "b"), "c6de88361b6f");
    }
}

//! Unpaired surrogate escapes in JSON text (`"\ud83d"`), which serde_json refuses to read into a text.
//!
//! JSON's grammar allows them, and they occur: a text that was cut in the middle of an emoji. They are
//! no characters, and no column could hold one; so each is replaced by U+FFFD, as U+0000 is where
//! Postgres cannot hold it. The signature is verified over the bytes as they came, before this.

use std::borrow::Cow;

/// Replacement of an escape that is no character. As long as what it replaces, so that the position of a later
/// fault stays right.
const REPLACEMENT: &[u8; 6] = b"\\ufffd";

/// Reads JSON text; where that fails, once more without unpaired surrogate escapes, if there are any. So
/// ordinary text costs nothing.
///
/// # Errors
/// Those of `read`.
pub fn read<T, E>(json: &[u8], read: impl Fn(&[u8]) -> Result<T, E>) -> Result<T, E> {
    read(json).or_else(|error| match replace_unpaired(json) {
        Cow::Owned(mended) => read(&mended),
        Cow::Borrowed(_) => Err(error),
    })
}

/// The same JSON text without unpaired surrogate escapes; not copied where there are none.
#[must_use]
pub fn replace_unpaired(json: &[u8]) -> Cow<'_, [u8]> {
    let mut mended: Option<Vec<u8>> = None;
    let mut at = 0;
    while let Some(&byte) = json.get(at) {
        if byte != b'\\' {
            at += 1;
            continue;
        }
        match escaped(json, at) {
            Some(0xd800..=0xdbff) if matches!(escaped(json, at + 6), Some(0xdc00..=0xdfff)) => {
                at += 12;
            }
            Some(0xd800..=0xdfff) => {
                let mended = mended.get_or_insert_with(|| json.to_vec());
                if let Some(place) = mended.get_mut(at..at + 6) {
                    place.copy_from_slice(REPLACEMENT);
                }
                at += 6;
            }
            // Another escape: the next byte belongs to it, also where that is a backslash.
            Some(_) | None => at += 2,
        }
    }
    mended.map_or(Cow::Borrowed(json), Cow::Owned)
}

/// The code unit of an escape `\uXXXX` that begins here.
fn escaped(json: &[u8], at: usize) -> Option<u32> {
    let escape = json.get(at..at + 6)?;
    let digits = escape.strip_prefix(b"\\u")?;
    digits.iter().try_fold(0, |unit, byte| Some(unit * 16 + char::from(*byte).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn mended(json: &str) -> String {
        String::from_utf8(replace_unpaired(json.as_bytes()).into_owned()).unwrap()
    }

    #[test]
    fn a_half_of_a_pair_is_replaced_and_a_pair_is_not() {
        for (json, expected) in [
            (r#""no \ud83d""#, r#""no \ufffd""#),
            (r#""\uD83D x""#, r#""\ufffd x""#),
            (r#""\ude00""#, r#""\ufffd""#),
            (r#""\ud83d\ud83d\ude00""#, r#""\ufffd\ud83d\ude00""#),
            (r#""\ud83d\n\ude00""#, r#""\ufffd\n\ufffd""#),
            (r#""\ud83d\ude00""#, r#""\ud83d\ude00""#),
            // A backslash of its own, and then plain letters.
            (r#""\\ud83d""#, r#""\\ud83d""#),
            (r#""\\\ud83d""#, r#""\\\ufffd""#),
            (r#""\ud8""#, r#""\ud8""#),
        ] {
            assert_eq!(mended(json), expected);
        }
    }

    #[test]
    fn what_has_no_surrogate_is_not_copied() {
        for json in [r#"{"a":"b"}"#, r#""\u00e9""#, r#""\ud83d\ude00""#] {
            assert!(matches!(replace_unpaired(json.as_bytes()), Cow::Borrowed(_)), "{json}");
        }
    }

    proptest! {
        #[test]
        fn a_text_of_any_code_units_can_be_read_afterwards(units in prop::collection::vec(
            prop_oneof![any::<u16>(), 0xd7ff_u16..0xe001], 0..12)) {
            let escapes: String = units.iter().map(|unit| format!("\\u{unit:04x}")).collect();
            let json = mended(&format!("\"{escapes}\""));
            let text: Value = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(text, Value::from(String::from_utf16_lossy(&units)));
        }

        #[test]
        fn what_could_be_read_before_says_the_same(text in any::<String>()) {
            let json = Value::from(text).to_string();
            prop_assert_eq!(mended(&json), json);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            prop_assert_eq!(replace_unpaired(&bytes).len(), bytes.len());
        }
    }
}

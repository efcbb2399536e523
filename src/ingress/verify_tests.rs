//! Tests of signature verification.
//!
//! The known signatures were made with another tool:
//! `printf '1700000000.%s' "$BODY" | openssl dgst -sha256 -hmac "$SECRET"`.

use proptest::prelude::*;

use super::*;

const T: i64 = 1_700_000_000;
const TOLERANCE: Duration = Duration::from_secs(300);
const BODY: &[u8] = br#"{"id":"evt_1","object":"event"}"#;
const BY_FIRST: &str = "0c8670ed117751cc551a20e35839447075c42800ea3cf3e8a2fbda99cd1e6edd";
const BY_SECOND: &str = "7eeb37aa4737513d1a1416501dc8ec1070ede73fbe57f9222f62ab76485a578c";

fn keys(secrets: &[&str]) -> Vec<Key> {
    secrets.iter().map(|secret| Key::new(&Secret::new(*secret)).unwrap()).collect()
}

/// Parses and verifies.
fn verify(
    body: &[u8],
    header: &str,
    keys: &[Key],
    tolerance: Duration,
    now: i64,
) -> Result<Match, Rejection> {
    Signature::parse(header, tolerance, now)?.verify(body, keys)
}

fn first() -> Vec<Key> {
    keys(&["whsec_test_secret"])
}

fn check(header: &str, keys: &[Key]) -> Result<usize, Rejection> {
    verify(BODY, header, keys, TOLERANCE, T).map(|found| found.index)
}

#[test]
fn signatures_made_by_openssl_are_accepted() {
    let vectors: [(&[u8], &str); 4] = [
        (BODY, BY_FIRST),
        (b"", "316b9ab98c15bfa039d243f3196acee619cf29749a91a634e6a8154e2f7b6727"),
        (
            "{\n  \"name\": \"Zoë ☃\",\t\"x\" : 1 }\r\n".as_bytes(),
            "c470312ebe9fd2a6764166e6a3c6ee4e1bd0fd4dfb7f028b8b51611822f81581",
        ),
        (b"\xff\xfe\0", "85d4833a625631e100b3adc6ffb883f0d4731dea854b842839400e28c283a066"),
    ];
    for (body, v1) in vectors {
        let found = verify(body, &format!("t={T},v1={v1}"), &first(), TOLERANCE, T);
        assert_eq!(found, Ok(Match { index: 0, t: T }), "{body:?}");
    }
}

#[test]
fn any_secret_may_match_any_signature_and_its_index_is_returned() {
    let both = keys(&["whsec_test_secret", "whsec_second"]);
    assert_eq!(check(&format!("t={T},v1={BY_FIRST}"), &both), Ok(0));
    assert_eq!(check(&format!("t={T},v1={BY_SECOND}"), &both), Ok(1));
    assert_eq!(check(&format!("t={T},v1={BY_SECOND},v1={BY_FIRST}"), &first()), Ok(0));
    assert_eq!(check(&format!("t={T},v1={BY_SECOND}"), &first()), Err(Rejection::Mismatch));
    assert_eq!(check(&format!("t={T},v1={BY_FIRST}"), &[]), Err(Rejection::Mismatch));
}

#[test]
fn the_scheme_v0_is_never_accepted() {
    let only = format!("t={T},v0={BY_FIRST}");
    assert_eq!(check(&only, &first()), Err(Rejection::NoV1));
    let beside = format!("t={T},v1={BY_SECOND},v0={BY_FIRST}");
    assert_eq!(check(&beside, &first()), Err(Rejection::Mismatch));
    assert_eq!(check(&format!("t={T},v1={BY_FIRST},v0=zzz"), &first()), Ok(0));
}

#[test]
fn a_header_that_cannot_be_parsed_is_malformed() {
    for header in [
        String::new(),
        "nonsense".into(),
        format!("v1={BY_FIRST}"),
        format!("t=,v1={BY_FIRST}"),
        format!("t=soon,v1={BY_FIRST}"),
        format!("t=+{T},v1={BY_FIRST}"),
        format!("t=-1,v1={BY_FIRST}"),
        format!("t=99999999999999999999,v1={BY_FIRST}"),
        format!("t={T},t={T},v1={BY_FIRST}"),
        format!("t={T},v1={BY_FIRST},"),
        format!("t={T};v1={BY_FIRST}"),
    ] {
        assert_eq!(check(&header, &first()), Err(Rejection::Malformed), "{header}");
    }
}

#[test]
fn a_v1_that_is_no_lower_case_hex_is_ignored() {
    for odd in ["", "zz", "0c86", &BY_FIRST.to_uppercase(), &format!("{BY_FIRST}00")] {
        assert_eq!(check(&format!("t={T},v1={odd}"), &first()), Err(Rejection::Mismatch));
        assert_eq!(check(&format!("t={T},v1={odd},v1={BY_FIRST}"), &first()), Ok(0));
    }
}

#[test]
fn space_around_the_pairs_is_ignored() {
    assert_eq!(check(&format!(" t={T} ,\tv1={BY_FIRST} "), &first()), Ok(0));
    assert_eq!(check(&format!("t= {T},v1={BY_FIRST}"), &first()), Err(Rejection::Malformed));
}

#[test]
fn a_signature_is_accepted_up_to_its_tolerance() {
    let header = format!("t={T},v1={BY_FIRST}");
    let at = |now| verify(BODY, &header, &first(), TOLERANCE, now).map(|found| found.index);
    assert_eq!(at(T + 300), Ok(0));
    assert_eq!(at(T + 301), Err(Rejection::Stale));
    assert_eq!(at(i64::MAX), Err(Rejection::Stale));
}

#[test]
fn a_slow_clock_refuses_nothing() {
    let header = format!("t={T},v1={BY_FIRST}");
    assert_eq!(verify(BODY, &header, &first(), TOLERANCE, 0), Ok(Match { index: 0, t: T }));
}

#[test]
fn an_impossible_header_is_refused_without_a_body() {
    let refused = |header: &str| Signature::parse(header, TOLERANCE, T + 1000).err();
    assert_eq!(refused("x"), Some(Rejection::Malformed));
    assert_eq!(refused(&format!("v1={BY_SECOND}")), Some(Rejection::Malformed));
    assert_eq!(refused(&format!("t={T}")), Some(Rejection::NoV1));
    assert_eq!(refused(&format!("t={T},v1={BY_SECOND}")), Some(Rejection::Stale));
    assert_eq!(refused(&format!("t={},v1=", T + 1000)), None);
}

fn signed(secret: &str, t: i64, body: &[u8]) -> String {
    let key = &keys(&[secret])[0];
    format!("t={t},v1={}", key.sign(&t.to_string(), body))
}

proptest! {
    #[test]
    fn every_signed_body_is_accepted_in_any_order_of_the_secrets(
        body in proptest::collection::vec(any::<u8>(), 0..300),
        secrets in proptest::collection::vec("whsec_[a-zA-Z0-9]{8,40}", 1..5),
        at in any::<prop::sample::Index>(),
        t in 0..i64::MAX,
    ) {
        let signer = at.get(&secrets);
        let header = signed(signer, t, &body);
        let keys = keys(&secrets.iter().map(String::as_str).collect::<Vec<_>>());
        let found = verify(&body, &header, &keys, TOLERANCE, t).unwrap();
        prop_assert_eq!(&secrets[found.index], signer);
        prop_assert_eq!(found.t, t);
    }

    #[test]
    fn one_flipped_bit_of_the_body_is_refused(
        body in proptest::collection::vec(any::<u8>(), 1..300),
        at in any::<prop::sample::Index>(),
        bit in 0u8..8,
    ) {
        let header = signed("whsec_test_secret", T, &body);
        let mut body = body;
        let at = at.index(body.len());
        body[at] ^= 1 << bit;
        prop_assert_eq!(verify(&body, &header, &first(), TOLERANCE, T), Err(Rejection::Mismatch));
    }

    #[test]
    fn one_flipped_bit_of_the_header_is_refused(
        at in any::<prop::sample::Index>(),
        bit in 0u8..8,
    ) {
        let mut header = format!("t={T},v1={BY_FIRST}").into_bytes();
        let at = at.index(header.len());
        header[at] ^= 1 << bit;
        // A header that is not UTF-8 is refused earlier.
        if let Ok(header) = std::str::from_utf8(&header) {
            prop_assert!(check(header, &first()).is_err(), "{}", header);
        }
    }

    #[test]
    fn no_header_causes_a_panic(header in any::<String>(), now in any::<i64>()) {
        prop_assert!(verify(BODY, &header, &first(), TOLERANCE, now).is_err());
    }

    #[test]
    fn a_signature_of_another_scheme_is_never_accepted(
        scheme in "v(0|2|10|1 |01)",
        secret in "whsec_[a-zA-Z0-9]{8,40}",
    ) {
        let header = signed(&secret, T, BODY).replace("v1", &scheme);
        prop_assert_eq!(check(&header, &keys(&[&secret])), Err(Rejection::NoV1));
    }
}

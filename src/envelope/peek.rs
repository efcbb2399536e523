//! The quick look that the ingress takes.

use std::borrow::Cow;

use serde::Deserialize;

use super::text::Text;
use crate::domain::id::Mode;

/// `object` of a snapshot event.
pub(super) const SNAPSHOT: &str = "event";
/// `object` of a thin event.
pub(super) const THIN: &str = "v2.core.event";

/// The parts of an event that the ingress needs, borrowed from its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peek<'a> {
    /// `evt_...`, as sent: not checked any further than that it is there.
    pub id: Cow<'a, str>,
    /// `payment_intent.succeeded` and its like.
    pub event_type: Cow<'a, str>,
    /// Live or test. An endpoint may be sent either (docs.stripe.com, "Connect webhooks").
    pub mode: Mode,
    /// The connected account that it comes from, where it comes from one.
    pub account: Option<Cow<'a, str>>,
    /// Whether it is a thin event, which carries no object.
    pub thin: bool,
}

/// Why bytes are not an event. Says nothing of what they hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAnEvent {
    /// Not JSON, or JSON in which a field of the envelope is missing, repeated or of another type.
    #[error("the body is not an event's JSON")]
    Shape,
    /// JSON that says it is something else.
    #[error("the body's `object` is neither `event` nor `v2.core.event`")]
    Object,
    /// An event without a name.
    #[error("the event has no id or no type")]
    Nameless,
}

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    object: Text<'a>,
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow, rename = "type")]
    event_type: Text<'a>,
    livemode: bool,
    #[serde(borrow, default)]
    account: Option<Text<'a>>,
}

/// Looks at the envelope of an event. Reads the whole of the bytes, so what follows the event is
/// found too.
///
/// # Errors
/// The bytes are not an event.
pub fn peek(bytes: &[u8]) -> Result<Peek<'_>, NotAnEvent> {
    // The detail is dropped on purpose: serde's words quote the payload.
    let wire: Wire<'_> = serde_json::from_slice(bytes).map_err(|_| NotAnEvent::Shape)?;
    let thin = match &*wire.object {
        SNAPSHOT => false,
        THIN => true,
        _ => return Err(NotAnEvent::Object),
    };
    if wire.id.is_empty() || wire.event_type.is_empty() {
        return Err(NotAnEvent::Nameless);
    }
    Ok(Peek {
        id: wire.id.0,
        event_type: wire.event_type.0,
        mode: Mode::from_livemode(wire.livemode),
        account: wire.account.map(|account| account.0),
        thin,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_envelope_is_read_without_copying_it() {
        let peek = peek(
            br#"{"object":"event","id":"evt_1","type":"charge.failed","livemode":true,
                "account":"acct_1","data":{"object":{"deep":[{"er":1}]}}}"#,
        )
        .unwrap();
        assert!(matches!(peek.id, Cow::Borrowed("evt_1")));
        assert!(matches!(peek.event_type, Cow::Borrowed("charge.failed")));
        assert!(matches!(peek.account, Some(Cow::Borrowed("acct_1"))));
        assert_eq!((peek.mode, peek.thin), (Mode::Live, false));
    }

    #[test]
    fn a_text_with_an_escape_is_read_too() {
        let body = br#"{"object":"ev\u0065nt","id":"evt_\u0031","type":"a","livemode":false}"#;
        assert_eq!(peek(body).unwrap().id, "evt_1");
    }

    #[test]
    fn a_thin_event_is_an_event() {
        let body = br#"{"object":"v2.core.event","id":"evt_1","type":"v1.billing.meter.x","livemode":false,"created":"2026-01-02T03:04:05.678Z"}"#;
        assert!(peek(body).unwrap().thin);
    }

    #[test]
    fn what_is_not_an_event_is_refused() {
        for (body, why) in [
            (&b""[..], NotAnEvent::Shape),
            (b"null", NotAnEvent::Shape),
            (b"[]", NotAnEvent::Shape),
            (b"{}", NotAnEvent::Shape),
            (b"\xff\xfe", NotAnEvent::Shape),
            (br#"{"object":"event","id":"evt_1","type":"a"}"#, NotAnEvent::Shape),
            (br#"{"object":"event","id":"evt_1","type":"a","livemode":"true"}"#, NotAnEvent::Shape),
            (
                br#"{"object":"event","id":"evt_1","id":"evt_2","type":"a","livemode":true}"#,
                NotAnEvent::Shape,
            ),
            (br#"{"object":"event","id":"evt_1","type":"a","livemode":true} x"#, NotAnEvent::Shape),
            (br#"{"object":"charge","id":"ch_1","type":"a","livemode":true}"#, NotAnEvent::Object),
            (br#"{"object":"event","id":"","type":"a","livemode":true}"#, NotAnEvent::Nameless),
            (br#"{"object":"event","id":"evt_1","type":"","livemode":true}"#, NotAnEvent::Nameless),
        ] {
            assert_eq!(peek(body), Err(why), "{}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn nesting_without_end_does_not_exhaust_the_stack() {
        let mut body =
            br#"{"object":"event","id":"evt_1","type":"a","livemode":true,"data":"#.to_vec();
        body.extend(std::iter::repeat_n(b'[', 1 << 20));
        assert_eq!(peek(&body), Err(NotAnEvent::Shape));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
            let _ = peek(&bytes);
        }

        #[test]
        fn no_damage_to_an_event_makes_it_panic(at in 0usize..90, byte in any::<u8>()) {
            let mut body = br#"{"object":"event","id":"evt_1","type":"a","livemode":true,"account":null,"data":{"x":[1]}}"#.to_vec();
            let at = at % body.len();
            body[at] = byte;
            let _ = peek(&body);
        }
    }
}

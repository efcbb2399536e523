//! Trace context of a webhook: it starts a trace, or continues that of the request (w3.org, "Trace Context").

use uuid::Uuid;

/// The `traceparent` of a job: a span in the caller's trace if the request has a valid `traceparent`, or else the
/// first span of a new trace.
pub(super) fn traceparent(incoming: Option<&str>) -> String {
    let random = Uuid::new_v4();
    match incoming.and_then(parse) {
        // Half of a v4 UUID: random but for its fixed version, which keeps it from being zero.
        Some((trace, flags)) => format!("00-{trace}-{:016x}-{flags}", random.as_u64_pair().0),
        None => format!("00-{}-{:016x}-01", random.simple(), random.as_u64_pair().1),
    }
}

/// Whether a `traceparent` is valid.
pub(super) fn is_valid(text: &str) -> bool {
    parse(text).is_some()
}

/// Parses the trace id and the flags.
fn parse(text: &str) -> Option<(&str, &str)> {
    let mut parts = text.split('-');
    let (version, trace, parent, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    // A later version may have more parts; version 00 has not.
    let version_ok = hex(version, 2) && version != "ff";
    let end_ok = version != "00" || parts.next().is_none();
    let nonzero = |id: &str| id.bytes().any(|digit| digit != b'0');
    (version_ok
        && end_ok
        && hex(trace, 32)
        && nonzero(trace)
        && hex(parent, 16)
        && nonzero(parent)
        && hex(flags, 2))
    .then_some((trace, flags))
}

fn hex(text: &str, len: usize) -> bool {
    text.len() == len && text.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

    #[test]
    fn a_new_trace_is_valid() {
        let one = traceparent(None);
        assert!(parse(&one).is_some(), "{one}");
        assert!(one.ends_with("-01"), "{one}");
        assert_ne!(one, traceparent(None));
    }

    #[test]
    fn a_callers_trace_continues_with_a_new_span() {
        let next = traceparent(Some(SENT));
        assert_eq!(parse(&next), Some(("0af7651916cd43dd8448eb211c80319c", "00")));
        assert_ne!(next, SENT);
    }

    #[test]
    fn an_invalid_traceparent_is_not_passed_on() {
        for odd in [
            "",
            "x",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
            "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
            "00-00000000000000000000000000000000-b7ad6b7169203331-00",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-00",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00-x",
        ] {
            assert_eq!(parse(odd), None, "{odd}");
            assert!(parse(&traceparent(Some(odd))).is_some());
        }
    }

    #[test]
    fn a_later_version_is_parsed_as_version_00() {
        let later = "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more";
        assert_eq!(parse(later), Some(("0af7651916cd43dd8448eb211c80319c", "01")));
    }
}

//! Dates in HTTP headers, and `Retry-After`, which is one or a number of seconds.

use std::time::{Duration, SystemTime};

use hyper::HeaderMap;
use hyper::header::{DATE, HeaderName, RETRY_AFTER};

/// Parses a date in any of the three formats that RFC 9110 (section 5.6.7) has a recipient accept.
#[must_use]
pub fn parse_http_date(text: &str) -> Option<SystemTime> {
    httpdate::parse_http_date(text.trim()).ok()
}

/// How long the answer with these headers asks the client to wait: its `Retry-After`, in seconds or as an
/// HTTP date (RFC 9110, section 10.2.3). A date in the past is no wait.
///
/// A date is compared with the answer's own `Date`, so that a wrong local clock does no harm; without one,
/// with the local clock. `None` if there is no such header or it is neither of the two.
#[must_use]
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let value = text(RETRY_AFTER)?;
    if let Ok(seconds) = value.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = parse_http_date(value)?;
    let now = text(DATE).and_then(parse_http_date).unwrap_or_else(SystemTime::now);
    Some(until.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(headers: &[(&'static str, &str)]) -> Option<Duration> {
        let of = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), value.parse().unwrap())
        };
        retry_after(&headers.iter().map(of).collect())
    }

    const DATE_HEADER: (&str, &str) = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");

    #[test]
    fn retry_after_may_be_seconds_or_a_date_in_each_format_of_http() {
        let wait = |value| wait(&[DATE_HEADER, ("retry-after", value)]);
        assert_eq!(wait("7"), Some(Duration::from_secs(7)));
        assert_eq!(wait(" 7 "), Some(Duration::from_secs(7)));
        for date in [
            "Sun, 06 Nov 1994 08:49:40 GMT",
            "Sunday, 06-Nov-94 08:49:40 GMT",
            "Sun Nov  6 08:49:40 1994",
        ] {
            assert_eq!(wait(date), Some(Duration::from_secs(3)), "{date}");
        }
        assert_eq!(wait("Sun, 06 Nov 1994 08:49:30 GMT"), Some(Duration::ZERO));
        for neither in ["soon", "-1", "1.5", "", "Sun, 06 Nov 1994"] {
            assert_eq!(wait(neither), None, "{neither}");
        }
    }

    #[test]
    fn a_date_is_compared_with_the_local_clock_where_the_answer_has_no_date() {
        assert_eq!(wait(&[]), None);
        let past = ("retry-after", "Sun, 06 Nov 1994 08:49:30 GMT");
        assert_eq!(wait(&[past]), Some(Duration::ZERO));
        let hour = Duration::from_hours(1);
        let later = httpdate::fmt_http_date(SystemTime::now() + hour);
        // A date has whole seconds, and the clock has moved on.
        let asked = wait(&[("retry-after", &later)]).unwrap();
        assert!(asked <= hour && asked > Duration::ZERO, "{asked:?}");
        assert_eq!(wait(&[("date", "garbled"), past]), Some(Duration::ZERO));
    }
}

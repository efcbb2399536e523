//! Times, durations and untrusted text for the terminal.

use std::time::Duration;

use time::format_description::well_known::{Iso8601, Rfc3339};
use time::{Date, OffsetDateTime, Time};

/// A moment in whole seconds, UTC.
pub(super) fn at(moment: OffsetDateTime) -> String {
    let whole = moment.replace_nanosecond(0).unwrap_or(moment);
    whole.format(&Rfc3339).unwrap_or_default()
}

/// A span: `340ms`, `12s`, `3m 5s`, `2h 4m`, `3d 2h`. At most two units, which leaves out the
/// seconds of a day.
pub(super) fn span_ms(millis: u64) -> String {
    let step = match millis {
        0..1_000 => 1,
        1_000..3_600_000 => 1_000,
        3_600_000..86_400_000 => 60_000,
        _ => 3_600_000,
    };
    humantime::format_duration(Duration::from_millis(millis / step * step)).to_string()
}

/// A time as an operator types it: RFC 3339, a day (from its beginning in UTC), or how long ago (`2h`,
/// `3d`).
pub(super) fn moment(text: &str) -> Result<OffsetDateTime, String> {
    if let Ok(moment) = OffsetDateTime::parse(text, &Rfc3339) {
        return Ok(moment);
    }
    if let Ok(day) = Date::parse(text, &Iso8601::DATE) {
        return Ok(day.with_time(Time::MIDNIGHT).assume_utc());
    }
    let ago = humantime::parse_duration(text).map_err(|_| {
        "a time is 2026-01-31T12:00:00Z, 2026-01-31, or how long ago: 90s, 2h, 3d".to_owned()
    })?;
    OffsetDateTime::now_utc()
        .checked_sub(ago.try_into().unwrap_or(time::Duration::MAX))
        .ok_or_else(|| format!("{text} ago is too far back"))
}

/// A text from outside on one line, without what would command the terminal or turn what is read
/// around: all that is written otherwise than it is stands there escaped.
pub(super) fn plain(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || turns(c) {
            plain.extend(c.escape_default());
        } else {
            plain.push(c);
        }
    }
    plain
}

/// A text from outside as one argument of a command that people copy into a shell: quoted, unless it is
/// of letters, digits and a few signs that no shell reads.
pub(super) fn argument(text: &str) -> String {
    let text = plain(text);
    let safe = |b: u8| b.is_ascii_alphanumeric() || b"_-.:@+,".contains(&b);
    if !text.is_empty() && !text.starts_with('-') && text.bytes().all(safe) {
        text
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_at_most_two_units() {
        let spans = [340, 12_999, 185_100, 7_500_000, 266_400_000 + 59_000];
        assert_eq!(spans.map(span_ms), ["340ms", "12s", "3m 5s", "2h 5m", "3days 2h"]);
    }

    #[test]
    fn a_time_is_typed_whole_as_a_day_or_as_how_long_ago() {
        assert_eq!(moment("1970-01-02").map(|at| at.unix_timestamp()), Ok(86_400));
        assert_eq!(moment("1970-01-01T00:00:05Z").map(|at| at.unix_timestamp()), Ok(5));
        let then = moment("2h").expect("it reads");
        assert_eq!((OffsetDateTime::now_utc() - then).whole_hours(), 2);
        assert!(moment("yesterday").is_err());
        assert!(moment("99999999999d").is_err());
    }
}

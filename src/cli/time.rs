//! Times, as people type and read them.

use time::format_description::well_known::{Iso8601, Rfc3339};
use time::{Date, OffsetDateTime, Time};

/// A time: RFC 3339 (`2026-05-01T12:00:00Z`), a day (`2026-05-01`, from its beginning in UTC), or
/// how long ago (`15m`, `2h`, `7d`).
pub(super) fn moment(text: &str) -> Result<OffsetDateTime, String> {
    if let Ok(at) = OffsetDateTime::parse(text, &Rfc3339) {
        return Ok(at);
    }
    if let Ok(day) = Date::parse(text, &Iso8601::DATE) {
        return Ok(day.with_time(Time::MIDNIGHT).assume_utc());
    }
    let ago = humantime::parse_duration(text)
        .ok()
        .and_then(|ago| OffsetDateTime::now_utc().checked_sub(ago.try_into().ok()?));
    ago.ok_or_else(|| {
        "no time: write 2026-05-01T12:00:00Z, 2026-05-01, or how long ago: 15m, 2h, 7d".to_owned()
    })
}

/// To the second, in UTC.
pub(super) fn at(moment: OffsetDateTime) -> String {
    let whole = moment.replace_nanosecond(0).unwrap_or(moment);
    whole.format(&Rfc3339).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_typed_whole_as_a_day_or_as_how_long_ago() {
        assert_eq!(at(moment("2026-05-01T12:00:00Z").unwrap()), "2026-05-01T12:00:00Z");
        assert_eq!(at(moment("2026-05-01").unwrap()), "2026-05-01T00:00:00Z");
        let ago = OffsetDateTime::now_utc() - moment("2h").unwrap();
        assert_eq!(ago.whole_minutes(), 120);
        assert!(moment("yesterday").unwrap_err().contains("15m, 2h, 7d"));
        assert!(moment("999999999y").is_err());
    }
}

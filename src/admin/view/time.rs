//! Formatting of times and durations.

use std::fmt;

use askama::filters::HtmlSafe;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

/// `3 min ago`, with the moment itself for machines and in the tooltip.
pub(crate) fn ago(at: &OffsetDateTime) -> Moment {
    let seconds = (OffsetDateTime::now_utc() - *at).whole_seconds();
    let text = match seconds {
        ..0 => format!("in {}", length(seconds.unsigned_abs())),
        0..5 => "just now".to_owned(),
        5.. => format!("{} ago", length(seconds.unsigned_abs())),
    };
    Moment { at: *at, text }
}

/// `2026-11-22 00:10:04 UTC`
pub(crate) fn exact(at: &OffsetDateTime) -> Moment {
    let form = format_description!("[year]-[month]-[day] [hour]:[minute]:[second] UTC");
    let text = at.to_offset(time::UtcOffset::UTC).format(form).unwrap_or_default();
    Moment { at: *at, text }
}

/// `45 s`, `12 min`, `3 h 20 min`, `5 d`
pub(crate) fn length(seconds: u64) -> String {
    match seconds {
        0..100 => format!("{seconds} s"),
        100..7200 => format!("{} min", seconds / 60),
        7200..172_800 => {
            let (hours, minutes) = (seconds / 3600, seconds % 3600 / 60);
            if minutes == 0 { format!("{hours} h") } else { format!("{hours} h {minutes} min") }
        }
        172_800.. => format!("{} d", seconds / 86400),
    }
}

/// A moment, as an element of a page.
pub(crate) struct Moment {
    at: OffsetDateTime,
    text: String,
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = self.at.replace_nanosecond(0).unwrap_or(self.at);
        let exact = exact.format(&Rfc3339).unwrap_or_default();
        write!(f, "<time datetime=\"{exact}\" title=\"{exact}\">{}</time>", self.text)
    }
}

/// Times hold nothing that HTML could trip over.
impl HtmlSafe for Moment {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_told_in_the_unit_that_one_thinks_in() {
        for (seconds, text) in [
            (0, "0 s"),
            (99, "99 s"),
            (100, "1 min"),
            (7199, "119 min"),
            (7200, "2 h"),
            (12_000, "3 h 20 min"),
            (172_800, "2 d"),
        ] {
            assert_eq!(length(seconds), text);
        }
    }

    #[test]
    fn a_moment_is_there_for_machines_too() {
        let at = time::macros::datetime!(2026-01-02 03:04:05.678 UTC);
        assert_eq!(
            exact(&at).to_string(),
            "<time datetime=\"2026-01-02T03:04:05Z\" title=\"2026-01-02T03:04:05Z\">\
             2026-01-02 03:04:05 UTC</time>"
        );
    }
}

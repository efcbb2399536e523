//! A bar chart of numbers over time.

use std::fmt;

use askama::filters::HtmlSafe;

const HEIGHT: u64 = 40;
const STEP: usize = 6;

/// One bar a number, the tallest as high as the picture. Says in words what it shows.
pub(crate) struct Bars {
    /// What a screen reader says: "Events received, by minute".
    pub(crate) label: String,
    /// The numbers, oldest first.
    pub(crate) values: Vec<u64>,
}

impl Bars {
    /// The largest number.
    pub(crate) fn most(&self) -> u64 {
        self.values.iter().copied().max().unwrap_or(0)
    }

    /// All of them together.
    pub(crate) fn total(&self) -> u64 {
        self.values.iter().sum()
    }
}

impl fmt::Display for Bars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (width, most) = (self.values.len() * STEP, self.most());
        let label = askama::filters::escape(&self.label, askama::filters::Html);
        let label = label.map_err(|_| fmt::Error)?;
        write!(
            f,
            "<svg class=\"bars\" viewBox=\"0 0 {width} {HEIGHT}\" preserveAspectRatio=\"none\" \
             role=\"img\" aria-label=\"{label}: {} in all, {most} at most\">",
            self.total()
        )?;
        for (at, value) in self.values.iter().enumerate() {
            // What is not nothing is seen: one pixel at least.
            let height = if *value == 0 { 0 } else { (value * (HEIGHT - 2) / most.max(1)).max(2) };
            let (x, y, class) =
                (at * STEP, HEIGHT - height.max(1), if height == 0 { "none" } else { "some" });
            write!(
                f,
                "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"{}\"/>",
                STEP - 1,
                height.max(1)
            )?;
        }
        f.write_str("</svg>")
    }
}

/// The label is escaped; all the rest is numbers.
impl HtmlSafe for Bars {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_says_in_words_what_it_shows() {
        let bars = Bars { label: "a < b".into(), values: vec![0, 1, 100] };
        let text = bars.to_string();
        assert!(text.contains("aria-label=\"a &#60; b: 101 in all, 100 at most\""), "{text}");
        assert_eq!(text.matches("<rect").count(), 3);
        assert!(
            text.contains("y=\"38\" width=\"5\" height=\"2\""),
            "one is seen beside 100: {text}"
        );
    }
}

//! Tables that fit the terminal without cutting ids, keys, types, times and numbers.

use std::io::IsTerminal as _;

use super::color;
use super::format::plain;

/// Between two columns.
const GAP: usize = 2;
/// The least width of a column of sentences.
const LEAST: usize = 16;

/// A column.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    heading: &'static str,
    gives: Gives,
}

/// Behaviour of a column when the terminal is too narrow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gives {
    /// It stays whole, even if the line gets longer than the terminal.
    Nothing,
    /// It is left out, before any other column is narrowed.
    Itself,
    /// Its texts are cut.
    Ends,
    /// Its texts are wrapped.
    Lines,
}

/// A column of ids, keys, types, times, numbers or states. Never cut.
pub(super) const fn whole(heading: &'static str) -> Column {
    Column { heading, gives: Gives::Nothing }
}

/// A column that is left out when the terminal is too narrow.
pub(super) const fn picture(heading: &'static str) -> Column {
    Column { heading, gives: Gives::Itself }
}

/// A column of sentences that are cut when the terminal is too narrow.
pub(super) const fn text(heading: &'static str) -> Column {
    Column { heading, gives: Gives::Ends }
}

/// A column of sentences that are wrapped.
pub(super) const fn prose(heading: &'static str) -> Column {
    Column { heading, gives: Gives::Lines }
}

/// Prints rows under a heading. Control characters in cells are escaped.
pub(super) fn print(columns: &[Column], rows: &[Vec<String>]) {
    let wrapped = columns.iter().any(|column| column.gives == Gives::Lines);
    for (number, line) in lines(columns, rows, width()).into_iter().enumerate() {
        let painted = match (number, wrapped) {
            (0, _) => color::heading(&line),
            (_, false) => color::states(&line),
            // Wrapped columns hold sentences, whose words are not states.
            (_, true) => color::marks(&line),
        };
        println!("{painted}");
    }
}

/// The terminal's width in columns; none where the output is not a terminal, so that nothing is cut
/// from what a program reads.
fn width() -> Option<usize> {
    if !std::io::stdout().is_terminal() {
        return None;
    }
    let set = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let asked = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    Some(set.or_else(asked).unwrap_or(80))
}

/// A column of this table, and how wide it is made.
#[derive(Debug)]
struct Fitted {
    at: usize,
    gives: Gives,
    wide: usize,
}

fn lines(columns: &[Column], rows: &[Vec<String>], width: Option<usize>) -> Vec<String> {
    let heading: Vec<String> = columns.iter().map(|column| column.heading.to_owned()).collect();
    let rows = rows.iter().map(|row| row.iter().map(|cell| plain(cell)).collect());
    let all: Vec<Vec<String>> = std::iter::once(heading).chain(rows).collect();
    let widest = |at: usize| all.iter().map(|row| row.get(at).map_or(0, |cell| length(cell))).max();
    let fitted = columns.iter().enumerate().map(|(at, column)| {
        let wide = widest(at).unwrap_or_default();
        Fitted { at, gives: column.gives, wide }
    });
    let mut fitted: Vec<Fitted> = fitted.collect();
    if let Some(width) = width {
        fit(&mut fitted, width);
    }
    all.iter().flat_map(|row| line(row, &fitted)).collect()
}

/// Narrows the columns to the width, as far as they can be.
fn fit(columns: &mut Vec<Fitted>, width: usize) {
    let total = |columns: &[Fitted]| {
        let gaps = GAP * columns.len().saturating_sub(1);
        columns.iter().map(|column| column.wide).sum::<usize>() + gaps
    };
    if total(columns) > width {
        columns.retain(|column| column.gives != Gives::Itself);
    }
    while total(columns) > width {
        let sentences = columns.iter_mut().filter(|column| match column.gives {
            Gives::Ends | Gives::Lines => column.wide > LEAST,
            Gives::Nothing | Gives::Itself => false,
        });
        let Some(widest) = sentences.max_by_key(|column| column.wide) else { return };
        widest.wide -= 1;
    }
}

/// The lines of a row: several where a column is wrapped.
fn line(row: &[String], columns: &[Fitted]) -> Vec<String> {
    let cells = columns.iter().map(|column| {
        let cell = row.get(column.at).map(String::as_str).unwrap_or_default();
        match column.gives {
            Gives::Nothing | Gives::Itself => vec![cell.to_owned()],
            Gives::Ends => vec![cut(cell, column.wide)],
            Gives::Lines => wrap(cell, column.wide),
        }
    });
    let cells: Vec<Vec<String>> = cells.collect();
    let height = cells.iter().map(Vec::len).max().unwrap_or_default();
    let line = |nth: usize| {
        let mut line = String::new();
        for (cell, column) in cells.iter().zip(columns) {
            let part = cell.get(nth).map(String::as_str).unwrap_or_default();
            line += &format!("{part:<wide$}{:GAP$}", "", wide = column.wide);
        }
        line.trim_end().to_owned()
    };
    (0..height).map(line).collect()
}

fn length(text: &str) -> usize {
    text.chars().count()
}

fn cut(text: &str, wide: usize) -> String {
    if length(text) <= wide {
        return text.to_owned();
    }
    text.chars().take(wide.saturating_sub(1)).chain(['…']).collect()
}

/// Wraps between words, and never within one: it may be an id.
fn wrap(text: &str, wide: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if length(line) + 1 + length(word) <= wide => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) | None => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[&str]) -> Vec<Vec<String>> {
        vec![cells.iter().map(|cell| (*cell).to_owned()).collect()]
    }

    #[test]
    fn columns_align_and_a_text_is_cut_at_the_terminals_edge() {
        let columns = [whole("ID"), text("MESSAGE")];
        let rows = row(&["dl_1", "card was declined by the bank"]);
        assert_eq!(
            lines(&columns, &rows, Some(25)),
            ["ID    MESSAGE", "dl_1  card was declined …"]
        );
        assert_eq!(
            lines(&columns, &rows, None)[1],
            "dl_1  card was declined by the bank",
            "nothing is cut from what a program reads"
        );
    }

    #[test]
    fn prose_goes_on_under_itself_and_no_word_of_it_is_broken() {
        let columns = [whole("ID"), prose("OURS"), prose("THEIRS")];
        let rows = row(&["dl_1", "the card was declined by pm_1PgcXZLkdIwHu7ix", "new"]);
        assert_eq!(
            lines(&columns, &rows, Some(30)),
            [
                "ID    OURS              THEIRS",
                "dl_1  the card was      new",
                "      declined by",
                "      pm_1PgcXZLkdIwHu7ix",
            ]
        );
    }

    const GROUP: &str = "0a1b2c3d4e5f:checkout.session.async_payment_succeeded";
    const TIME: &str = "2026-01-31T12:00:00Z";
    const CAUSE: &str = "Stripe has no such object: No such payment_intent: …";

    fn groups(width: usize) -> Vec<String> {
        let columns = [
            whole("GROUP"),
            picture("LAST 24 HOURS"),
            whole("FIRST SEEN"),
            whole("CODE"),
            text("CAUSE"),
        ];
        let rows = row(&[GROUP, &"▁".repeat(24), TIME, "not_found", CAUSE]);
        lines(&columns, &rows, Some(width))
    }

    #[test]
    fn what_people_copy_is_whole_at_any_width() {
        for width in [0, 1, 40, 80, 100, 200] {
            let lines = groups(width);
            for id in [GROUP, TIME, "not_found"] {
                assert!(lines[1].contains(id), "{width}: {lines:?}");
            }
        }
    }

    #[test]
    fn the_picture_gives_way_first_then_the_sentences_and_then_nothing() {
        assert!(groups(166)[1].contains('▁') && groups(166)[1].ends_with(CAUSE));
        assert!(!groups(165)[1].contains('▁') && groups(165)[1].ends_with(CAUSE));
        assert!(!groups(165)[0].contains("LAST 24 HOURS"), "its heading goes with it");
        assert_eq!(length(&groups(120)[1]), 120, "the cause was cut to fit");
        assert_eq!(groups(80), groups(40));
        assert!(groups(40)[1].ends_with("Stripe has no s…"), "{:?}", groups(40));
    }

    #[test]
    fn what_an_id_holds_neither_ends_a_line_nor_commands_the_terminal() {
        let rows = row(&["evt_1\nevt_2\u{1b}[2J", "a\tb\r\u{9b}1m\u{202e}c"]);
        for width in [None, Some(80), Some(40)] {
            assert_eq!(
                lines(&[whole("EVENT"), whole("OBJECT")], &rows, width)[1],
                "evt_1\\nevt_2\\u{1b}[2J  a\\tb\\r\\u{9b}1m\\u{202e}c"
            );
        }
    }
}

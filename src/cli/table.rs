//! Tables for people: columns that fit the terminal.

use std::io::IsTerminal as _;

use super::paint;

/// Between two columns.
const GAP: usize = 2;
/// No column is made narrower than this.
const LEAST: usize = 8;
/// The last column is made this narrow before any other gives way: it holds the longest texts, and
/// the others hold what people copy.
const LAST: usize = 16;

/// What becomes of a last column that has no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Long {
    Cut,
    Wrapped,
}

/// Prints rows under a heading, a line each. What has no room is cut.
pub(super) fn print(heading: &[&str], rows: &[Vec<String>]) {
    put(heading, rows, Long::Cut);
}

/// The same, but the last column goes on in the next line.
pub(super) fn print_wrapped(heading: &[&str], rows: &[Vec<String>]) {
    put(heading, rows, Long::Wrapped);
}

fn put(heading: &[&str], rows: &[Vec<String>], long: Long) {
    for (number, line) in lines(heading, rows, width(), long).into_iter().enumerate() {
        let painted = match (number, long) {
            (0, _) => paint::heading(&line),
            (_, Long::Cut) => paint::states(&line),
            // What is wrapped is sentences, in which no word stands for a state.
            (_, Long::Wrapped) => paint::marks(&line),
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
    let told = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let asked = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    Some(told.or_else(asked).unwrap_or(80))
}

fn lines(heading: &[&str], rows: &[Vec<String>], width: Option<usize>, long: Long) -> Vec<String> {
    let heading: Vec<String> = heading.iter().map(|h| (*h).to_owned()).collect();
    let all: Vec<&Vec<String>> = std::iter::once(&heading).chain(rows).collect();
    let mut wide: Vec<usize> = (0..heading.len())
        .map(|c| all.iter().map(|r| r.get(c).map_or(0, |t| t.chars().count())).max().unwrap_or(0))
        .collect();
    if let Some(width) = width {
        fit(&mut wide, width);
    }
    all.iter().flat_map(|row| line(row, &wide, long)).collect()
}

/// Makes columns narrower until they fit, or until none can be.
fn fit(wide: &mut [usize], width: usize) {
    let gaps = GAP * wide.len().saturating_sub(1);
    let total = |wide: &[usize]| wide.iter().sum::<usize>() + gaps;
    if let Some(last) = wide.len().checked_sub(1) {
        let over = total(wide).saturating_sub(width);
        let least = wide[last].min(LAST);
        wide[last] = wide[last].saturating_sub(over).max(least);
    }
    while total(wide) > width {
        let widest = (0..wide.len()).max_by_key(|column| wide[*column]);
        let Some(widest) = widest.filter(|column| wide[*column] > LEAST) else { return };
        wide[widest] -= 1;
    }
}

/// A row: one line, or more where its last column is wrapped.
fn line(row: &[String], wide: &[usize], long: Long) -> Vec<String> {
    let last = wide.len().saturating_sub(1);
    let mut text = String::new();
    for (cell, wide) in row.iter().zip(&wide[..last]) {
        let cell = cut(cell, *wide);
        text += &format!("{cell:<wide$}{:GAP$}", "");
    }
    let indent = text.chars().count();
    let rest = row.get(last).map(String::as_str).unwrap_or_default();
    let room = wide.get(last).copied().unwrap_or_default();
    let mut parts = match long {
        Long::Cut => vec![cut(rest, room)],
        Long::Wrapped => wrap(rest, room),
    }
    .into_iter();
    text += &parts.next().unwrap_or_default();
    let first = text.trim_end().to_owned();
    std::iter::once(first).chain(parts.map(|part| format!("{:indent$}{part}", ""))).collect()
}

fn cut(text: &str, wide: usize) -> String {
    if text.chars().count() <= wide {
        return text.to_owned();
    }
    text.chars().take(wide.saturating_sub(1)).chain(['…']).collect()
}

/// Between words where it can, within one where it must.
fn wrap(text: &str, wide: usize) -> Vec<String> {
    let wide = wide.max(1);
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let letters: Vec<char> = word.chars().collect();
        for (nth, part) in letters.chunks(wide).enumerate() {
            let Some(line) = lines.last_mut() else { continue };
            let used = line.chars().count();
            let gap = usize::from(used > 0);
            if nth == 0 && used + gap + part.len() <= wide {
                line.extend(std::iter::repeat_n(' ', gap).chain(part.iter().copied()));
            } else {
                lines.push(part.iter().collect());
            }
        }
    }
    if lines.len() > 1 && lines[0].is_empty() {
        lines.remove(0);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Vec<String>> {
        vec![vec!["dl_1".into(), "card was declined by the bank".into()]]
    }

    #[test]
    fn columns_align_and_the_last_is_cut_at_the_terminals_edge() {
        assert_eq!(
            lines(&["ID", "MESSAGE"], &rows(), Some(25), Long::Cut),
            ["ID    MESSAGE", "dl_1  card was declined …"]
        );
        assert_eq!(
            lines(&["ID", "MESSAGE"], &rows(), None, Long::Cut)[1],
            "dl_1  card was declined by the bank",
            "nothing is cut from what a program reads"
        );
    }

    #[test]
    fn a_wrapped_column_goes_on_under_itself() {
        assert_eq!(
            lines(&["ID", "MESSAGE"], &rows(), Some(23), Long::Wrapped),
            ["ID    MESSAGE", "dl_1  card was declined", "      by the bank"]
        );
        assert_eq!(wrap("abcdefgh", 3), ["abc", "def", "gh"], "a long word is broken");
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let long = "x".repeat(60);
        let rows = vec![vec![long.clone(), "short".into(), long.clone(), long]];
        for width in [40, 60, 80, 120] {
            for long in [Long::Cut, Long::Wrapped] {
                for line in lines(&["A", "B", "C", "D"], &rows, Some(width), long) {
                    assert!(line.chars().count() <= width, "{width}: {line}");
                }
            }
        }
    }
}

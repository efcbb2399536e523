//! Tables for people: columns that fit the terminal, the last one cut rather than wrapped.

use std::io::IsTerminal as _;

/// Prints rows under a heading. The last column takes what room is left.
pub(super) fn print(heading: &[&str], rows: &[Vec<String>]) {
    for line in lines(heading, rows, width()) {
        println!("{line}");
    }
}

/// The terminal's width in columns; unbounded where the output is not a terminal, so that nothing
/// is cut from what a program reads.
fn width() -> Option<usize> {
    if !std::io::stdout().is_terminal() {
        return None;
    }
    std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok()).or(Some(120))
}

fn lines(heading: &[&str], rows: &[Vec<String>], width: Option<usize>) -> Vec<String> {
    let heading: Vec<String> = heading.iter().map(|h| (*h).to_owned()).collect();
    let all: Vec<&Vec<String>> = std::iter::once(&heading).chain(rows).collect();
    let columns = heading.len();
    let wide: Vec<usize> = (0..columns)
        .map(|c| all.iter().map(|r| r.get(c).map_or(0, |t| t.chars().count())).max().unwrap_or(0))
        .collect();
    all.iter()
        .map(|row| {
            let cells = row.iter().zip(&wide).map(|(text, wide)| format!("{text:<wide$}"));
            let line = cells.collect::<Vec<_>>().join("  ");
            cut(line.trim_end(), width)
        })
        .collect()
}

fn cut(line: &str, width: Option<usize>) -> String {
    match width {
        Some(width) if line.chars().count() > width => {
            line.chars().take(width.saturating_sub(1)).chain(['…']).collect()
        }
        Some(_) | None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_and_the_last_is_cut_at_the_terminals_edge() {
        let rows = vec![vec!["dl_1".into(), "card was declined by the bank".into()]];
        assert_eq!(
            lines(&["ID", "MESSAGE"], &rows, Some(20)),
            ["ID    MESSAGE", "dl_1  card was decl…"]
        );
        assert_eq!(
            lines(&["ID", "MESSAGE"], &rows, None)[1],
            "dl_1  card was declined by the bank",
            "nothing is cut from what a program reads"
        );
    }
}

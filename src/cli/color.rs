//! Color on a terminal, unless `NO_COLOR` (<https://no-color.org>) or `TERM=dumb` turns it off.

use std::io::IsTerminal as _;

const BOLD: &str = "1";
const RED: &str = "31";
const GREEN: &str = "32";
const YELLOW: &str = "33";
const GREY: &str = "90";

/// A table's heading.
pub(super) fn heading(line: &str) -> String {
    if wanted() { painted(line, BOLD) } else { line.to_owned() }
}

/// A row of a table, with its states in color.
pub(super) fn states(line: &str) -> String {
    if wanted() { colored(line) } else { line.to_owned() }
}

/// A row of sentences, with the mark of a failure in color.
pub(super) fn marks(line: &str) -> String {
    if wanted() {
        line.replacen("  !  ", &format!("  {}  ", painted("!", RED)), 1)
    } else {
        line.to_owned()
    }
}

fn wanted() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    std::io::stdout().is_terminal() && !refused && !dumb
}

fn painted(text: &str, color: &str) -> String {
    format!("\u{1b}[{color}m{text}\u{1b}[0m")
}

/// Only a word that fills its cell is a state; in a sentence it is a word.
fn colored(line: &str) -> String {
    let mut done = String::new();
    for (nth, cell) in line.split("  ").enumerate() {
        if nth > 0 {
            done += "  ";
        }
        let word = cell.trim();
        match color(word).filter(|_| !word.is_empty()) {
            Some(color) => done += &cell.replacen(word, &painted(word, color), 1),
            None => done += cell,
        }
    }
    done
}

fn color(word: &str) -> Option<&'static str> {
    Some(match word {
        "settled" | "applied" | "resolved" | "succeeded" | "paid" | "active" | "healthy" | "ok"
        | "done" | "up" => GREEN,
        "dead" | "open" | "failed" | "unhealthy" | "down" => RED,
        "retrying" | "snoozed" | "pending" | "running" | "paused" | "interrupted" => YELLOW,
        "ignored" | "discarded" | "covered" | "unchanged" | "gone" | "canceled" | "deleted" => GREY,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_for_a_state_is_colored_where_it_is_a_cell() {
        assert_eq!(colored("evt_1  dead     pi_1"), "evt_1  \u{1b}[31mdead\u{1b}[0m     pi_1");
        assert_eq!(colored("1  a dead letter"), "1  a dead letter", "not within a sentence");
        assert_eq!(colored("evt_1  settled"), "evt_1  \u{1b}[32msettled\u{1b}[0m");
    }
}

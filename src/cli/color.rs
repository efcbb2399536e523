//! Colour, for people at a terminal who have not said that they want none (<https://no-color.org>).

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

/// A row of a table, with the words for states in their colours.
pub(super) fn states(line: &str) -> String {
    if wanted() { coloured(line) } else { line.to_owned() }
}

/// A row of sentences, with the mark of what went wrong in its colour.
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

fn painted(text: &str, colour: &str) -> String {
    format!("\u{1b}[{colour}m{text}\u{1b}[0m")
}

/// Only a word that fills its cell is a state; in a sentence it is a word.
fn coloured(line: &str) -> String {
    let mut done = String::new();
    for (nth, cell) in line.split("  ").enumerate() {
        if nth > 0 {
            done += "  ";
        }
        let word = cell.trim();
        match colour(word).filter(|_| !word.is_empty()) {
            Some(colour) => done += &cell.replacen(word, &painted(word, colour), 1),
            None => done += cell,
        }
    }
    done
}

fn colour(word: &str) -> Option<&'static str> {
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
    fn a_word_for_a_state_is_coloured_where_it_is_a_cell() {
        assert_eq!(coloured("evt_1  dead     pi_1"), "evt_1  \u{1b}[31mdead\u{1b}[0m     pi_1");
        assert_eq!(coloured("1  a dead letter"), "1  a dead letter", "not within a sentence");
        assert_eq!(coloured("evt_1  settled"), "evt_1  \u{1b}[32msettled\u{1b}[0m");
    }
}

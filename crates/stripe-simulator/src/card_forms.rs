//! Which card forms were shown and sent.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// Which forms were sent, so that each acts once: a double click and the browser's back button send one again.
#[derive(Debug, Default)]
pub(crate) struct CardForms(Mutex<Sheets>);

#[derive(Debug, Default)]
struct Sheets {
    shown: u64,
    sent: HashSet<u64>,
}

impl CardForms {
    /// The number of a form that is shown.
    pub(crate) fn show(&self) -> u64 {
        let mut sheets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sheets.shown += 1;
        sheets.shown
    }

    /// Whether a form of ours is sent for the first time.
    pub(crate) fn send(&self, number: u64) -> bool {
        let mut sheets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        number <= sheets.shown && sheets.sent.insert(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_acts_once_and_one_that_was_never_shown_does_not() {
        let forms = CardForms::default();
        let form = forms.show();
        assert_eq!(
            [forms.send(form), forms.send(form), forms.send(form + 1)],
            [true, false, false]
        );
    }
}

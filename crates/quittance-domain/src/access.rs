//! Access to a connected account, and its end.
//!
//! An account can take its access back (docs.stripe.com, "Connect webhooks":
//! `account.application.deauthorized`), and from then on each read of it is refused. Nothing that
//! comes after can be looked up, and none of it is at fault for that.

use super::event::{Event, Timestamp};
use super::kind::Row;
use super::plan::{self, Next, Snapshot};

/// A change of our access that an event reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// We have it, perhaps again.
    Given,
    /// It was taken back.
    Taken,
}

/// The word of an event of this type, if it is about access at all.
#[must_use]
pub fn word(event_type: &str) -> Option<Word> {
    match event_type {
        "account.application.authorized" => Some(Word::Given),
        "account.application.deauthorized" => Some(Word::Taken),
        _ => None,
    }
}

/// Whether an event is about the connected account itself or a part of it: its capabilities,
/// persons and bank accounts, which make sense only as parts of the whole, and our access to it.
#[must_use]
pub fn is_of_account(event: &Event) -> bool {
    event.scope.account.is_some() && is_about_accounts(&event.event_type)
}

/// Whether events of this type are, if they come from a connected account.
#[must_use]
pub fn is_about_accounts(event_type: &str) -> bool {
    ["account.", "capability.", "person."].iter().any(|start| event_type.starts_with(start))
}

/// What to do about an event, `created` then, of an account whose access may have `ended` at some
/// time. `next` is what would be done if nothing stood in the way; `margin` is that of
/// [`plan::next`].
///
/// That access was taken needs no look where the row is older than the event: there is nothing
/// left to look at. Where the row may be the newer of the two, Stripe is asked, and its refusal
/// settles it; so the order in which such events arrive does not matter.
///
/// What was made before the end has nothing to look at. What was made after it says that access may
/// have been given again, and the event that says so may be on its way, or never come: Stripe is
/// asked.
#[must_use]
pub fn next(
    next: Next,
    row: Option<&Row>,
    ended: Option<Timestamp>,
    word: Option<Word>,
    created: Timestamp,
    margin: i64,
) -> Next {
    match (next, word) {
        (Next::Fetch, Some(Word::Taken))
            if plan::snapshot(row, created, margin) == Snapshot::Newer =>
        {
            Next::Close
        }
        (Next::Fetch, Some(Word::Given | Word::Taken)) => Next::Fetch,
        (Next::Fetch, None) if ended.is_some_and(|at| created <= at.saturating_add(margin)) => {
            Next::Closed
        }
        (Next::Covered | Next::Gone | Next::Fetch | Next::Close | Next::Closed, _) => next,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(observed_at: Timestamp) -> Row {
        Row { version: 1, observed_at, seen_by: observed_at + 1, deleted: false, recorded: None }
    }

    fn after(
        row: Option<&Row>,
        ended: Option<Timestamp>,
        word: Option<Word>,
        created: Timestamp,
    ) -> Next {
        next(plan::next(row, created, 2), row, ended, word, created, 2)
    }

    #[test]
    fn that_access_was_taken_is_believed_when_it_is_newer_than_the_row() {
        assert_eq!(after(None, None, Some(Word::Taken), 100), Next::Close);
        assert_eq!(after(Some(&row(97)), None, Some(Word::Taken), 100), Next::Close);
    }

    #[test]
    fn stripe_is_asked_where_nobody_knows_which_is_newer() {
        assert_eq!(after(Some(&row(98)), None, Some(Word::Taken), 100), Next::Fetch);
        assert_eq!(after(Some(&row(102)), None, Some(Word::Taken), 100), Next::Fetch);
        // A look that began at 97 at the latest, and saw what was so at 105.
        let slow = Row { seen_by: 106, ..row(97) };
        assert_eq!(after(Some(&slow), None, Some(Word::Taken), 100), Next::Fetch);
    }

    #[test]
    fn an_old_word_changes_nothing() {
        assert_eq!(after(Some(&row(103)), None, Some(Word::Taken), 100), Next::Covered);
        assert_eq!(after(Some(&row(103)), Some(103), Some(Word::Given), 100), Next::Covered);
    }

    #[test]
    fn nothing_is_asked_of_what_was_before_an_account_closed_to_us() {
        assert_eq!(after(None, Some(98), None, 100), Next::Closed);
        assert_eq!(after(Some(&row(50)), Some(100), None, 100), Next::Closed);
        assert_eq!(after(Some(&row(200)), Some(100), None, 100), Next::Covered);
    }

    #[test]
    fn what_is_made_after_an_account_closed_to_us_may_have_found_it_open_again() {
        assert_eq!(after(None, Some(97), None, 100), Next::Fetch);
        assert_eq!(after(Some(&row(50)), Some(97), None, 100), Next::Fetch);
    }

    #[test]
    fn access_that_is_given_again_is_looked_at() {
        assert_eq!(after(Some(&row(100)), Some(100), Some(Word::Given), 101), Next::Fetch);
    }
}

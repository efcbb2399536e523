//! Transitions from a recorded state to an observed one, whatever the kind of object.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize};

pub use super::status_word::{StatusWord, Vocabulary};

/// Relation of an observed status to the recorded one.
///
/// Stripe owns the state: every one of these is applied. `Anomalous` is applied *and* shown to
/// ops, because either Stripe has learnt a new move or we have misread an old one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// First sight of the object.
    Opened,
    /// Same status as before; other fields may differ.
    Same,
    /// A move that the state machine knows, perhaps over states that nobody saw.
    Expected,
    /// A move that the state machine thinks impossible, or one from or to a status that it does not
    /// know.
    Anomalous,
}

impl Move {
    /// `opened`, `same`, `expected`, `anomalous`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Same => "same",
            Self::Expected => "expected",
            Self::Anomalous => "anomalous",
        }
    }
}

/// A step of an object from one status to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// The status that was recorded; none at first sight.
    pub from: Option<Cow<'static, str>>,
    /// The status that Stripe says it has now.
    pub to: Cow<'static, str>,
    /// What the state machine thinks of it.
    pub kind: Move,
}

impl Transition {
    /// The step of an object that has no status: none.
    #[must_use]
    pub fn none() -> Self {
        Self { from: None, to: Cow::Borrowed(""), kind: Move::Same }
    }

    /// Whether the status is another one than before: what `app.transitions` keeps.
    #[must_use]
    pub fn is_change(&self) -> bool {
        self.kind != Move::Same
    }
}

/// A status with its state machine.
pub trait StateMachine: Vocabulary {
    /// Whether Stripe can move an object from `self` to `next` in one step.
    fn steps_to(self, next: Self) -> bool;
}

/// Recorded state that the rules need. Kept beside the row as JSON.
pub trait RecordedState: Serialize + for<'de> Deserialize<'de> {
    /// Its statuses.
    type Status: StateMachine;

    /// The status in the row.
    fn status(&self) -> &StatusWord<Self::Status>;
}

/// The row of an object of which the rules need to know the status alone.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(bound = "S: Vocabulary")]
pub struct RecordedStatus<S> {
    /// The status in the row.
    #[serde(deserialize_with = "recorded_word")]
    pub status: StatusWord<S>,
}

impl<S: StateMachine> RecordedState for RecordedStatus<S> {
    type Status = S;

    fn status(&self) -> &StatusWord<S> {
        &self.status
    }
}

/// Reads a status that was recorded. Whatever was recorded can be read again: also a word that no
/// state machine knows.
///
/// # Errors
/// It is no text.
pub fn recorded_word<'de, S: Vocabulary, D: Deserializer<'de>>(
    from: D,
) -> Result<StatusWord<S>, D::Error> {
    String::deserialize(from).map(|text| StatusWord::recorded(&text))
}

/// Judges an observed status against the recorded one.
///
/// A fetch skips states that came and went between two looks, so a move is expected when a *path*
/// of legal steps leads there, not only a single step. Of a status that the rules do not know, they
/// know no step either.
#[must_use]
pub fn judge<S: StateMachine>(
    recorded: Option<&StatusWord<S>>,
    observed: &StatusWord<S>,
) -> Transition {
    let kind = match (recorded.map(|from| (from, from.known())), observed.known()) {
        (Some((from, _)), _) if from == observed => Move::Same,
        (None, Some(_)) => Move::Opened,
        (Some((_, Some(from))), Some(to)) if is_reachable(from, to) => Move::Expected,
        (_, None) | (Some(_), Some(_)) => Move::Anomalous,
    };
    Transition { from: recorded.map(StatusWord::to_text), to: observed.to_text(), kind }
}

/// Which of two statuses of a kind comes after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// They are the same.
    Same,
    /// The second comes after the first.
    Later,
    /// No path leads from the first to the second.
    Older,
    /// A path leads from each to the other.
    Either,
    /// The kind has no status, or one of the two is not known.
    Unknown,
}

/// Which of two statuses, `first` and `second`, comes after the other.
#[must_use]
pub fn order<S: StateMachine>(first: &str, second: &str) -> Order {
    let (Some(first), Some(second)) = (S::from_word(first), S::from_word(second)) else {
        return Order::Unknown;
    };
    if first == second {
        return Order::Same;
    }
    match (is_reachable(first, second), is_reachable(second, first)) {
        (false, _) => Order::Older,
        (true, false) => Order::Later,
        (true, true) => Order::Either,
    }
}

/// Whether a path of legal steps leads from one status to another.
fn is_reachable<S: StateMachine>(from: S, to: S) -> bool {
    let mut seen = vec![from];
    let mut next = 0;
    while let Some(&here) = seen.get(next) {
        next += 1;
        if here.steps_to(to) {
            return true;
        }
        for &s in S::WORDS {
            if here.steps_to(s) && !seen.contains(&s) {
                seen.push(s);
            }
        }
    }
    false
}

/// The whole matrix of a state machine as text: one row a recorded status, one column an observed
/// one. Reviewed as a snapshot, and printed in `docs/state_machines.md`.
#[must_use]
pub fn matrix<S: StateMachine>() -> String {
    let mut out = String::from("| recorded \\ observed |");
    for s in S::WORDS {
        out += &format!(" {} |", s.word());
    }
    out += "\n|---|";
    out += &"---|".repeat(S::WORDS.len());
    let rows = std::iter::once(None).chain(S::WORDS.iter().copied().map(Some));
    for from in rows {
        out += &format!("\n| {} |", from.map_or("(none)", S::word));
        for &to in S::WORDS {
            let cell = match judge(from.map(StatusWord::from).as_ref(), &to.into()).kind {
                Move::Opened => "opened",
                Move::Same => "same",
                Move::Expected if from.is_some_and(|f| f.steps_to(to)) => "step",
                Move::Expected => "skip",
                Move::Anomalous => "**anomaly**",
            };
            out += &format!(" {cell} |");
        }
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kinds::charge::ChargeStatus;
    use crate::kinds::checkout::CheckoutStatus;
    use crate::kinds::customer::CustomerStatus;
    use crate::kinds::payment::PaymentStatus;
    use crate::kinds::payment_method::PaymentMethodStatus;
    use crate::kinds::refund::RefundStatus;
    use crate::kinds::setup::SetupStatus;

    fn any_of<S: StateMachine + std::fmt::Debug>() -> impl Strategy<Value = S> {
        proptest::sample::select(S::WORDS)
    }

    /// A walk along legal steps: at each status, some step that Stripe allows, until there is none.
    fn walk<S: StateMachine>(start: S, choices: &[usize]) -> Vec<S> {
        let mut path = vec![start];
        let mut here = start;
        for choice in choices {
            let next: Vec<S> = S::WORDS.iter().copied().filter(|s| here.steps_to(*s)).collect();
            let Some(&chosen) = next.get(choice % next.len().max(1)) else { break };
            here = chosen;
            path.push(here);
        }
        path
    }

    /// Whoever looks at any two instants of a legal life sees nothing to wonder at.
    fn a_legal_life_is_never_an_anomaly<S: StateMachine>(start: S, choices: &[usize]) {
        let path = walk(start, choices);
        for (n, from) in path.iter().enumerate() {
            for to in &path[n..] {
                let expected = if from == to { Move::Same } else { Move::Expected };
                assert!(judge(Some(&(*from).into()), &(*to).into()).kind == expected);
            }
        }
    }

    fn every_judgement_holds<S: StateMachine>(from: Option<S>, to: S) {
        let step = judge(from.map(StatusWord::from).as_ref(), &to.into());
        assert_eq!(step.from.as_deref(), from.map(S::word));
        assert_eq!(step.to, to.word());
        assert_eq!(step.kind == Move::Opened, from.is_none());
        assert_eq!(step.kind == Move::Same, from == Some(to));
        assert_eq!(step.is_change(), from != Some(to));
        let is_end = |s: S| !S::WORDS.iter().any(|next| s.steps_to(*next));
        if from.is_some_and(|from| from != to && is_end(from)) {
            assert_eq!(step.kind, Move::Anomalous, "nothing follows an end");
        }
        assert!(S::from_word(to.word()) == Some(to));
        assert!(!to.steps_to(to), "to stay is no step");
    }

    proptest! {
        #[test]
        fn a_legal_life_seen_at_any_instants_is_expected(
            payment in any_of::<PaymentStatus>(),
            charge in any_of::<ChargeStatus>(),
            refund in any_of::<RefundStatus>(),
            choices in proptest::collection::vec(0_usize..7, 0..12),
        ) {
            a_legal_life_is_never_an_anomaly(payment, &choices);
            a_legal_life_is_never_an_anomaly(charge, &choices);
            a_legal_life_is_never_an_anomaly(refund, &choices);
        }

        #[test]
        fn a_step_is_same_opened_expected_or_anomalous_and_says_which(
            payment in (proptest::option::of(any_of::<PaymentStatus>()), any_of()),
            charge in (proptest::option::of(any_of::<ChargeStatus>()), any_of()),
            refund in (proptest::option::of(any_of::<RefundStatus>()), any_of()),
        ) {
            every_judgement_holds(payment.0, payment.1);
            every_judgement_holds(charge.0, charge.1);
            every_judgement_holds(refund.0, refund.1);
        }

        #[test]
        fn a_legal_life_of_a_customer_and_its_things_is_expected(
            customer in any_of::<CustomerStatus>(),
            setup in any_of::<SetupStatus>(),
            checkout in any_of::<CheckoutStatus>(),
            method in any_of::<PaymentMethodStatus>(),
            choices in proptest::collection::vec(0_usize..7, 0..12),
        ) {
            a_legal_life_is_never_an_anomaly(customer, &choices);
            a_legal_life_is_never_an_anomaly(setup, &choices);
            a_legal_life_is_never_an_anomaly(checkout, &choices);
            a_legal_life_is_never_an_anomaly(method, &choices);
        }

        #[test]
        fn a_step_of_a_customer_or_its_things_says_which_it_is(
            customer in (proptest::option::of(any_of::<CustomerStatus>()), any_of()),
            setup in (proptest::option::of(any_of::<SetupStatus>()), any_of()),
            checkout in (proptest::option::of(any_of::<CheckoutStatus>()), any_of()),
            method in (proptest::option::of(any_of::<PaymentMethodStatus>()), any_of()),
        ) {
            every_judgement_holds(customer.0, customer.1);
            every_judgement_holds(setup.0, setup.1);
            every_judgement_holds(checkout.0, checkout.1);
            every_judgement_holds(method.0, method.1);
        }

        #[test]
        fn no_other_word_is_a_status(text in "[a-z_]{0,24}") {
            let known = PaymentStatus::ALL.iter().any(|s| s.as_str() == text);
            prop_assert_eq!(PaymentStatus::parse(&text).is_some(), known);
        }
    }

    #[test]
    fn a_word_that_the_rules_do_not_know_is_recorded_as_an_anomaly() {
        let word = |text: &str| StatusWord::<ChargeStatus>::parse(text).unwrap();
        let kind = |from: Option<&str>, to| judge(from.map(word).as_ref(), &word(to)).kind;
        assert_eq!(kind(None, "frozen"), Move::Anomalous);
        assert_eq!(kind(Some("pending"), "frozen"), Move::Anomalous);
        assert_eq!(kind(Some("frozen"), "frozen"), Move::Same);
        assert_eq!(kind(Some("frozen"), "thawed"), Move::Anomalous);
        assert_eq!(kind(Some("frozen"), "succeeded"), Move::Anomalous);
        let step = judge(Some(&word("pending")), &word("frozen"));
        assert_eq!((step.from.as_deref(), &*step.to), (Some("pending"), "frozen"));
        assert_eq!(StatusWord::<ChargeStatus>::recorded("frozen"), word("frozen"));
        assert_eq!(StatusWord::<ChargeStatus>::or_none(None).as_str(), "null");
    }

    #[test]
    fn the_matrix_says_of_each_pair_what_the_rule_says() {
        let text = matrix::<ChargeStatus>();
        assert!(text.contains("| (none) | opened | opened | opened |"), "{text}");
        assert!(text.contains("| failed | **anomaly** | **anomaly** | same |"), "{text}");
    }
}

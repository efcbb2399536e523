//! What a new observation does to what is recorded, whatever the kind of object.

/// How an observed status relates to the recorded one.
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
    /// A move that the state machine thinks impossible.
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    /// The status that was recorded; none at first sight.
    pub from: Option<&'static str>,
    /// The status that Stripe says it has now.
    pub to: &'static str,
    /// What the state machine thinks of it.
    pub kind: Move,
}

impl Transition {
    /// Whether the status is another one than before: what `app.transitions` keeps.
    #[must_use]
    pub fn is_change(&self) -> bool {
        self.kind != Move::Same
    }
}

/// A status of some object, with its state machine.
pub trait Status: Copy + Eq + 'static {
    /// All statuses, in the order in which an object usually passes them.
    const ALL: &'static [Self];

    /// Stripe's word for it.
    fn as_str(self) -> &'static str;

    /// Whether Stripe can move an object from `self` to `next` in one step.
    fn steps_to(self, next: Self) -> bool;

    /// Stripe's word, parsed.
    #[must_use]
    fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|s| s.as_str() == text)
    }
}

/// Judges an observed status against the recorded one.
///
/// A fetch skips states that came and went between two looks, so a move is expected when a *path*
/// of legal steps leads there, not only a single step.
#[must_use]
pub fn judge<S: Status>(recorded: Option<S>, observed: S) -> Transition {
    let kind = match recorded {
        None => Move::Opened,
        Some(from) if from == observed => Move::Same,
        Some(from) if reachable(from, observed) => Move::Expected,
        Some(_) => Move::Anomalous,
    };
    Transition { from: recorded.map(S::as_str), to: observed.as_str(), kind }
}

fn reachable<S: Status>(from: S, to: S) -> bool {
    let mut seen = vec![from];
    let mut next = 0;
    while let Some(&here) = seen.get(next) {
        next += 1;
        if here.steps_to(to) {
            return true;
        }
        for &s in S::ALL {
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
pub fn matrix<S: Status>() -> String {
    let mut out = String::from("| recorded \\ observed |");
    for s in S::ALL {
        out += &format!(" {} |", s.as_str());
    }
    out += "\n|---|";
    out += &"---|".repeat(S::ALL.len());
    let rows = std::iter::once(None).chain(S::ALL.iter().copied().map(Some));
    for from in rows {
        out += &format!("\n| {} |", from.map_or("(none)", S::as_str));
        for &to in S::ALL {
            let cell = match judge(from, to).kind {
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

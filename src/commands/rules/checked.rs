//! The result of a check, and how a check asks Stripe.

use crate::domain::command::command_params::CommandParams;
use crate::domain::money::{Currency, Minor};

/// A command that passed the rules: what it moves, and of which object.
pub(in crate::commands) struct Checked {
    pub(in crate::commands) target: Option<String>,
    pub(in crate::commands) amount: Option<Minor>,
    pub(in crate::commands) currency: Option<Currency>,
    /// The parameters as they are sent, where the request leaves out what the object has.
    pub(in crate::commands) filled_in: Option<CommandParams>,
}

impl Checked {
    pub(in crate::commands) fn of(
        target: Option<String>,
        money: Option<(Minor, Currency)>,
    ) -> Self {
        let (amount, currency) = money.unzip();
        Self { target, amount, currency, filled_in: None }
    }
}

/// The use of an answer of Stripe's that a rule needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::commands) enum Asking {
    /// It is recorded like any other observation.
    Records,
    /// It is judged and forgotten: a dry run writes nothing.
    WritesNothing,
}

//! The states of a command, and what it can ask for.

use crate::object::Kind;
use crate::status_word::Vocabulary;
use crate::transition::StateMachine;

/// The state of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CommandState {
    /// Written, and not sent: Stripe has never seen it, or has said that it did nothing.
    Accepted,
    /// A process is sending it, or died while it was.
    Sent,
    /// Sent, and what became of it is not known: it is investigated.
    Unknown,
    /// Stripe did it.
    Done,
    /// Stripe refused it, or it was given up before it was sent. It had no effect, but for a declined
    /// payment, which exists.
    Refused,
    /// What became of it cannot be found out by the program: an operator decides.
    Dead,
}

impl Vocabulary for CommandState {
    const WORDS: &'static [Self] =
        &[Self::Accepted, Self::Sent, Self::Unknown, Self::Done, Self::Refused, Self::Dead];

    fn word(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Sent => "sent",
            Self::Unknown => "unknown",
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Dead => "dead",
        }
    }
}

impl StateMachine for CommandState {
    fn steps_to(self, next: Self) -> bool {
        match self {
            // Refused: never sent within the time that a client waits for it.
            Self::Accepted => matches!(next, Self::Sent | Self::Refused),
            // Accepted again: the request did not leave, or Stripe did not take it (429, a wrong key).
            Self::Sent => matches!(
                next,
                Self::Accepted | Self::Unknown | Self::Done | Self::Refused | Self::Dead
            ),
            // Sent again with the same key; or accepted anew, when it is proved that it had no effect.
            Self::Unknown => matches!(
                next,
                Self::Sent | Self::Accepted | Self::Done | Self::Refused | Self::Dead
            ),
            // An operator has it looked up once more, or closes it by what they know.
            Self::Dead => matches!(next, Self::Unknown | Self::Refused),
            Self::Done | Self::Refused => false,
        }
    }
}

impl CommandState {
    /// Whether it has come to its end.
    #[must_use]
    pub fn is_closed(self) -> bool {
        matches!(self, Self::Done | Self::Refused)
    }
}

/// The kind of a command: its verb and the kind of its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CommandKind {
    /// `POST /v1/payment_intents`
    CreatePayment,
    /// `POST /v1/payment_intents/{id}/confirm`
    ConfirmPayment,
    /// `POST /v1/payment_intents/{id}/capture`
    CapturePayment,
    /// `POST /v1/payment_intents/{id}/cancel`
    CancelPayment,
    /// `POST /v1/refunds`
    CreateRefund,
    /// `POST /v1/customers`
    CreateCustomer,
    /// `POST /v1/checkout/sessions`
    CreateCheckout,
    /// `POST /v1/checkout/sessions/{id}/expire`
    ExpireCheckout,
    /// `POST /v1/setup_intents`
    CreateSetup,
    /// `POST /v1/subscriptions`
    CreateSubscription,
    /// `POST /v1/subscriptions/{id}`
    UpdateSubscription,
    /// `DELETE /v1/subscriptions/{id}`
    CancelSubscription,
    /// `POST /v1/billing_portal/sessions`
    CreatePortalSession,
}

impl CommandKind {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::CreatePayment,
        Self::ConfirmPayment,
        Self::CapturePayment,
        Self::CancelPayment,
        Self::CreateRefund,
        Self::CreateCustomer,
        Self::CreateCheckout,
        Self::ExpireCheckout,
        Self::CreateSetup,
        Self::CreateSubscription,
        Self::UpdateSubscription,
        Self::CancelSubscription,
        Self::CreatePortalSession,
    ];

    /// `create_payment`, `confirm_payment`, ...
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CreatePayment => "create_payment",
            Self::ConfirmPayment => "confirm_payment",
            Self::CapturePayment => "capture_payment",
            Self::CancelPayment => "cancel_payment",
            Self::CreateRefund => "create_refund",
            Self::CreateCustomer => "create_customer",
            Self::CreateCheckout => "create_checkout",
            Self::ExpireCheckout => "expire_checkout",
            Self::CreateSetup => "create_setup",
            Self::CreateSubscription => "create_subscription",
            Self::UpdateSubscription => "update_subscription",
            Self::CancelSubscription => "cancel_subscription",
            Self::CreatePortalSession => "create_portal_session",
        }
    }

    /// From its word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text)
    }

    /// Whether it makes an object, rather than changing one.
    #[must_use]
    pub fn creates(self) -> bool {
        match self {
            Self::CreatePayment
            | Self::CreateRefund
            | Self::CreateCustomer
            | Self::CreateCheckout
            | Self::CreateSetup
            | Self::CreateSubscription => true,
            Self::ConfirmPayment
            | Self::CapturePayment
            | Self::CancelPayment
            | Self::ExpireCheckout
            | Self::UpdateSubscription
            | Self::CancelSubscription
            // It leaves nothing that could be looked up.
            | Self::CreatePortalSession => false,
        }
    }

    /// Whether Stripe answers the same request under the same key as it did the first time. A DELETE takes no
    /// key (docs.stripe.com, "Idempotent requests"), so its object shows what became of it.
    #[must_use]
    pub fn repeats_by_key(self) -> bool {
        self != Self::CancelSubscription
    }

    /// The kind of object that it makes or changes; for a portal session, whom it is for.
    #[must_use]
    pub fn object(self) -> Kind {
        match self {
            Self::CreatePayment
            | Self::ConfirmPayment
            | Self::CapturePayment
            | Self::CancelPayment => Kind::PaymentIntent,
            Self::CreateRefund => Kind::Refund,
            Self::CreateCustomer | Self::CreatePortalSession => Kind::Customer,
            Self::CreateCheckout | Self::ExpireCheckout => Kind::CheckoutSession,
            Self::CreateSetup => Kind::SetupIntent,
            Self::CreateSubscription | Self::UpdateSubscription | Self::CancelSubscription => {
                Kind::Subscription
            }
        }
    }

    /// Whether its answer has what completes the object in a browser: a `client_secret`, or a page's `url`.
    #[must_use]
    pub fn has_secret(self) -> bool {
        match self {
            Self::CreatePayment
            | Self::ConfirmPayment
            | Self::CreateCheckout
            | Self::CreateSetup
            | Self::CreateSubscription
            | Self::UpdateSubscription
            | Self::CreatePortalSession => true,
            Self::CapturePayment
            | Self::CancelPayment
            | Self::CreateRefund
            | Self::CreateCustomer
            | Self::ExpireCheckout
            | Self::CancelSubscription => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transition::matrix;

    #[test]
    fn the_state_machine_is_the_reviewed_one() {
        insta::assert_snapshot!(matrix::<CommandState>());
    }

    #[test]
    fn only_done_and_refused_are_ends() {
        for state in CommandState::WORDS {
            let ends = !CommandState::WORDS.iter().any(|next| state.steps_to(*next));
            assert_eq!(ends, state.is_closed(), "{state:?}");
        }
    }

    #[test]
    fn a_command_is_never_sent_anew_from_its_end_or_by_itself_from_the_dead() {
        for state in [CommandState::Done, CommandState::Refused, CommandState::Dead] {
            assert!(!state.steps_to(CommandState::Sent), "{state:?}");
            assert!(!state.steps_to(CommandState::Accepted), "{state:?}");
        }
    }

    #[test]
    fn a_kind_is_known_by_its_word() {
        for kind in CommandKind::ALL {
            assert_eq!(CommandKind::parse(kind.as_str()), Some(*kind));
        }
        assert_eq!(CommandKind::parse("create"), None);
    }
}

//! The parameters of any command.

use serde::{Deserialize as _, Serialize};

use super::CommandKind;
use super::params::{
    CancelPayment, CancelSubscription, CapturePayment, ConfirmPayment, ExpireCheckout, NewCheckout,
    NewCustomer, NewPayment, NewPortalSession, NewRefund, NewSetup, NewSubscription,
    UpdateSubscription,
};

/// The parameters of any command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum CommandParams {
    /// Of [`CommandKind::CreatePayment`].
    CreatePayment(Box<NewPayment>),
    /// Of [`CommandKind::ConfirmPayment`].
    ConfirmPayment(ConfirmPayment),
    /// Of [`CommandKind::CapturePayment`].
    CapturePayment(CapturePayment),
    /// Of [`CommandKind::CancelPayment`].
    CancelPayment(CancelPayment),
    /// Of [`CommandKind::CreateRefund`].
    CreateRefund(NewRefund),
    /// Of [`CommandKind::CreateCustomer`].
    CreateCustomer(NewCustomer),
    /// Of [`CommandKind::CreateCheckout`].
    CreateCheckout(Box<NewCheckout>),
    /// Of [`CommandKind::ExpireCheckout`].
    ExpireCheckout(ExpireCheckout),
    /// Of [`CommandKind::CreateSetup`].
    CreateSetup(NewSetup),
    /// Of [`CommandKind::CreateSubscription`].
    CreateSubscription(Box<NewSubscription>),
    /// Of [`CommandKind::UpdateSubscription`].
    UpdateSubscription(Box<UpdateSubscription>),
    /// Of [`CommandKind::CancelSubscription`].
    CancelSubscription(CancelSubscription),
    /// Of [`CommandKind::CreatePortalSession`].
    CreatePortalSession(NewPortalSession),
}

impl CommandParams {
    /// Reads the parameters of a command of this kind.
    ///
    /// # Errors
    /// They are not those of the kind.
    pub fn read<'de, D: serde::Deserializer<'de>>(
        kind: CommandKind,
        from: D,
    ) -> Result<Self, D::Error> {
        Ok(match kind {
            CommandKind::CreatePayment => {
                Self::CreatePayment(Box::new(NewPayment::deserialize(from)?))
            }
            CommandKind::ConfirmPayment => Self::ConfirmPayment(ConfirmPayment::deserialize(from)?),
            CommandKind::CapturePayment => Self::CapturePayment(CapturePayment::deserialize(from)?),
            CommandKind::CancelPayment => Self::CancelPayment(CancelPayment::deserialize(from)?),
            CommandKind::CreateRefund => Self::CreateRefund(NewRefund::deserialize(from)?),
            CommandKind::CreateCustomer => Self::CreateCustomer(NewCustomer::deserialize(from)?),
            CommandKind::CreateCheckout => {
                Self::CreateCheckout(Box::new(NewCheckout::deserialize(from)?))
            }
            CommandKind::ExpireCheckout => Self::ExpireCheckout(ExpireCheckout::deserialize(from)?),
            CommandKind::CreateSetup => Self::CreateSetup(NewSetup::deserialize(from)?),
            CommandKind::CreateSubscription => {
                Self::CreateSubscription(Box::new(NewSubscription::deserialize(from)?))
            }
            CommandKind::UpdateSubscription => {
                Self::UpdateSubscription(Box::new(UpdateSubscription::deserialize(from)?))
            }
            CommandKind::CancelSubscription => {
                Self::CancelSubscription(CancelSubscription::deserialize(from)?)
            }
            CommandKind::CreatePortalSession => {
                Self::CreatePortalSession(NewPortalSession::deserialize(from)?)
            }
        })
    }

    /// What they ask for.
    #[must_use]
    pub fn kind(&self) -> CommandKind {
        match self {
            Self::CreatePayment(_) => CommandKind::CreatePayment,
            Self::ConfirmPayment(_) => CommandKind::ConfirmPayment,
            Self::CapturePayment(_) => CommandKind::CapturePayment,
            Self::CancelPayment(_) => CommandKind::CancelPayment,
            Self::CreateRefund(_) => CommandKind::CreateRefund,
            Self::CreateCustomer(_) => CommandKind::CreateCustomer,
            Self::CreateCheckout(_) => CommandKind::CreateCheckout,
            Self::ExpireCheckout(_) => CommandKind::ExpireCheckout,
            Self::CreateSetup(_) => CommandKind::CreateSetup,
            Self::CreateSubscription(_) => CommandKind::CreateSubscription,
            Self::UpdateSubscription(_) => CommandKind::UpdateSubscription,
            Self::CancelSubscription(_) => CommandKind::CancelSubscription,
            Self::CreatePortalSession(_) => CommandKind::CreatePortalSession,
        }
    }

    /// The client's own name for what is made.
    #[must_use]
    pub fn reference(&self) -> Option<&str> {
        match self {
            Self::CreatePayment(payment) => payment.reference.as_deref(),
            Self::CreateCustomer(customer) => customer.reference.as_deref(),
            Self::CreateCheckout(checkout) => checkout.reference.as_deref(),
            Self::CreateSubscription(subscription) => subscription.reference.as_deref(),
            Self::ConfirmPayment(_)
            | Self::CapturePayment(_)
            | Self::CancelPayment(_)
            | Self::CreateRefund(_)
            | Self::ExpireCheckout(_)
            | Self::CreateSetup(_)
            | Self::UpdateSubscription(_)
            | Self::CancelSubscription(_)
            | Self::CreatePortalSession(_) => None,
        }
    }
}

//! The lives that a payment can have.

/// What happens to a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Story {
    /// Made and paid in one request.
    Paid,
    /// Made, looked at, then paid.
    PaidLater,
    /// Declined, then paid with another card.
    DeclinedThenPaid,
    /// No money in the bank, then given up.
    InsufficientFundsThenCanceled,
    /// 3-D Secure, passed.
    Authenticated,
    /// 3-D Secure, failed, then paid with another card.
    AuthenticationFailedThenPaid,
    /// Declined, as nobody was there to do 3-D Secure.
    OffSessionDeclined,
    /// Authorised, then captured in full.
    Captured,
    /// Authorised, then captured in part: the rest goes back.
    CapturedInPart,
    /// Authorised, then let go.
    AuthorisationCanceled,
    /// Never paid.
    Abandoned,
    /// A bank debit that comes through.
    DebitPaid,
    /// A bank debit that bounces.
    DebitBounced,
    /// Paid, then given back in two parts.
    RefundedInParts,
    /// Paid, then given back.
    Refunded,
    /// Paid, and the refund takes its time.
    RefundPendingThenDone,
    /// Paid, and the refund comes back although it had succeeded.
    RefundFailed,
    /// Paid, and the refund is called off.
    RefundCanceled,
    /// Paid to a connected account, with a fee for the platform.
    Destination,
    /// Paid, disputed, answered, and won.
    DisputeWon,
    /// Paid, disputed, and lost.
    DisputeLost,
    /// Paid, asked about by the bank, and left at that.
    InquiryClosed,
    /// Paid, and paid out.
    PaidOut,
    /// Paid, paid out, and the bank sends the payout back.
    PayoutFailed,
    /// A connected account is onboarded, loses its payouts, then its transfers, and comes back.
    AccountRestricted,
    /// A connected account takes its access back.
    AccountDeauthorized,
}

impl Story {
    /// All stories.
    pub const ALL: [Self; 26] = [
        Self::Paid,
        Self::PaidLater,
        Self::DeclinedThenPaid,
        Self::InsufficientFundsThenCanceled,
        Self::Authenticated,
        Self::AuthenticationFailedThenPaid,
        Self::OffSessionDeclined,
        Self::Captured,
        Self::CapturedInPart,
        Self::AuthorisationCanceled,
        Self::Abandoned,
        Self::DebitPaid,
        Self::DebitBounced,
        Self::RefundedInParts,
        Self::Refunded,
        Self::RefundPendingThenDone,
        Self::RefundFailed,
        Self::RefundCanceled,
        Self::Destination,
        Self::DisputeWon,
        Self::DisputeLost,
        Self::InquiryClosed,
        Self::PaidOut,
        Self::PayoutFailed,
        Self::AccountRestricted,
        Self::AccountDeauthorized,
    ];
}

impl Story {
    /// Its name in the HTTP API and on the command line: `refunded_in_parts`.
    #[must_use]
    pub fn name(self) -> String {
        let mut name = String::new();
        for (at, letter) in format!("{self:?}").chars().enumerate() {
            if letter.is_ascii_uppercase() && at > 0 {
                name.push('_');
            }
            name.push(letter.to_ascii_lowercase());
        }
        name
    }

    /// The story of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|story| story.name() == name)
    }
}

//! Stripe's test cards (docs.stripe.com, "Testing"): the number decides what happens.

/// A card of the sandbox.
#[derive(Debug, PartialEq, Eq)]
pub struct TestCard {
    /// Its name as a PaymentMethod: `pm_card_visa`.
    pub token: &'static str,
    /// Its number; empty for what is no card.
    pub number: &'static str,
    /// What happens when it is charged.
    pub behaviour: CardBehaviour,
    /// How a refund to it begins.
    pub refunds: RefundStart,
}

/// What happens when a method is charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CardBehaviour {
    /// The money moves at once.
    Succeeds,
    /// The bank says no.
    Declines(Decline),
    /// Asks for 3-D Secure when the customer is there, and is declined when not.
    AuthenticationRequired,
    /// A bank debit: processing for days, then yes or no.
    BankDebit,
}

/// Why the bank says no, in the words of docs.stripe.com, "Error codes" and "Decline codes".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decline {
    /// `error.code`
    pub code: &'static str,
    /// `error.decline_code`
    pub decline_code: Option<&'static str>,
    /// `error.message`
    pub message: &'static str,
}

/// The status in which a refund begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundStart {
    /// On its way.
    Pending,
    /// Waits for the customer to say where the money shall go.
    RequiresAction,
    /// Done at once; it can still come back later.
    Succeeded,
}

const fn decline(
    code: &'static str,
    decline_code: Option<&'static str>,
    message: &'static str,
) -> Decline {
    Decline { code, decline_code, message }
}

/// What an off-session payment with a card that wants 3-D Secure comes to.
pub(crate) const AUTHENTICATION_REQUIRED: Decline = decline(
    "authentication_required",
    Some("authentication_required"),
    "Your card was declined. This transaction requires authentication.",
);

/// What a bank debit that bounces comes to.
pub(crate) const BANK_DEBIT_FAILED: Decline = decline(
    "payment_intent_payment_attempt_failed",
    None,
    "The payment failed: the customer's bank account has insufficient funds.",
);

const fn card(token: &'static str, number: &'static str, behaviour: CardBehaviour) -> TestCard {
    TestCard { token, number, behaviour, refunds: RefundStart::Succeeded }
}

const fn declined(token: &'static str, number: &'static str, why: Decline) -> TestCard {
    card(token, number, CardBehaviour::Declines(why))
}

static TEST_CARDS: [TestCard; 11] = [
    card("pm_card_visa", "4242424242424242", CardBehaviour::Succeeds),
    declined(
        "pm_card_chargeDeclined",
        "4000000000000002",
        decline("card_declined", Some("generic_decline"), "Your card was declined."),
    ),
    card(
        "pm_card_authenticationRequired",
        "4000002500003155",
        CardBehaviour::AuthenticationRequired,
    ),
    declined(
        "pm_card_chargeDeclinedInsufficientFunds",
        "4000000000009995",
        decline("card_declined", Some("insufficient_funds"), "Your card has insufficient funds."),
    ),
    declined(
        "pm_card_chargeDeclinedLostCard",
        "4000000000009987",
        decline("card_declined", Some("lost_card"), "Your card was declined."),
    ),
    declined(
        "pm_card_chargeDeclinedExpiredCard",
        "4000000000000069",
        decline("expired_card", None, "Your card has expired."),
    ),
    declined(
        "pm_card_chargeDeclinedIncorrectCvc",
        "4000000000000127",
        decline("incorrect_cvc", None, "Your card's security code is incorrect."),
    ),
    declined(
        "pm_card_chargeDeclinedProcessingError",
        "4000000000000119",
        decline(
            "processing_error",
            None,
            "An error occurred while processing your card. Try again in a little bit.",
        ),
    ),
    TestCard {
        token: "pm_card_pendingRefund",
        number: "4000000000007726",
        behaviour: CardBehaviour::Succeeds,
        refunds: RefundStart::Pending,
    },
    // Its refunds succeed and fail later: the caller says when.
    card("pm_card_refundFail", "4000000000005126", CardBehaviour::Succeeds),
    card("pm_usBankAccount", "", CardBehaviour::BankDebit),
];

/// All cards that the simulator knows.
#[must_use]
pub fn test_cards() -> &'static [TestCard] {
    &TEST_CARDS
}

impl TestCard {
    pub(crate) fn by_token(token: &str) -> Option<&'static Self> {
        TEST_CARDS.iter().find(|card| card.token == token)
    }

    pub(crate) fn by_number(number: &str) -> Option<&'static Self> {
        TEST_CARDS.iter().find(|card| !card.number.is_empty() && card.number == number)
    }

    pub(crate) fn is_bank_account(&self) -> bool {
        self.behaviour == CardBehaviour::BankDebit
    }

    pub(crate) fn last4(&self) -> &'static str {
        self.number.get(self.number.len().saturating_sub(4)..).unwrap_or_default()
    }
}

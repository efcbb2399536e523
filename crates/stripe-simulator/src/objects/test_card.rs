//! Stripe's test cards (docs.stripe.com, "Testing"): the number decides what happens.

use crate::error::ApiError;

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

/// Behaviour of a test method when it is charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CardBehaviour {
    /// The money moves at once.
    Succeeds,
    /// The bank says no.
    Declines(Decline),
    /// Can be saved, and the bank says no to each payment.
    DeclinesWhenCharged(Decline),
    /// Asks for 3-D Secure each time when the customer is there, and is declined when not.
    AuthenticationRequired,
    /// The same until it was set up for later payments with 3-D Secure.
    AuthenticationRequiredUntilSetUp,
    /// Asks for 3-D Secure, and the bank says no after that was passed.
    DeclinesAfterAuthentication(Decline),
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

impl Decline {
    /// The 402 that says so.
    pub(crate) fn error(&self) -> ApiError {
        let mut error = ApiError::new(402, "card_error", self.message).code(self.code);
        error.body.decline_code = self.decline_code.map(str::to_owned);
        error
    }
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

/// Decline of an off-session payment with a card that requires 3-D Secure.
pub(crate) const AUTHENTICATION_REQUIRED: Decline = decline(
    "authentication_required",
    Some("authentication_required"),
    "Your card was declined. This transaction requires authentication.",
);

/// Decline of a bank debit that bounces.
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

const GENERIC: Decline =
    decline("card_declined", Some("generic_decline"), "Your card was declined.");
const NO_FUNDS: Decline =
    decline("card_declined", Some("insufficient_funds"), "Your card has insufficient funds.");

static TEST_CARDS: &[TestCard] = &[
    card("pm_card_visa", "4242424242424242", CardBehaviour::Succeeds),
    card("pm_card_visa_debit", "4000056655665556", CardBehaviour::Succeeds),
    card("pm_card_mastercard", "5555555555554444", CardBehaviour::Succeeds),
    card("pm_card_amex", "378282246310005", CardBehaviour::Succeeds),
    declined("pm_card_chargeDeclined", "4000000000000002", GENERIC),
    card(
        "pm_card_authenticationRequired",
        "4000002760003184",
        CardBehaviour::AuthenticationRequired,
    ),
    card(
        "pm_card_threeDSecure2Required",
        "4000000000003220",
        CardBehaviour::AuthenticationRequired,
    ),
    card(
        "pm_card_authenticationRequiredOnSetup",
        "4000002500003155",
        CardBehaviour::AuthenticationRequiredUntilSetUp,
    ),
    card(
        "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds",
        "4000008260003178",
        CardBehaviour::DeclinesAfterAuthentication(NO_FUNDS),
    ),
    card(
        "pm_card_chargeCustomerFail",
        "4000000000000341",
        CardBehaviour::DeclinesWhenCharged(GENERIC),
    ),
    declined(
        "pm_card_radarBlock",
        "4100000000000019",
        decline("card_declined", Some("fraudulent"), "Your card was declined."),
    ),
    declined(
        "pm_card_chargeDeclinedStolenCard",
        "4000000000009979",
        decline("card_declined", Some("stolen_card"), "Your card was declined."),
    ),
    declined(
        "pm_card_chargeDeclinedVelocityLimitExceeded",
        "4000000000006975",
        decline(
            "card_declined",
            Some("card_velocity_exceeded"),
            "Your card was declined for making repeated attempts too frequently or exceeding its \
             amount limit.",
        ),
    ),
    declined(
        "pm_card_incorrectNumber",
        "4242424242424241",
        decline("incorrect_number", None, "Your card number is incorrect."),
    ),
    declined("pm_card_chargeDeclinedInsufficientFunds", "4000000000009995", NO_FUNDS),
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

macro_rules! decline_cards {
    ($($code:literal)*) => {
        &[$(declined(
            concat!("pm_card_decline_", $code),
            "",
            decline("card_declined", Some($code), "Your card was declined."),
        )),*]
    };
}

/// A card for each decline code of docs.stripe.com, "Decline codes": `pm_card_decline_{code}`. Stripe has
/// cards for a few of them only, so these names are the simulator's.
static DECLINE_CARDS: &[TestCard] = decline_cards![
    "approve_with_id" "call_issuer" "card_not_supported" "card_velocity_exceeded"
    "currency_not_supported" "do_not_honor" "do_not_try_again" "duplicate_transaction"
    "fraudulent" "generic_decline" "incorrect_address" "incorrect_pin" "incorrect_zip"
    "insufficient_funds" "invalid_account" "invalid_amount" "invalid_pin" "issuer_not_available"
    "lost_card" "merchant_blacklist" "new_account_information_available" "no_action_taken"
    "not_permitted" "offline_pin_required" "online_or_offline_pin_required" "pickup_card"
    "pin_try_exceeded" "reenter_transaction" "restricted_card" "revocation_of_all_authorizations"
    "revocation_of_authorization" "security_violation" "service_not_allowed" "stolen_card"
    "stop_payment_order" "testmode_decline" "transaction_not_allowed" "try_again_later"
    "withdrawal_count_limit_exceeded"
];

/// All cards that the simulator knows.
pub fn test_cards() -> impl Iterator<Item = &'static TestCard> {
    TEST_CARDS.iter().chain(DECLINE_CARDS)
}

impl TestCard {
    pub(crate) fn by_token(token: &str) -> Option<&'static Self> {
        // Stripe's names say of some cards that they are Visa's, and of others not.
        let token = token.replacen("pm_card_visa_chargeDeclined", "pm_card_chargeDeclined", 1);
        test_cards().find(|card| card.token == token)
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

//! A rule that was broken: its stable code, the field, and what to do.

/// Which rule was broken. The words are stable: clients match on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RuleCode {
    /// An amount that is no whole number of the currency's smallest unit.
    AmountNotInteger,
    /// An amount below the lowest that is allowed.
    AmountTooSmall,
    /// An amount above the highest that is allowed.
    AmountTooLarge,
    /// An amount that the currency cannot be divided into.
    AmountNotDivisible,
    /// A currency that is no three-letter code in lower case.
    CurrencyInvalid,
    /// An application fee above the amount of its payment.
    FeeExceedsAmount,
    /// A refund above what is left of its payment.
    RefundExceedsLeft,
    /// A capture above what can be captured.
    CaptureExceedsCapturable,
    /// The payment's status does not allow what is asked for.
    StatusForbids,
    /// Metadata beyond Stripe's limits, or with a key that Quittance sets itself.
    MetadataInvalid,
    /// A statement descriptor that banks do not take.
    DescriptorInvalid,
    /// A text that is longer than Stripe takes.
    TextTooLong,
    /// A URL that is no https URL.
    ReturnUrlNotHttps,
    /// A URL whose origin the settings do not allow.
    ReturnUrlNotAllowed,
    /// A confirmation that may redirect the customer, without an address to come back to.
    ReturnUrlRequired,
    /// Parameters that contradict each other, or of which one needs another.
    ParametersConflict,
    /// A connected account that cannot receive payments now.
    DestinationNotPayable,
    /// An idempotency key that is empty, too long, or holds characters that no header has.
    IdempotencyKeyInvalid,
    /// An idempotency key that holds a secret or a token.
    IdempotencyKeySecret,
    /// A reference that is empty, too long, or holds control characters.
    ReferenceInvalid,
    /// A reference whose payment is paid.
    ReferencePaid,
    /// A reference whose payment has another amount or currency.
    ReferenceDiffers,
    /// A field that holds something like a card number, or is named like a card's field.
    CardData,
}

impl RuleCode {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::AmountNotInteger,
        Self::AmountTooSmall,
        Self::AmountTooLarge,
        Self::AmountNotDivisible,
        Self::CurrencyInvalid,
        Self::FeeExceedsAmount,
        Self::RefundExceedsLeft,
        Self::CaptureExceedsCapturable,
        Self::StatusForbids,
        Self::MetadataInvalid,
        Self::DescriptorInvalid,
        Self::TextTooLong,
        Self::ReturnUrlNotHttps,
        Self::ReturnUrlNotAllowed,
        Self::ReturnUrlRequired,
        Self::ParametersConflict,
        Self::DestinationNotPayable,
        Self::IdempotencyKeyInvalid,
        Self::IdempotencyKeySecret,
        Self::ReferenceInvalid,
        Self::ReferencePaid,
        Self::ReferenceDiffers,
        Self::CardData,
    ];

    /// The word of the API's `code`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AmountNotInteger => "amount_not_integer",
            Self::AmountTooSmall => "amount_too_small",
            Self::AmountTooLarge => "amount_too_large",
            Self::AmountNotDivisible => "amount_not_divisible",
            Self::CurrencyInvalid => "currency_invalid",
            Self::FeeExceedsAmount => "fee_exceeds_amount",
            Self::RefundExceedsLeft => "refund_exceeds_left",
            Self::CaptureExceedsCapturable => "capture_exceeds_capturable",
            Self::StatusForbids => "status_forbids",
            Self::MetadataInvalid => "metadata_invalid",
            Self::DescriptorInvalid => "descriptor_invalid",
            Self::TextTooLong => "text_too_long",
            Self::ReturnUrlNotHttps => "return_url_not_https",
            Self::ReturnUrlNotAllowed => "return_url_not_allowed",
            Self::ReturnUrlRequired => "return_url_required",
            Self::ParametersConflict => "parameters_conflict",
            Self::DestinationNotPayable => "destination_not_payable",
            Self::IdempotencyKeyInvalid => "idempotency_key_invalid",
            Self::IdempotencyKeySecret => "idempotency_key_secret",
            Self::ReferenceInvalid => "reference_invalid",
            Self::ReferencePaid => "reference_paid",
            Self::ReferenceDiffers => "reference_differs",
            Self::CardData => "card_data",
        }
    }
}

/// Why a request is refused before Stripe is asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {detail}")]
pub struct RuleBreach {
    /// The rule.
    pub code: RuleCode,
    /// The field, by its path in the request: `transfer_data.destination`.
    pub field: String,
    /// What is wrong with it, and what to do. Never the value of a field that may be secret.
    pub detail: String,
}

impl RuleBreach {
    pub(super) fn new(code: RuleCode, field: &str, detail: impl Into<String>) -> Self {
        Self { code, field: field.to_owned(), detail: detail.into() }
    }

    /// Parameters that contradict each other, or of which one needs another.
    pub(super) fn conflict(field: &str, detail: &str) -> Self {
        Self::new(RuleCode::ParametersConflict, field, detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_has_a_code_of_its_own() {
        let mut codes: Vec<_> = RuleCode::ALL.iter().map(|code| code.as_str()).collect();
        insta::assert_snapshot!(codes.join("\n"));
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), RuleCode::ALL.len());
    }
}

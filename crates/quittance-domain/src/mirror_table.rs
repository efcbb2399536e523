//! The table of mirrored kinds, and where each is retrieved.

use super::owner::Owner;

/// A place of the API, `{id}` and the owner's name left open.
#[derive(Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) under: Option<Owner>,
    pub(super) path: &'static str,
}

/// What there is to know about a kind.
#[derive(Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Spec {
    pub(super) object: &'static str,
    /// How its ids begin; empty where people choose them or Stripe uses a plain word.
    pub(super) prefix: &'static str,
    /// Where it is retrieved: the first place whose owner is known.
    pub(super) places: &'static [Place],
    /// People choose its ids.
    pub(super) chosen: bool,
    /// There is one of it in an account (or for its owner), and it has no id of its own.
    pub(super) single: bool,
    /// The `object` of the answer.
    pub(super) answers: &'static str,
}

const fn at(path: &'static str) -> Place {
    Place { under: None, path }
}

const fn under(owner: Owner, path: &'static str) -> Place {
    Place { under: Some(owner), path }
}

const fn kind(object: &'static str, prefix: &'static str, places: &'static [Place]) -> Spec {
    Spec { object, prefix, places, chosen: false, single: false, answers: object }
}

/// A kind whose ids people may choose.
const fn chosen(object: &'static str, places: &'static [Place]) -> Spec {
    Spec { object, prefix: "", places, chosen: true, single: false, answers: object }
}

const fn single(object: &'static str, places: &'static [Place]) -> Spec {
    Spec { object, prefix: "", places, chosen: false, single: true, answers: object }
}

const fn list(object: &'static str, places: &'static [Place]) -> Spec {
    Spec { object, prefix: "", places, chosen: false, single: true, answers: "list" }
}

/// The table. docs.stripe.com, "API reference", has each path.
pub(super) const TABLE: &[Spec] = &[
    // Money and who has it.
    kind("application_fee", "fee_", &[at("/v1/application_fees/{id}")]),
    single("balance", &[at("/v1/balance")]),
    single("balance_settings", &[at("/v1/balance_settings")]),
    kind(
        "bank_account",
        "ba_",
        &[
            under(Owner::Account, "/v1/accounts/{account}/external_accounts/{id}"),
            under(Owner::Customer, "/v1/customers/{customer}/sources/{id}"),
        ],
    ),
    kind("capability", "", &[under(Owner::Account, "/v1/accounts/{account}/capabilities/{id}")]),
    kind(
        "card",
        "card_",
        &[
            under(Owner::Account, "/v1/accounts/{account}/external_accounts/{id}"),
            under(Owner::Customer, "/v1/customers/{customer}/sources/{id}"),
        ],
    ),
    single("cash_balance", &[under(Owner::Customer, "/v1/customers/{customer}/cash_balance")]),
    kind(
        "customer_cash_balance_transaction",
        "ccsbtxn_",
        &[under(Owner::Customer, "/v1/customers/{customer}/cash_balance_transactions/{id}")],
    ),
    kind("fee_refund", "fr_", &[under(Owner::Fee, "/v1/application_fees/{fee}/refunds/{id}")]),
    kind("mandate", "mandate_", &[at("/v1/mandates/{id}")]),
    kind("payment_link", "plink_", &[at("/v1/payment_links/{id}")]),
    kind("person", "person_", &[under(Owner::Account, "/v1/accounts/{account}/persons/{id}")]),
    kind("reserve.hold", "", &[at("/v1/reserve/holds/{id}")]),
    kind("reserve.plan", "", &[at("/v1/reserve/plans/{id}")]),
    kind("reserve.release", "", &[at("/v1/reserve/releases/{id}")]),
    kind("source", "src_", &[at("/v1/sources/{id}")]),
    kind(
        "source_mandate_notification",
        "srcmn_",
        &[under(Owner::Source, "/v1/sources/{source}/mandate_notifications/{id}")],
    ),
    kind(
        "source_transaction",
        "srctxn_",
        &[under(Owner::Source, "/v1/sources/{source}/source_transactions/{id}")],
    ),
    kind("topup", "tu_", &[at("/v1/topups/{id}")]),
    kind("transfer", "tr_", &[at("/v1/transfers/{id}")]),
    // What is sold, and how it is billed.
    kind("billing.alert", "", &[at("/v1/billing/alerts/{id}")]),
    kind(
        "billing.credit_balance_transaction",
        "",
        &[at("/v1/billing/credit_balance_transactions/{id}")],
    ),
    kind("billing.credit_grant", "", &[at("/v1/billing/credit_grants/{id}")]),
    kind("billing.meter", "", &[at("/v1/billing/meters/{id}")]),
    kind("billing_portal.configuration", "bpc_", &[at("/v1/billing_portal/configurations/{id}")]),
    chosen("coupon", &[at("/v1/coupons/{id}")]),
    kind("credit_note", "cn_", &[at("/v1/credit_notes/{id}")]),
    // More than a hundred of one customer would need more than one look; the mirror has the first
    // hundred, and `has_more` says so.
    list(
        "entitlements.active_entitlement_summary",
        &[under(
            Owner::Customer,
            "/v1/entitlements/active_entitlements?customer={customer}&limit=100",
        )],
    ),
    kind("invoice_payment", "", &[at("/v1/invoice_payments/{id}")]),
    kind("invoiceitem", "ii_", &[at("/v1/invoiceitems/{id}")]),
    chosen("plan", &[at("/v1/plans/{id}")]),
    kind("promotion_code", "promo_", &[at("/v1/promotion_codes/{id}")]),
    kind("quote", "qt_", &[at("/v1/quotes/{id}")]),
    kind(
        "tax_id",
        "txi_",
        &[under(Owner::Customer, "/v1/customers/{customer}/tax_ids/{id}"), at("/v1/tax_ids/{id}")],
    ),
    single("tax.settings", &[at("/v1/tax/settings")]),
    kind("tax_rate", "txr_", &[at("/v1/tax_rates/{id}")]),
    // Risk and identity.
    kind("identity.verification_session", "vs_", &[at("/v1/identity/verification_sessions/{id}")]),
    kind("radar.early_fraud_warning", "issfr_", &[at("/v1/radar/early_fraud_warnings/{id}")]),
    kind("review", "prv_", &[at("/v1/reviews/{id}")]),
    // The rest.
    kind("climate.order", "climorder_", &[at("/v1/climate/orders/{id}")]),
    kind("climate.product", "climsku_", &[at("/v1/climate/products/{id}")]),
    kind("file", "file_", &[at("/v1/files/{id}")]),
    kind("financial_connections.account", "fca_", &[at("/v1/financial_connections/accounts/{id}")]),
    kind(
        "financial_connections.authorization",
        "",
        &[at("/v1/financial_connections/authorizations/{id}")],
    ),
    kind("issuing.authorization", "iauth_", &[at("/v1/issuing/authorizations/{id}")]),
    kind("issuing.card", "ic_", &[at("/v1/issuing/cards/{id}")]),
    kind("issuing.cardholder", "ich_", &[at("/v1/issuing/cardholders/{id}")]),
    kind("issuing.dispute", "idp_", &[at("/v1/issuing/disputes/{id}")]),
    kind("issuing.personalization_design", "", &[at("/v1/issuing/personalization_designs/{id}")]),
    kind("issuing.token", "intok_", &[at("/v1/issuing/tokens/{id}")]),
    kind("issuing.transaction", "ipi_", &[at("/v1/issuing/transactions/{id}")]),
    kind("reporting.report_run", "frr_", &[at("/v1/reporting/report_runs/{id}")]),
    kind("reporting.report_type", "", &[at("/v1/reporting/report_types/{id}")]),
    kind("scheduled_query_run", "sqr_", &[at("/v1/sigma/scheduled_query_runs/{id}")]),
    kind("terminal.reader", "tmr_", &[at("/v1/terminal/readers/{id}")]),
    kind("test_helpers.test_clock", "clock_", &[at("/v1/test_helpers/test_clocks/{id}")]),
    kind("treasury.credit_reversal", "credrev_", &[at("/v1/treasury/credit_reversals/{id}")]),
    kind("treasury.debit_reversal", "debrev_", &[at("/v1/treasury/debit_reversals/{id}")]),
    kind("treasury.financial_account", "fa_", &[at("/v1/treasury/financial_accounts/{id}")]),
    kind("treasury.inbound_transfer", "ibt_", &[at("/v1/treasury/inbound_transfers/{id}")]),
    kind("treasury.outbound_payment", "obp_", &[at("/v1/treasury/outbound_payments/{id}")]),
    kind("treasury.outbound_transfer", "obt_", &[at("/v1/treasury/outbound_transfers/{id}")]),
    kind("treasury.received_credit", "rc_", &[at("/v1/treasury/received_credits/{id}")]),
    kind("treasury.received_debit", "rd_", &[at("/v1/treasury/received_debits/{id}")]),
];

/// Objects that cannot be retrieved, whose event is a reason to look at the one that they belong
/// to: the first of these that they name.
pub(super) const OWNED: &[(&str, &[Owner])] = &[
    // A discount is a part of what it lowers the price of.
    ("discount", &[Owner::Subscription, Owner::Customer]),
    ("billing.alert_triggered", &[Owner::Alert]),
];

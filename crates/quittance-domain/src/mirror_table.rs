//! The table of mirrored kinds: where each is retrieved, and where it is listed.

use super::listing::{BOTH_ACTIVE, Listing, ObjectList};
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
    /// Where its objects are listed.
    pub(super) listing: Listing,
}

impl Spec {
    /// Its lists, and what they omit; without a list, why there is none.
    const fn listed(self, lists: &'static [ObjectList], omits: &'static str) -> Self {
        Self { listing: Listing { lists, omits }, ..self }
    }
}

/// Why objects that there is one of have no list.
const ONE: &str = "There is one for each account or owner: it is retrieved with its next event.";
/// Why what is part of a connected account has no list here.
const PART: &str = "It is a part of a connected account, which is listed whole.";
/// Why objects without a list are not there.
const NO_LIST: &str = "The API has no list of them.";
/// Why objects that are listed by something else than an account, a customer or a fee are not there.
const BY_OTHER: &str =
    "The API lists them only by another object than an account, a customer or a fee.";

const fn at(path: &'static str) -> Place {
    Place { under: None, path }
}

const fn under(owner: Owner, path: &'static str) -> Place {
    Place { under: Some(owner), path }
}

const fn kind(object: &'static str, prefix: &'static str, places: &'static [Place]) -> Spec {
    Spec {
        object,
        prefix,
        places,
        chosen: false,
        single: false,
        answers: object,
        listing: Listing::UNSTATED,
    }
}

/// A kind whose ids people may choose.
const fn chosen(object: &'static str, places: &'static [Place]) -> Spec {
    Spec {
        object,
        prefix: "",
        places,
        chosen: true,
        single: false,
        answers: object,
        listing: Listing::UNSTATED,
    }
}

const fn single(object: &'static str, places: &'static [Place]) -> Spec {
    Spec {
        object,
        prefix: "",
        places,
        chosen: false,
        single: true,
        answers: object,
        listing: Listing::UNSTATED,
    }
}

const fn list(object: &'static str, places: &'static [Place]) -> Spec {
    Spec {
        object,
        prefix: "",
        places,
        chosen: false,
        single: true,
        answers: "list",
        listing: Listing::UNSTATED,
    }
}

/// The table. docs.stripe.com, "API reference", has each path.
pub(super) const TABLE: &[Spec] = &[
    // Money and who has it.
    kind("application_fee", "fee_", &[at("/v1/application_fees/{id}")]).listed(&[ObjectList::of("list_application_fees", "/v1/application_fees")], ""),
    single("balance", &[at("/v1/balance")]).listed(&[], ONE),
    single("balance_settings", &[at("/v1/balance_settings")]).listed(&[], ONE),
    kind(
        "bank_account",
        "ba_",
        &[
            under(Owner::Account, "/v1/accounts/{account}/external_accounts/{id}"),
            under(Owner::Customer, "/v1/customers/{customer}/sources/{id}"),
        ],
    ).listed(&[ObjectList::under(Owner::Customer, "list_customer_bank_accounts", "/v1/customers/{customer}/sources?object=bank_account")], "Those of connected accounts are part of the account."),
    kind("capability", "", &[under(Owner::Account, "/v1/accounts/{account}/capabilities/{id}")]).listed(&[], PART),
    kind(
        "card",
        "card_",
        &[
            under(Owner::Account, "/v1/accounts/{account}/external_accounts/{id}"),
            under(Owner::Customer, "/v1/customers/{customer}/sources/{id}"),
        ],
    ).listed(&[ObjectList::under(Owner::Customer, "list_customer_cards", "/v1/customers/{customer}/sources?object=card")], "Those of connected accounts are part of the account."),
    single("cash_balance", &[under(Owner::Customer, "/v1/customers/{customer}/cash_balance")]).listed(&[], ONE),
    kind(
        "customer_cash_balance_transaction",
        "ccsbtxn_",
        &[under(Owner::Customer, "/v1/customers/{customer}/cash_balance_transactions/{id}")],
    ).listed(&[ObjectList::under(Owner::Customer, "list_cash_balance_transactions", "/v1/customers/{customer}/cash_balance_transactions")], ""),
    kind("fee_refund", "fr_", &[under(Owner::Fee, "/v1/application_fees/{fee}/refunds/{id}")]).listed(&[ObjectList::under(Owner::Fee, "list_fee_refunds", "/v1/application_fees/{fee}/refunds")], ""),
    kind("mandate", "mandate_", &[at("/v1/mandates/{id}")]).listed(&[], NO_LIST),
    kind("payment_link", "plink_", &[at("/v1/payment_links/{id}")]).listed(&[ObjectList::of("list_payment_links", "/v1/payment_links").undated().with(BOTH_ACTIVE)], ""),
    kind("person", "person_", &[under(Owner::Account, "/v1/accounts/{account}/persons/{id}")]).listed(&[], PART),
    kind("reserve.hold", "", &[at("/v1/reserve/holds/{id}")]).listed(&[], "It is in preview, and its list is not documented for all accounts."),
    kind("reserve.plan", "", &[at("/v1/reserve/plans/{id}")]).listed(&[], "It is in preview, and its list is not documented for all accounts."),
    kind("reserve.release", "", &[at("/v1/reserve/releases/{id}")]).listed(&[], "It is in preview, and its list is not documented for all accounts."),
    kind("source", "src_", &[at("/v1/sources/{id}")]).listed(&[], NO_LIST),
    kind(
        "source_mandate_notification",
        "srcmn_",
        &[under(Owner::Source, "/v1/sources/{source}/mandate_notifications/{id}")],
    ).listed(&[], NO_LIST),
    kind(
        "source_transaction",
        "srctxn_",
        &[under(Owner::Source, "/v1/sources/{source}/source_transactions/{id}")],
    ).listed(&[], BY_OTHER),
    kind("topup", "tu_", &[at("/v1/topups/{id}")]).listed(&[ObjectList::of("list_topups", "/v1/topups")], ""),
    kind("transfer", "tr_", &[at("/v1/transfers/{id}")]).listed(&[ObjectList::of("list_transfers", "/v1/transfers")], ""),
    // What is sold, and how it is billed.
    kind("billing.alert", "", &[at("/v1/billing/alerts/{id}")]).listed(&[ObjectList::of("list_billing_alerts", "/v1/billing/alerts").undated()], ""),
    kind(
        "billing.credit_balance_transaction",
        "",
        &[at("/v1/billing/credit_balance_transactions/{id}")],
    ).listed(&[ObjectList::under(Owner::Customer, "list_credit_balance_transactions", "/v1/billing/credit_balance_transactions?customer={customer}")], ""),
    kind("billing.credit_grant", "", &[at("/v1/billing/credit_grants/{id}")]).listed(&[ObjectList::of("list_credit_grants", "/v1/billing/credit_grants").undated()], ""),
    kind("billing.meter", "", &[at("/v1/billing/meters/{id}")]).listed(&[ObjectList::of("list_billing_meters", "/v1/billing/meters").undated().with(&["status=active", "status=inactive"])], ""),
    kind("billing_portal.configuration", "bpc_", &[at("/v1/billing_portal/configurations/{id}")]).listed(&[ObjectList::of("list_portal_configurations", "/v1/billing_portal/configurations").undated().with(BOTH_ACTIVE)], ""),
    chosen("coupon", &[at("/v1/coupons/{id}")]).listed(&[ObjectList::of("list_coupons", "/v1/coupons")], "Deleted coupons are in no list."),
    kind("credit_note", "cn_", &[at("/v1/credit_notes/{id}")]).listed(&[ObjectList::of("list_credit_notes", "/v1/credit_notes")], ""),
    // More than a hundred of one customer would need more than one look; the mirror has the first
    // hundred, and `has_more` says so.
    list(
        "entitlements.active_entitlement_summary",
        &[under(
            Owner::Customer,
            "/v1/entitlements/active_entitlements?customer={customer}&limit=100",
        )],
    ).listed(&[], ONE),
    kind("invoice_payment", "", &[at("/v1/invoice_payments/{id}")]).listed(&[ObjectList::of("list_invoice_payments", "/v1/invoice_payments")], ""),
    kind("invoiceitem", "ii_", &[at("/v1/invoiceitems/{id}")]).listed(&[ObjectList::of("list_invoiceitems", "/v1/invoiceitems")], "Deleted invoice items are in no list."),
    chosen("plan", &[at("/v1/plans/{id}")]).listed(&[ObjectList::of("list_plans", "/v1/plans").with(BOTH_ACTIVE)], "Deleted plans are in no list."),
    kind("promotion_code", "promo_", &[at("/v1/promotion_codes/{id}")]).listed(&[ObjectList::of("list_promotion_codes", "/v1/promotion_codes").with(BOTH_ACTIVE)], ""),
    kind("quote", "qt_", &[at("/v1/quotes/{id}")]).listed(&[ObjectList::of("list_quotes", "/v1/quotes").undated()], ""),
    kind(
        "tax_id",
        "txi_",
        &[under(Owner::Customer, "/v1/customers/{customer}/tax_ids/{id}"), at("/v1/tax_ids/{id}")],
    ).listed(&[ObjectList::of("list_tax_ids", "/v1/tax_ids").undated(), ObjectList::under(Owner::Customer, "list_customer_tax_ids", "/v1/customers/{customer}/tax_ids")], "Deleted tax ids are in no list."),
    single("tax.settings", &[at("/v1/tax/settings")]).listed(&[], ONE),
    kind("tax_rate", "txr_", &[at("/v1/tax_rates/{id}")]).listed(&[ObjectList::of("list_tax_rates", "/v1/tax_rates").with(BOTH_ACTIVE)], ""),
    // Risk and identity.
    kind("identity.verification_session", "vs_", &[at("/v1/identity/verification_sessions/{id}")]).listed(&[ObjectList::of("list_verification_sessions", "/v1/identity/verification_sessions")], ""),
    kind("radar.early_fraud_warning", "issfr_", &[at("/v1/radar/early_fraud_warnings/{id}")]).listed(&[ObjectList::of("list_early_fraud_warnings", "/v1/radar/early_fraud_warnings")], ""),
    kind("review", "prv_", &[at("/v1/reviews/{id}")]).listed(&[ObjectList::of("list_reviews", "/v1/reviews")], "Closed reviews are in no list."),
    // The rest.
    kind("climate.order", "climorder_", &[at("/v1/climate/orders/{id}")]).listed(&[ObjectList::of("list_climate_orders", "/v1/climate/orders").undated()], ""),
    kind("climate.product", "climsku_", &[at("/v1/climate/products/{id}")]).listed(&[ObjectList::of("list_climate_products", "/v1/climate/products").undated()], ""),
    kind("file", "file_", &[at("/v1/files/{id}")]).listed(&[ObjectList::of("list_files", "/v1/files")], ""),
    kind("financial_connections.account", "fca_", &[at("/v1/financial_connections/accounts/{id}")]).listed(&[ObjectList::of("list_financial_connections_accounts", "/v1/financial_connections/accounts").undated()], ""),
    kind(
        "financial_connections.authorization",
        "",
        &[at("/v1/financial_connections/authorizations/{id}")],
    ).listed(&[], NO_LIST),
    kind("issuing.authorization", "iauth_", &[at("/v1/issuing/authorizations/{id}")]).listed(&[ObjectList::of("list_issuing_authorizations", "/v1/issuing/authorizations")], ""),
    kind("issuing.card", "ic_", &[at("/v1/issuing/cards/{id}")]).listed(&[ObjectList::of("list_issuing_cards", "/v1/issuing/cards")], ""),
    kind("issuing.cardholder", "ich_", &[at("/v1/issuing/cardholders/{id}")]).listed(&[ObjectList::of("list_issuing_cardholders", "/v1/issuing/cardholders")], ""),
    kind("issuing.dispute", "idp_", &[at("/v1/issuing/disputes/{id}")]).listed(&[ObjectList::of("list_issuing_disputes", "/v1/issuing/disputes")], ""),
    kind("issuing.personalization_design", "", &[at("/v1/issuing/personalization_designs/{id}")]).listed(&[ObjectList::of("list_personalization_designs", "/v1/issuing/personalization_designs").undated()], ""),
    kind("issuing.token", "intok_", &[at("/v1/issuing/tokens/{id}")]).listed(&[], BY_OTHER),
    kind("issuing.transaction", "ipi_", &[at("/v1/issuing/transactions/{id}")]).listed(&[ObjectList::of("list_issuing_transactions", "/v1/issuing/transactions")], ""),
    kind("reporting.report_run", "frr_", &[at("/v1/reporting/report_runs/{id}")]).listed(&[ObjectList::of("list_report_runs", "/v1/reporting/report_runs")], ""),
    kind("reporting.report_type", "", &[at("/v1/reporting/report_types/{id}")]).listed(&[], "It is a catalogue of Stripe's, the same for all accounts; its list has no pages."),
    kind("scheduled_query_run", "sqr_", &[at("/v1/sigma/scheduled_query_runs/{id}")]).listed(&[ObjectList::of("list_scheduled_query_runs", "/v1/sigma/scheduled_query_runs").undated()], ""),
    kind("terminal.reader", "tmr_", &[at("/v1/terminal/readers/{id}")]).listed(&[ObjectList::of("list_terminal_readers", "/v1/terminal/readers").undated()], ""),
    kind("test_helpers.test_clock", "clock_", &[at("/v1/test_helpers/test_clocks/{id}")]).listed(&[ObjectList::of("list_test_clocks", "/v1/test_helpers/test_clocks").undated()], "Deleted clocks are in no list, and neither are the objects of a clock in the lists of the account."),
    kind("treasury.credit_reversal", "credrev_", &[at("/v1/treasury/credit_reversals/{id}")]).listed(&[], BY_OTHER),
    kind("treasury.debit_reversal", "debrev_", &[at("/v1/treasury/debit_reversals/{id}")]).listed(&[], BY_OTHER),
    kind("treasury.financial_account", "fa_", &[at("/v1/treasury/financial_accounts/{id}")]).listed(&[ObjectList::of("list_financial_accounts", "/v1/treasury/financial_accounts")], ""),
    kind("treasury.inbound_transfer", "ibt_", &[at("/v1/treasury/inbound_transfers/{id}")]).listed(&[], BY_OTHER),
    kind("treasury.outbound_payment", "obp_", &[at("/v1/treasury/outbound_payments/{id}")]).listed(&[], BY_OTHER),
    kind("treasury.outbound_transfer", "obt_", &[at("/v1/treasury/outbound_transfers/{id}")]).listed(&[], BY_OTHER),
    kind("treasury.received_credit", "rc_", &[at("/v1/treasury/received_credits/{id}")]).listed(&[], BY_OTHER),
    kind("treasury.received_debit", "rd_", &[at("/v1/treasury/received_debits/{id}")]).listed(&[], BY_OTHER),
];

/// Objects that cannot be retrieved, whose event is a reason to look at the one that they belong
/// to: the first of these that they name.
pub(super) const OWNED: &[(&str, &[Owner])] = &[
    // A discount is a part of what it lowers the price of.
    ("discount", &[Owner::Subscription, Owner::Customer]),
    ("billing.alert_triggered", &[Owner::Alert]),
];

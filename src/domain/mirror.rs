//! The kinds of object that are mirrored: fetched, ordered and buried like all others, and kept as
//! JSON in `quittance.objects` alone. They have no state machine, so they make no transition and
//! tell nothing.
//!
//! A kind that gets a state machine leaves this table; while it is in both, the state machine wins
//! ([`super::object::Kind::parse`]). Which event types belong to a kind, and which of them say that
//! an object was deleted, is in [`super::event_types`].

use std::fmt;

/// An object that another one belongs to, as the other one names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Owner {
    /// `customer`
    Customer,
    /// `account`
    Account,
    /// `fee`
    Fee,
    /// `source`
    Source,
    /// `subscription`
    Subscription,
    /// `alert`
    Alert,
}

impl Owner {
    /// The field that names it, which is also its place in a path.
    #[must_use]
    pub fn field(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Account => "account",
            Self::Fee => "fee",
            Self::Source => "source",
            Self::Subscription => "subscription",
            Self::Alert => "alert",
        }
    }

    /// Stripe's `object` of it, and how its ids begin.
    const fn kind(self) -> (&'static str, &'static str) {
        match self {
            Self::Customer => ("customer", "cus_"),
            Self::Account => ("account", "acct_"),
            Self::Fee => ("application_fee", "fee_"),
            Self::Source => ("source", "src_"),
            Self::Subscription => ("subscription", "sub_"),
            Self::Alert => ("billing.alert", "alrt_"),
        }
    }

    /// Stripe's `object` of it.
    #[must_use]
    pub fn object(self) -> &'static str {
        self.kind().0
    }

    /// Whether an id is one of its kind. The same field can hold other things elsewhere.
    #[must_use]
    pub fn owns(self, id: &str) -> bool {
        id.starts_with(self.kind().1)
    }
}

/// A place of the API, `{id}` and the owner's name left open.
#[derive(Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Place {
    under: Option<Owner>,
    path: &'static str,
}

/// What there is to know about a kind.
#[derive(Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Spec {
    object: &'static str,
    /// How its ids begin; empty where people choose them or Stripe uses a plain word.
    prefix: &'static str,
    /// Where it is retrieved: the first place whose owner is known.
    places: &'static [Place],
    /// There is one of it in an account (or for its owner), and it has no id of its own.
    single: bool,
    /// The `object` of the answer.
    answers: &'static str,
}

const fn at(path: &'static str) -> Place {
    Place { under: None, path }
}

const fn under(owner: Owner, path: &'static str) -> Place {
    Place { under: Some(owner), path }
}

const fn kind(object: &'static str, prefix: &'static str, places: &'static [Place]) -> Spec {
    Spec { object, prefix, places, single: false, answers: object }
}

const fn single(object: &'static str, places: &'static [Place]) -> Spec {
    Spec { object, prefix: "", places, single: true, answers: object }
}

const fn list(object: &'static str, places: &'static [Place]) -> Spec {
    Spec { object, prefix: "", places, single: true, answers: "list" }
}

/// The table. docs.stripe.com, "API reference", has each path.
const TABLE: &[Spec] = &[
    // Money and who has it.
    kind("account", "acct_", &[at("/v1/accounts/{id}")]),
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
    kind("checkout.session", "cs_", &[at("/v1/checkout/sessions/{id}")]),
    kind("customer", "cus_", &[at("/v1/customers/{id}")]),
    kind(
        "customer_cash_balance_transaction",
        "ccsbtxn_",
        &[under(Owner::Customer, "/v1/customers/{customer}/cash_balance_transactions/{id}")],
    ),
    kind("dispute", "", &[at("/v1/disputes/{id}")]),
    kind("fee_refund", "fr_", &[under(Owner::Fee, "/v1/application_fees/{fee}/refunds/{id}")]),
    kind("mandate", "mandate_", &[at("/v1/mandates/{id}")]),
    kind("payment_link", "plink_", &[at("/v1/payment_links/{id}")]),
    kind("payment_method", "", &[at("/v1/payment_methods/{id}")]),
    kind("payout", "po_", &[at("/v1/payouts/{id}")]),
    kind("person", "person_", &[under(Owner::Account, "/v1/accounts/{account}/persons/{id}")]),
    kind("reserve.hold", "", &[at("/v1/reserve/holds/{id}")]),
    kind("reserve.plan", "", &[at("/v1/reserve/plans/{id}")]),
    kind("reserve.release", "", &[at("/v1/reserve/releases/{id}")]),
    kind("setup_intent", "seti_", &[at("/v1/setup_intents/{id}")]),
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
    kind("coupon", "", &[at("/v1/coupons/{id}")]),
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
    kind("invoice", "in_", &[at("/v1/invoices/{id}")]),
    kind("invoice_payment", "", &[at("/v1/invoice_payments/{id}")]),
    kind("invoiceitem", "ii_", &[at("/v1/invoiceitems/{id}")]),
    kind("plan", "", &[at("/v1/plans/{id}")]),
    kind("price", "", &[at("/v1/prices/{id}")]),
    kind("product", "", &[at("/v1/products/{id}")]),
    kind("promotion_code", "promo_", &[at("/v1/promotion_codes/{id}")]),
    kind("quote", "qt_", &[at("/v1/quotes/{id}")]),
    kind("subscription", "sub_", &[at("/v1/subscriptions/{id}")]),
    kind("subscription_schedule", "sub_sched_", &[at("/v1/subscription_schedules/{id}")]),
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
const OWNED: &[(&str, &[Owner])] = &[
    // A discount is a part of what it lowers the price of.
    ("discount", &[Owner::Subscription, Owner::Customer]),
    ("billing.alert_triggered", &[Owner::Alert]),
];

/// A mirrored kind: a line of the table.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mirror(&'static Spec);

impl fmt::Debug for Mirror {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.object)
    }
}

impl Mirror {
    /// The whole table. Kinds that have a state machine by now are in it too.
    pub fn table() -> impl Iterator<Item = Self> {
        TABLE.iter().map(Self)
    }

    /// From Stripe's `object`.
    #[must_use]
    pub fn parse(object: &str) -> Option<Self> {
        Self::table().find(|mirror| mirror.0.object == object)
    }

    /// Stripe's `object`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.0.object
    }

    /// How its ids begin; empty where people choose them or Stripe uses a plain word.
    #[must_use]
    pub fn prefix(self) -> &'static str {
        self.0.prefix
    }

    /// Whether there is one of it in an account, or for its owner, without an id of its own.
    #[must_use]
    pub fn is_single(self) -> bool {
        self.0.single
    }

    /// The `object` of Stripe's answer: its own, or `list`.
    #[must_use]
    pub fn answers(self) -> &'static str {
        self.0.answers
    }

    /// Where it is retrieved, with `{id}` and its owner's name left open.
    pub fn paths(self) -> impl Iterator<Item = &'static str> {
        self.0.places.iter().map(|place| place.path)
    }

    /// The owner whose kind an id is of, if objects of this kind have such an owner.
    #[must_use]
    pub fn owner(self, owner: &str) -> Option<Owner> {
        self.0.places.iter().filter_map(|place| place.under).find(|kind| kind.owns(owner))
    }

    /// The path of one object; `None` when it belongs to something that is not known.
    #[must_use]
    pub fn path(self, id: &str, owner: Option<&str>) -> Option<String> {
        self.0.places.iter().find_map(|place| {
            let path = match (place.under, owner) {
                (None, _) => place.path.to_owned(),
                (Some(kind), Some(owner)) if kind.owns(owner) => {
                    place.path.replace(&format!("{{{}}}", kind.field()), owner)
                }
                (Some(_), _) => return None,
            };
            Some(path.replace("{id}", id))
        })
    }

    /// The owner's id in the path of an object, as a thin event gives it.
    #[must_use]
    pub fn owner_in(self, url: &str) -> Option<&str> {
        self.0.places.iter().find_map(|place| {
            let blank = format!("{{{}}}", place.under?.field());
            let mut owner = None;
            let mut wanted = place.path.split('/');
            for given in url.split('/') {
                match wanted.next()? {
                    "{id}" => {}
                    word if word == blank => owner = Some(given),
                    word if word == given => {}
                    _ => return None,
                }
            }
            owner.filter(|_| wanted.next().is_none())
        })
    }
}

/// The owners that objects of a kind name, the one that matters most first. Empty for kinds that
/// stand alone.
pub fn owners(object: &str) -> impl Iterator<Item = Owner> {
    let owned = OWNED.iter().find(|(kind, _)| *kind == object).map_or(&[][..], |(_, all)| *all);
    let places = TABLE.iter().find(|spec| spec.object == object).map_or(&[][..], |it| it.places);
    owned.iter().copied().chain(places.iter().filter_map(|place| place.under))
}

/// The object that an id belongs to, among the owners of `object`.
#[must_use]
pub fn owner_of(object: &str, id: &str) -> Option<Owner> {
    owners(object).find(|owner| owner.owns(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mirror(object: &str) -> Mirror {
        Mirror::parse(object).unwrap()
    }

    #[test]
    fn every_line_is_whole() {
        for spec in TABLE {
            assert!(!spec.places.is_empty(), "{}", spec.object);
            for place in spec.places {
                assert!(place.path.starts_with("/v1/"), "{}", place.path);
                assert_eq!(place.path.contains("{id}"), !spec.single, "{}", place.path);
                let open = place.path.matches('{').count() - usize::from(!spec.single);
                let named = place
                    .under
                    .is_some_and(|owner| place.path.contains(&format!("{{{}}}", owner.field())));
                assert_eq!((open, named), (usize::from(named), place.under.is_some()));
            }
            assert_eq!(
                Mirror::parse(spec.object),
                Some(Mirror(spec)),
                "{} is there twice",
                spec.object
            );
        }
    }

    #[test]
    fn a_path_has_the_id_and_the_owner_in_it() {
        let path = |object, id, owner| mirror(object).path(id, owner);
        assert_eq!(path("coupon", "SUMMER", None).unwrap(), "/v1/coupons/SUMMER");
        assert_eq!(
            path("tax_id", "txi_1", Some("cus_1")).unwrap(),
            "/v1/customers/cus_1/tax_ids/txi_1"
        );
        assert_eq!(path("tax_id", "txi_1", None).unwrap(), "/v1/tax_ids/txi_1");
        assert_eq!(
            path("card", "card_1", Some("acct_1")).unwrap(),
            "/v1/accounts/acct_1/external_accounts/card_1"
        );
        assert_eq!(
            path("card", "card_1", Some("cus_1")).unwrap(),
            "/v1/customers/cus_1/sources/card_1"
        );
        assert_eq!(path("card", "card_1", None), None);
        assert_eq!(path("balance", "balance", None).unwrap(), "/v1/balance");
    }

    #[test]
    fn the_owner_is_read_from_the_url_of_a_thin_event() {
        let owner = |object, url| mirror(object).owner_in(url);
        assert_eq!(owner("person", "/v1/accounts/acct_1/persons/person_1"), Some("acct_1"));
        assert_eq!(owner("tax_id", "/v1/customers/cus_1/tax_ids/txi_1"), Some("cus_1"));
        assert_eq!(owner("tax_id", "/v1/tax_ids/txi_1"), None);
        assert_eq!(owner("person", "/v1/accounts/acct_1/persons"), None);
        assert_eq!(owner("person", "/v1/accounts/acct_1/persons/person_1/x"), None);
        assert_eq!(owner("coupon", "/v1/coupons/x"), None);
    }

    #[test]
    fn a_discount_belongs_to_its_subscription_before_its_customer() {
        assert_eq!(owners("discount").collect::<Vec<_>>(), [Owner::Subscription, Owner::Customer]);
        assert_eq!(owner_of("discount", "cus_1"), Some(Owner::Customer));
        assert_eq!(owner_of("discount", "di_1"), None);
        assert_eq!(owners("coupon").count(), 0);
    }
}

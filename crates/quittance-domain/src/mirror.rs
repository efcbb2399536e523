//! The kinds of object that are mirrored: fetched, ordered and buried like all others, and kept as
//! JSON in `quittance.objects` alone. They have no state machine, so they make no transition and
//! tell nothing.
//!
//! A kind that gets a state machine leaves this table; while it is in both, the state machine wins
//! ([`super::object::Kind::parse`]). Which event types belong to a kind, and which of them say that
//! an object was deleted, is in [`super::event_types`].

use std::fmt;

use super::mirror_table::{OWNED, Spec, TABLE};

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

    /// The same as a list, which is empty where there is none.
    #[must_use]
    pub fn prefixes(self) -> &'static [&'static str] {
        if self.0.prefix.is_empty() { &[] } else { std::slice::from_ref(&self.0.prefix) }
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

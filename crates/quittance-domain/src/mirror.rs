//! The kinds of object that are mirrored: fetched, ordered and buried like all others, and kept as
//! JSON in `quittance.objects` alone. They have no state machine, so they make no transition and
//! tell nothing.
//!
//! A kind that gets a state machine leaves this table; while it is in both, the state machine wins
//! ([`super::object::Kind::parse`]). Which event types belong to a kind, and which of them say that
//! an object was deleted, is in [`super::event_types`].

use std::borrow::Cow;
use std::fmt;

use super::id::{self, ObjectId};
use super::listing::Listing;
use super::mirror_table::{OWNED, Spec, TABLE};
pub use super::owner::{Owner, Parent};

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

    /// Where its objects are listed, and what the lists omit.
    #[must_use]
    pub fn listing(self) -> Listing {
        self.0.listing
    }

    /// Whether people may choose its ids. One that there is for each owner goes by its owner's id.
    #[must_use]
    pub fn has_chosen_ids(self) -> bool {
        self.0.chosen || self.single_of() == Some(Owner::Customer)
    }

    /// The owner of a kind of which there is one for each owner.
    #[must_use]
    pub fn single_of(self) -> Option<Owner> {
        self.0.places.iter().find_map(|place| place.under).filter(|_| self.0.single)
    }

    /// The path of one object; `None` when it belongs to something that is not known.
    #[must_use]
    pub fn path(self, id: &ObjectId, parent: Option<&Parent>) -> Option<String> {
        self.0.places.iter().find_map(|place| {
            let path = match (place.under, parent) {
                (None, _) => place.path.to_owned(),
                (Some(field), Some(parent)) if field == parent.field => {
                    let blank = format!("{{{}}}", field.field());
                    place.path.replace(&blank, &parent.id.url_segment())
                }
                (Some(_), _) => return None,
            };
            Some(path.replace("{id}", &id.url_segment()))
        })
    }

    /// The owner's field and the id that stands for it in the path of an object, as a thin event gives
    /// it.
    #[must_use]
    pub fn owner_in(self, url: &str) -> Option<(Owner, Cow<'_, str>)> {
        self.0.places.iter().find_map(|place| {
            let field = place.under?;
            let blank = format!("{{{}}}", field.field());
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
            let segment = owner.filter(|_| wanted.next().is_none())?;
            Some((field, id::from_url_segment(segment)?))
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

/// The name of a kind whose objects belong to others, as the tables write it; `None` for all others.
#[must_use]
pub fn owned(object: &str) -> Option<&'static str> {
    let owned = OWNED.iter().map(|(kind, _)| *kind);
    let mirrored = TABLE.iter().filter(|spec| spec.places.iter().any(|it| it.under.is_some()));
    owned.chain(mirrored.map(|spec| spec.object)).find(|kind| *kind == object)
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

    fn path(object: &str, id: &str, parent: Option<(Owner, &str)>) -> Option<String> {
        let parent = parent.map(|(field, id)| Parent { field, id: ObjectId::parse(id).unwrap() });
        mirror(object).path(&ObjectId::parse(id).unwrap(), parent.as_ref())
    }

    #[test]
    fn a_path_has_the_id_and_the_owner_in_it() {
        let (customer, account) = ((Owner::Customer, "cus_1"), (Owner::Account, "acct_1"));
        assert_eq!(path("coupon", "SUMMER", None).unwrap(), "/v1/coupons/SUMMER");
        assert_eq!(
            path("tax_id", "txi_1", Some(customer)).unwrap(),
            "/v1/customers/cus_1/tax_ids/txi_1"
        );
        assert_eq!(path("tax_id", "txi_1", None).unwrap(), "/v1/tax_ids/txi_1");
        assert_eq!(
            path("card", "card_1", Some(account)).unwrap(),
            "/v1/accounts/acct_1/external_accounts/card_1"
        );
        assert_eq!(
            path("card", "card_1", Some(customer)).unwrap(),
            "/v1/customers/cus_1/sources/card_1"
        );
        assert_eq!(path("card", "card_1", None), None);
        assert_eq!(path("balance", "balance", None).unwrap(), "/v1/balance");
    }

    #[test]
    fn an_owner_is_believed_by_its_field_and_encoded_in_a_path() {
        assert_eq!(
            path("card", "card_1", Some((Owner::Customer, "acct_42/..?"))).unwrap(),
            "/v1/customers/acct_42%2F..%3F/sources/card_1"
        );
        assert_eq!(
            path("cash_balance", "{id}", Some((Owner::Customer, "{id}"))).unwrap(),
            "/v1/customers/%7Bid%7D/cash_balance"
        );
        assert_eq!(
            path("entitlements.active_entitlement_summary", "a&b", Some((Owner::Customer, "a&b")))
                .unwrap(),
            "/v1/entitlements/active_entitlements?customer=a%26b&limit=100"
        );
        assert_eq!(path("coupon", "20% off", None).unwrap(), "/v1/coupons/20%25%20off");
    }

    #[test]
    fn the_owner_is_read_from_the_url_of_a_thin_event() {
        let owner = |object, url| {
            let (field, id) = mirror(object).owner_in(url)?;
            Some((field, id.into_owned()))
        };
        let found = |field, id: &str| Some((field, id.to_owned()));
        assert_eq!(
            owner("person", "/v1/accounts/acct_1/persons/person_1"),
            found(Owner::Account, "acct_1")
        );
        assert_eq!(
            owner("tax_id", "/v1/customers/user%2042/tax_ids/txi_1"),
            found(Owner::Customer, "user 42")
        );
        assert_eq!(owner("tax_id", "/v1/tax_ids/txi_1"), None);
        assert_eq!(owner("person", "/v1/accounts/acct_1/persons"), None);
        assert_eq!(owner("person", "/v1/accounts/acct_1/persons/person_1/x"), None);
        assert_eq!(owner("coupon", "/v1/coupons/x"), None);
    }

    #[test]
    fn a_discount_belongs_to_its_subscription_before_its_customer() {
        assert_eq!(owners("discount").collect::<Vec<_>>(), [Owner::Subscription, Owner::Customer]);
        assert_eq!(owners("coupon").count(), 0);
    }

    #[test]
    fn the_kinds_whose_ids_people_choose() {
        let all = Mirror::table().filter(|mirror| mirror.has_chosen_ids()).map(Mirror::as_str);
        assert_eq!(
            all.collect::<Vec<_>>(),
            ["cash_balance", "coupon", "entitlements.active_entitlement_summary", "plan"]
        );
    }
}

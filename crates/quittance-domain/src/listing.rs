//! Lists of objects: where the objects of a kind are listed, and what its lists leave out.
//!
//! Each kind declares its lists next to where one object of it is retrieved: [`crate::object_kind`] for a kind
//! with a table, the table of mirrored kinds for all others. Whoever reads a whole account reads them, and prints
//! what they omit. Nothing here knows how a list is requested or what becomes of its entries.

use super::owner::Owner;

/// What Stripe's lists show of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Listing {
    /// The lists that together show all that can be listed. Empty: the kind cannot be listed.
    pub lists: &'static [ObjectList],
    /// What they leave out, or why there are none, as a sentence for reports. Empty: they show every object.
    pub omits: &'static str,
}

impl Listing {
    /// A kind that says neither where it is listed nor why it is not: what a test refuses.
    pub const UNSTATED: Self = Self { lists: &[], omits: "" };

    /// Lists that show every object.
    #[must_use]
    pub const fn of(lists: &'static [ObjectList]) -> Self {
        Self { lists, omits: "" }
    }

    /// Lists that leave some objects out.
    #[must_use]
    pub const fn but(lists: &'static [ObjectList], omits: &'static str) -> Self {
        Self { lists, omits }
    }

    /// A kind without a list, and why.
    #[must_use]
    pub const fn none(why: &'static str) -> Self {
        Self { lists: &[], omits: why }
    }
}

/// One list of Stripe's API (docs.stripe.com, "API reference", "List all ...").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectList {
    /// How the limiter and the metrics name it.
    pub endpoint: &'static str,
    /// Its path, which begins with `/v1/`; the owner's name in braces is left open.
    pub path: &'static str,
    /// The object that it is the list of; none for a list of the whole account.
    pub under: Option<Owner>,
    /// The filters that it is read with, one reading each; an empty one is no filter.
    pub filters: &'static [&'static str],
    /// Whether it can be read for a range of `created`.
    pub by_created: bool,
}

/// Lists that show active objects by default: `active` is given, both ways.
pub const BOTH_ACTIVE: &[&str] = &["active=true", "active=false"];

impl ObjectList {
    /// A list of the whole account that can be read by `created`.
    #[must_use]
    pub const fn of(endpoint: &'static str, path: &'static str) -> Self {
        Self { endpoint, path, under: None, filters: &[""], by_created: true }
    }

    /// The same without a filter by `created`.
    #[must_use]
    pub const fn undated(self) -> Self {
        Self { by_created: false, ..self }
    }

    /// The same, read once with each of these filters.
    #[must_use]
    pub const fn with(self, filters: &'static [&'static str]) -> Self {
        Self { filters, ..self }
    }

    /// A list of what one object has. None of those can be read by `created`.
    #[must_use]
    pub const fn under(owner: Owner, endpoint: &'static str, path: &'static str) -> Self {
        Self { endpoint, path, under: Some(owner), filters: &[""], by_created: false }
    }

    /// Its path, with the owner's id in its place. `None`: it needs an owner of another kind, or one at all.
    #[must_use]
    pub fn path_of(&self, owner: Option<&super::owner::Parent>) -> Option<String> {
        match (self.under, owner) {
            (None, None) => Some(self.path.to_owned()),
            (Some(field), Some(parent)) if field == parent.field => {
                let blank = format!("{{{}}}", field.field());
                Some(self.path.replace(&blank, &parent.id.url_segment()))
            }
            (None | Some(_), _) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::id::ObjectId;
    use crate::mirror::Parent;
    use crate::object::Kind;

    fn lists() -> impl Iterator<Item = (Kind, &'static ObjectList)> {
        Kind::every().flat_map(|kind| kind.listing().lists.iter().map(move |list| (kind, list)))
    }

    #[test]
    fn every_handled_kind_has_a_list_or_says_why_it_has_none() {
        for kind in Kind::every() {
            let Listing { lists, omits } = kind.listing();
            assert!(!lists.is_empty() || !omits.is_empty(), "{}", kind.as_str());
            let is_sentence = omits.is_empty()
                || omits.ends_with('.') && omits.starts_with(|c: char| c.is_ascii_uppercase());
            assert!(is_sentence, "{}: {omits}", kind.as_str());
        }
    }

    #[test]
    fn every_list_is_whole() {
        for (kind, list) in lists() {
            assert!(list.path.starts_with("/v1/"), "{}: {}", kind.as_str(), list.path);
            assert!(!list.filters.is_empty(), "{}", list.path);
            let open = list.under.map(|owner| format!("{{{}}}", owner.field()));
            assert_eq!(list.path.contains('{'), open.is_some(), "{}", list.path);
            assert!(open.is_none_or(|open| list.path.contains(&open)), "{}", list.path);
            assert!(list.under.is_none() || !list.by_created, "{}", list.path);
            let owner = list.under.map(|owner| Kind::parse(owner.object()));
            assert!(owner.is_none_or(|owner| owner.is_some()), "{}: an unknown owner", list.path);
        }
        let endpoints: BTreeSet<_> = lists().map(|(_, list)| (list.endpoint, list.path)).collect();
        let names: BTreeSet<_> = endpoints.iter().map(|(endpoint, _)| endpoint).collect();
        assert_eq!(names.len(), endpoints.len(), "two paths share the name of an endpoint");
    }

    #[test]
    fn the_defaults_that_hide_objects_are_overruled() {
        let filters = |object: &str| {
            let lists = Kind::parse(object).unwrap().listing().lists;
            lists.iter().flat_map(|list| list.filters.iter().copied()).collect::<Vec<_>>()
        };
        assert_eq!(filters("subscription"), ["status=all"]);
        for object in ["price", "product", "plan", "payment_link", "promotion_code", "tax_rate"] {
            assert_eq!(filters(object), BOTH_ACTIVE, "{object}");
        }
        let under = |object: &str| {
            let lists = Kind::parse(object).unwrap().listing().lists;
            lists.iter().map(|list| list.under).collect::<Vec<_>>()
        };
        assert_eq!(under("payment_method"), [Some(Owner::Customer)]);
        assert_eq!(under("tax_id"), [None, Some(Owner::Customer)]);
    }

    #[test]
    fn a_path_has_its_owner_in_it() {
        let parent = |field, id| Parent { field, id: ObjectId::parse(id).unwrap() };
        let list = Kind::PaymentMethod.listing().lists[0];
        let path = list.path_of(Some(&parent(Owner::Customer, "user 42/a")));
        assert_eq!(path.unwrap(), "/v1/customers/user%2042%2Fa/payment_methods");
        assert_eq!(list.path_of(None), None);
        assert_eq!(list.path_of(Some(&parent(Owner::Fee, "fee_1"))), None);
        let charges = Kind::Charge.listing().lists[0];
        assert_eq!(charges.path_of(None).unwrap(), "/v1/charges");
    }

    #[test]
    fn the_lists_are_the_reviewed_ones() {
        let mut table = String::new();
        for kind in Kind::every() {
            let Listing { lists, omits } = kind.listing();
            table += &format!("{}\n", kind.as_str());
            for list in lists {
                let filters = list.filters.join(" and ");
                let range = if list.by_created { " by created" } else { "" };
                table += &format!("    {} {filters}{range}\n", list.path);
            }
            if !omits.is_empty() {
                table += &format!("    {omits}\n");
            }
        }
        insta::assert_snapshot!(table);
    }
}

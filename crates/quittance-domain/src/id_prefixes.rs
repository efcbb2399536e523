//! Prefixes of ids, by the kind of object that they name (docs.stripe.com, "Object IDs").

use super::id::{IdError, ObjectId};
use super::kind::Kind;
use super::mirror::Mirror;

impl Kind {
    /// How ids of this kind begin; empty for a kind whose ids have no fixed beginning.
    #[must_use]
    pub fn prefixes(self) -> &'static [&'static str] {
        let mirrored = || self.mirror().map_or(&[][..], Mirror::prefixes);
        self.spec().map_or_else(mirrored, |spec| spec.id_prefixes)
    }

    /// Whether people may choose the ids of this kind, whatever its prefix. Not those of promotion codes:
    /// what customers type in is another field.
    #[must_use]
    pub fn has_chosen_ids(self) -> bool {
        let mirrored = || self.mirror().is_some_and(Mirror::has_chosen_ids);
        self.spec().map_or_else(mirrored, |spec| spec.has_chosen_ids)
    }

    /// Parses an id of this kind: any text where people may choose it, else one that Stripe can have
    /// made. It may lack the prefix: Stripe has changed some.
    ///
    /// # Errors
    /// The text cannot be such an id.
    pub fn parse_id(self, text: &str) -> Result<ObjectId, IdError> {
        if self.has_chosen_ids() {
            ObjectId::parse(text)
        } else {
            ObjectId::parse_made_by_stripe(text)
        }
    }

    /// The kinds that an object of this id may be of, the likeliest first: those with the longest
    /// prefix that fits; of an id that fits none, those whose ids people choose or have no fixed
    /// beginning. An object that has no id is named by its kind.
    ///
    /// A chosen id can begin like one of Stripe's: [`Self::with_chosen_ids`].
    #[must_use]
    pub fn of_id(id: &str) -> Vec<Self> {
        let fit = |kind: Self| {
            let fitting = kind.prefixes().iter().filter(|prefix| id.starts_with(**prefix));
            fitting.map(|prefix| prefix.len()).max().unwrap_or(0)
        };
        let longest = Self::every().map(fit).max().unwrap_or(0);
        if longest > 0 {
            return Self::every().filter(|kind| fit(*kind) == longest).collect();
        }
        let single = Mirror::parse(id).filter(|mirror| mirror.is_single());
        let named = Self::every().filter(|kind| match kind.mirror() {
            Some(mirror) => mirror.prefix().is_empty() && !mirror.is_single(),
            None => kind.has_chosen_ids(),
        });
        let named = named.filter(|kind| kind.parse_id(id).is_ok());
        single.map(Self::Mirrored).into_iter().chain(named).collect()
    }

    /// The kinds whose ids people may choose: an object of one of them can have any id.
    pub fn with_chosen_ids() -> impl Iterator<Item = Self> {
        Self::every().filter(|kind| kind.has_chosen_ids())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(id: &str) -> Vec<&'static str> {
        Kind::of_id(id).into_iter().map(Kind::as_str).collect()
    }

    #[test]
    fn an_id_says_its_kind_by_its_longest_prefix() {
        assert_eq!(kinds("pi_3PX"), ["payment_intent"]);
        assert_eq!(kinds("py_1"), ["charge"]);
        assert_eq!(kinds("sub_sched_1"), ["subscription_schedule"]);
        assert_eq!(kinds("sub_1"), ["subscription"]);
        assert_eq!(kinds("intok_1"), ["issuing.token"]);
        assert_eq!(kinds("in_1"), ["invoice"]);
        assert_eq!(kinds("txr_1"), ["tax_rate"]);
    }

    #[test]
    fn an_id_that_two_kinds_share_names_both() {
        assert_eq!(kinds("card_1"), ["payment_method", "card"]);
        assert_eq!(kinds("src_1"), ["payment_method", "source"]);
    }

    #[test]
    fn an_id_that_a_person_chose_may_be_of_any_kind_that_lets_them() {
        let found = kinds("gold-plan.v2");
        assert!(found.starts_with(&["customer", "product", "price"]), "{found:?}");
        assert!(found.contains(&"coupon") && found.contains(&"plan"), "{found:?}");
        assert!(!found.contains(&"payment_intent"), "{found:?}");
    }

    #[test]
    fn an_id_that_only_a_person_can_have_chosen_is_of_no_kind_that_stripe_names() {
        assert_eq!(
            kinds("Pro plan $699/month"),
            ["customer", "product", "price", "coupon", "plan"]
        );
    }

    #[test]
    fn an_object_without_an_id_is_named_by_its_kind() {
        assert_eq!(kinds("balance")[0], "balance");
    }

    #[test]
    fn no_two_kinds_with_a_state_machine_share_a_prefix() {
        for kind in Kind::ALL {
            for prefix in kind.prefixes() {
                let typed: Vec<_> =
                    Kind::of_id(prefix).into_iter().filter(|k| k.mirror().is_none()).collect();
                assert_eq!(typed, [*kind], "{prefix}");
            }
        }
    }
}

//! Special event types: deletions, detachments and capabilities.

use super::event_catalogue::CATALOGUE;
pub use super::event_catalogue::Way;

/// The way of a type. One that is not in the catalogue is newer than it, and is about its object
/// like nearly all are.
#[must_use]
pub fn way(event_type: &str) -> Way {
    known(event_type).unwrap_or(match event_type.rsplit('.').next() {
        Some("deleted") => Way::Deleted,
        Some(_) | None => Way::Object,
    })
}

fn known(event_type: &str) -> Option<Way> {
    CATALOGUE.iter().find(|(_, _, types)| types.contains(&event_type)).map(|(_, way, _)| *way)
}

/// The name of a type as the catalogue writes it; none for one that is newer than the catalogue.
#[must_use]
pub fn name(event_type: &str) -> Option<&'static str> {
    let mut types = CATALOGUE.iter().flat_map(|(_, _, types)| *types);
    types.find(|known| **known == event_type).copied()
}

/// Whether an event of this type says that a customer has a payment method no more.
#[must_use]
pub fn is_detachment(event_type: &str) -> bool {
    event_type == "payment_method.detached"
}

/// Whether Stripe sends an event when an object of this kind is deleted. A missing one is then most
/// likely deleted, and the event that says so is on its way.
#[must_use]
pub fn is_deletable(object: &str) -> bool {
    CATALOGUE.iter().any(|(objects, way, _)| *way == Way::Deleted && objects.contains(&object))
}

/// The whole catalogue: event type, the kinds of object that it carries, way.
pub fn all() -> impl Iterator<Item = (&'static str, &'static [&'static str], Way)> {
    CATALOGUE.iter().flat_map(|(objects, way, types)| {
        types.iter().map(|event_type| (*event_type, *objects, *way))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::mirror;
    use super::super::object::Kind;
    use super::*;

    #[test]
    fn each_type_is_there_once() {
        let types: Vec<_> = all().map(|(event_type, _, _)| event_type).collect();
        assert_eq!(types.len(), types.iter().collect::<BTreeSet<_>>().len());
    }

    #[test]
    fn what_can_be_fetched_is_of_a_kind_that_we_know_and_the_rest_says_why_not() {
        for (event_type, objects, way) in all() {
            let fetched = objects.iter().all(|object| Kind::parse(object).is_some());
            match way {
                Way::Object | Way::Deleted => assert!(fetched, "{event_type}: {objects:?}"),
                Way::Owner => {
                    for owner in objects.iter().flat_map(|object| mirror::owners(object)) {
                        assert!(Kind::parse(owner.object()).is_some(), "{event_type}: {owner:?}");
                    }
                    let owned = objects.iter().all(|object| mirror::owners(object).count() > 0);
                    assert!(owned, "{event_type}: {objects:?}");
                }
                Way::Kept(why) => assert!(!why.is_empty(), "{event_type}"),
            }
        }
    }

    #[test]
    fn every_kind_that_we_know_has_an_event() {
        let owners = |object: &'static str| mirror::owners(object).map(|owner| owner.object());
        let told: BTreeSet<_> = all()
            .flat_map(|(_, objects, way)| {
                objects.iter().copied().chain(
                    objects.iter().copied().filter(move |_| way == Way::Owner).flat_map(owners),
                )
            })
            .collect();
        for kind in Kind::every() {
            assert!(told.contains(kind.as_str()), "no event is about a {}", kind.as_str());
        }
    }

    #[test]
    fn a_type_of_tomorrow_is_about_its_object() {
        assert_eq!(way("coupon.repriced"), Way::Object);
        assert_eq!(way("gizmo.deleted"), Way::Deleted);
        assert_eq!(way("v1.billing.meter.error_report_triggered"), Way::Object);
    }

    #[test]
    fn a_cancelled_subscription_is_not_a_deleted_one() {
        assert_eq!(way("customer.subscription.deleted"), Way::Object);
        assert!(!is_deletable("subscription"));
        assert!(is_deletable("coupon") && is_deletable("invoice") && is_deletable("card"));
        assert!(!is_deletable("payment_intent"));
    }
}

//! An object as an event names it: which objects an event asks us to look at.

use super::access;
use super::event::{About, Event};
use super::event_types::{self, Way};
use super::id::{ObjectId, Scope};
pub use super::kind::{Kind, KindMismatch, Observed, Recorded, Row, decide};
use super::mirror;
use super::owner::Parent;

/// One object, wherever it is named.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subject {
    /// Account and mode.
    pub scope: Scope,
    /// Its kind.
    pub kind: Kind,
    /// Its id. Of an object that has none, because there is one of it in an account: its kind's
    /// name; or its owner's id, where there is one for each owner.
    pub id: ObjectId,
    /// What it belongs to, where it is retrieved from below that: the customer of a tax id.
    pub owner: Option<Parent>,
}

/// The objects that an event asks us to look at, the one that it is about first.
///
/// Empty: an event of a kind that we do not handle, or of a type that has nothing to fetch
/// ([`Way::Kept`]), and nothing else: such an event is kept as ignored. A refund also changes what its charge says went back, and Stripe sends no event
/// of the charge when a refund *fails*; so a refund's event looks at both. So does a dispute's: its
/// charge says `disputed` from then on, and no event of the charge tells of that either.
///
/// # Errors
/// The event is of a kind that we handle, and does not say which object it is about.
pub fn subjects(event: &Event) -> Result<Vec<Subject>, Unnamed> {
    if access::is_of_account(event) {
        return Ok(account_of(event).into_iter().collect());
    }
    let way = event_types::way(&event.event_type);
    let Some(about) = &event.about else {
        let handled = event_types::name(&event.event_type).filter(|_| !matches!(way, Way::Kept(_)));
        return handled.map_or(Ok(Vec::new()), |event_type| Err(Unnamed::Kind { event_type }));
    };
    let subject = |kind, id: &ObjectId, owner: Option<&Parent>| Subject {
        scope: event.scope.clone(),
        kind,
        id: id.clone(),
        owner: owner.cloned(),
    };
    let primary = match way {
        Way::Kept(_) => None,
        Way::Owner => owner(about)?.map(|(kind, id)| subject(kind, id, None)),
        // Our own account is no connected one.
        Way::Object | Way::Deleted if &*about.object == Kind::Account.as_str() => None,
        Way::Object | Way::Deleted => itself(about)?
            .map(|(kind, id)| subject(kind, &id, kind.mirror().and(about.owner.as_ref()))),
    };
    let Some(primary) = primary else { return Ok(Vec::new()) };
    let changes_charge = primary.kind.spec().is_some_and(|spec| spec.changes_its_charge);
    let charge = about.charge.as_ref().filter(|_| changes_charge);
    let charge = charge.map(|charge| subject(Kind::Charge, charge, None));
    Ok(std::iter::once(primary).chain(charge).collect())
}

/// Why it is not clear which object an event is about, although it is of a kind that we handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unnamed {
    /// The object does not say its kind.
    #[error(
        "an event of type {event_type} that does not say of which kind its object is (`object`)"
    )]
    Kind {
        /// The type of the event, which is a handled one.
        event_type: &'static str,
    },
    /// The object has no id, and is of a kind whose objects have one.
    #[error("a {kind} without an id (`id` is absent, or no text)")]
    Id {
        /// Its kind.
        kind: &'static str,
    },
    /// The object is retrieved by what it belongs to, and does not name that.
    #[error("a {kind} that does not say what it belongs to{}", fields(.kind))]
    Owner {
        /// Its kind.
        kind: &'static str,
    },
}

/// The fields that would say it.
fn fields(kind: &str) -> String {
    let fields: Vec<_> = mirror::owners(kind).map(|owner| format!("`{}`", owner.field())).collect();
    format!(" ({} is absent, or no text)", fields.join(" or "))
}

/// The connected account that an event is about, whole: no part of it means anything alone.
fn account_of(event: &Event) -> Option<Subject> {
    let scope = event.scope.clone();
    let id = ObjectId::parse(scope.account.as_ref()?.as_str()).ok()?;
    Some(Subject { scope, kind: Kind::Account, id, owner: None })
}

/// The object that an event carries; `None` for a kind that is not handled.
fn itself(about: &About) -> Result<Option<(Kind, ObjectId)>, Unnamed> {
    let Some(kind) = Kind::parse(&about.object) else { return Ok(None) };
    let unnamed = Unnamed::Id { kind: kind.as_str() };
    let Some(mirror) = kind.mirror() else {
        return about.id.clone().map(|id| Some((kind, id))).ok_or(unnamed);
    };
    let parent = about.owner.as_ref();
    let id = if mirror.is_single() {
        let id = parent.map(|parent| parent.id.clone());
        id.or_else(|| ObjectId::parse(mirror.as_str()).ok())
    } else {
        about.id.clone()
    };
    let id = id.ok_or(unnamed)?;
    if mirror.path(&id, parent).is_none() {
        return Err(Unnamed::Owner { kind: kind.as_str() });
    }
    Ok(Some((kind, id)))
}

/// The object that the one that an event carries belongs to; `None` for a kind that is not handled.
fn owner(about: &About) -> Result<Option<(Kind, &ObjectId)>, Unnamed> {
    let Some(kind) = mirror::owned(&about.object) else { return Ok(None) };
    let parent = about.owner.as_ref().ok_or(Unnamed::Owner { kind })?;
    Ok(Kind::parse(parent.field.object()).map(|kind| (kind, &parent.id)))
}

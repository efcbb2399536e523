//! What there is to say about a kind of object that has a table in `app`: the declaration that each
//! file in [`crate::kinds`] makes once, and from which everything else is derived.

use serde::{Deserialize, Serialize};

use super::id::ObjectId;
use super::listing::Listing;
use super::notification::{Notification, Topic};
use super::transition::{self, RecordedState, StateMachine, StatusWord, Transition};

/// A kind of object that has a table in `app`, declared by the struct that is read from Stripe's JSON.
///
/// The struct holds the fields that make columns, facts or decisions, and no others. serde's derive
/// reads it from Stripe's JSON and writes it as columns, each under its name in the table; the fields of
/// a part of it (`evidence_details` of a dispute) are columns beside its own.
pub trait ObjectKind: Serialize + for<'de> Deserialize<'de> {
    /// Its statuses, with their state machine.
    type Status: StateMachine;
    /// What the rules need to know of its row.
    type Recorded: RecordedState<Status = Self::Status>;

    /// The rest, as plain values.
    const SPEC: KindSpec;

    /// Its status as the rules see it.
    fn status(&self) -> StatusWord<Self::Status>;

    /// What the rules will want to know of the row that it makes.
    fn recorded(&self) -> Self::Recorded;

    /// The notification that is told when an object comes into a status. While it stays there, nothing
    /// is told.
    #[must_use]
    fn topic(_entered: Self::Status) -> Option<Topic> {
        None
    }

    /// The state facts that a step makes true.
    fn notifications(&self, recorded: Option<&Self::Recorded>) -> Vec<Notification> {
        let status = self.status();
        let stays = recorded.is_some_and(|row| *row.status() == status);
        let topic = status.known().filter(|_| !stays).and_then(Self::topic);
        topic.map(Notification::state).into_iter().collect()
    }

    /// The columns that follow from the fields rather than being one.
    fn derived(&self) -> impl Serialize {}

    /// The payment whose sums it is a part of.
    fn part_of_payment(&self) -> Option<&ObjectId> {
        None
    }

    /// The status that its JSON shows, made of the texts of its fields; none where Stripe shows none.
    #[must_use]
    fn shown_status(text: &dyn Fn(&str) -> Option<String>) -> Option<String> {
        text("status")
    }

    /// Judges its status against the recorded one.
    fn transition(&self, recorded: Option<&Self::Recorded>) -> Transition {
        transition::judge(recorded.map(RecordedState::status), &self.status())
    }
}

/// The plain values of a kind.
#[derive(Debug)]
pub struct KindSpec {
    /// Stripe's `object`.
    pub object: &'static str,
    /// How the limiter and the metrics name the endpoint that retrieves it.
    pub endpoint: &'static str,
    /// Where its objects are listed, and what the lists omit.
    pub listing: Listing,
    /// What Stripe shows of it only where it is asked for.
    pub expand: &'static [&'static str],
    /// How its ids begin (docs.stripe.com, "Object IDs").
    pub id_prefixes: &'static [&'static str],
    /// Whether people may choose its ids, whatever its prefixes.
    pub has_chosen_ids: bool,
    /// Whether what an event shows of it is all that a fetch of it would bring.
    pub is_whole_in_events: bool,
    /// Whether its events also change the charge that it names, of which no event of the charge tells.
    pub changes_its_charge: bool,
    /// The columns that each of its notifications carries. Where [`ObjectKind::recorded`] has a value of
    /// the same name, that one.
    pub facts: &'static [&'static str],
    /// The fields that show how far an object has come.
    pub signs: Signs,
}

impl KindSpec {
    /// What is true of most kinds. A kind names its object, its endpoint, and where it differs.
    pub const PLAIN: Self = Self {
        object: "",
        endpoint: "",
        listing: Listing::UNSTATED,
        expand: &[],
        id_prefixes: &[],
        has_chosen_ids: false,
        is_whole_in_events: true,
        changes_its_charge: false,
        facts: &[],
        signs: Signs::NONE,
    };
}

/// The fields of a kind that show how far an object has come: what [`crate::lag`] compares.
#[derive(Debug)]
pub struct Signs {
    /// Set once and never taken back.
    pub once: &'static [&'static str],
    /// Numbers that never fall.
    pub rising: &'static [&'static str],
    /// Numbers that fall in rare cases.
    pub mostly_rising: &'static [&'static str],
    /// Permissions whose loss and return are notified.
    pub permissions: &'static [&'static str],
    /// Whatever else a column is made of.
    pub other: &'static [&'static str],
}

impl Signs {
    /// None at all.
    pub const NONE: Self =
        Self { once: &[], rising: &[], mostly_rising: &[], permissions: &[], other: &[] };
}

/// A step by the rules of a kind, for its tests.
#[cfg(test)]
pub(crate) fn step<T>(from: Option<T::Status>, observed: &T) -> (transition::Move, Vec<Topic>)
where
    T: ObjectKind<Recorded = transition::RecordedStatus<<T as ObjectKind>::Status>>,
{
    use super::notification::Sort;

    let recorded = from.map(|status| transition::RecordedStatus { status: status.into() });
    let told = observed.notifications(recorded.as_ref());
    assert!(told.iter().all(|it| it.sort == Sort::State), "{told:?}");
    let kind = observed.transition(recorded.as_ref()).kind;
    (kind, told.into_iter().map(|it| it.topic).collect())
}

//! What the verbs are asked in: their arguments' types in one place, so that who only asks need not
//! know where each comes from.

pub use crate::domain::id::{AccountId, EventId, Mode, ObjectId, url_segment};
pub use crate::domain::object::Kind;
pub use crate::queue::{Lane, Place};
pub use crate::store::Outcome;
pub use crate::store::audit::{AuditFilter, AuditRow};
pub use crate::store::dead_letter::Actor;
pub use crate::store::dead_letter::{
    Act, ActWord, DeadLetterId, Filter, Group, Groups, Letter, LetterState,
};
pub use crate::store::ledger::{EventFilter, LedgerEvent, LedgerStatus};
pub use crate::store::object::{Found, ObjectFilter, ObjectKey};
pub use crate::store::operation::{
    Cancelling, Operation, OperationId, OperationState, OperationVerb, Running, Selection,
    StoredLine,
};
pub use crate::store::outbox::{DeadDelivery, DestinationState};
pub use crate::store::timeline::Attempt;

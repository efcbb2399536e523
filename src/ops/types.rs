//! Types of the arguments and results of the operators' actions, re-exported for their callers.

pub use crate::domain::id::{AccountId, EventId, Mode, ObjectId, url_segment};
pub use crate::domain::object::Kind;
pub use crate::queue::{Lane, Place};
pub use crate::store::Outcome;
pub use crate::store::audit::{AuditFilter, AuditRow};
pub use crate::store::completeness::{AccountCompleteness, Completeness};
pub use crate::store::dead_letter::Actor;
pub use crate::store::dead_letter::{
    Act, ActWord, DeadLetter, DeadLetterId, DeadLetterState, Filter, Group, Groups,
};
pub use crate::store::duty::Duty;
pub use crate::store::event_certificate::EventCertificate;
pub use crate::store::ledger::{EventFilter, LedgerEvent, LedgerStatus};
pub use crate::store::object::{Found, ObjectFilter, ObjectKey};
pub use crate::store::operation::{
    Cancelling, Operation, OperationId, OperationState, OperationVerb, Running, Selection,
    StoredLine,
};
pub use crate::store::outbox::{DeadDelivery, DestinationState};
pub use crate::store::timeline::Attempt;

//! The connections that the operators' actions use.

use super::status::Sources;
use crate::queue::{Inspector, Producer};
use crate::reconcile::Reconciler;
use crate::store::Store;

/// The connections of a long-running server of these actions. A command of the command line opens only those that
/// it needs.
#[derive(Clone)]
pub struct OpsContext {
    /// The tables.
    pub store: Store,
    /// The queue's writing end.
    pub producer: Producer,
    /// The queue, to look at and to pause.
    pub inspector: Inspector,
    /// What the status is made of.
    pub sources: Sources,
    /// Stripe; none where no key is set.
    pub reconciler: Option<Reconciler>,
}

//! What an operator's verbs work with.

use super::status::Sources;
use crate::queue::{Inspector, Producer};
use crate::reconcile::Reconciler;
use crate::store::Store;

/// The ends of a running system that a server of these verbs holds on to. The command line, which
/// makes one verb a process, opens only what that one needs.
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

//! What an operator's verbs work with.

use crate::queue::Producer;
use crate::reconcile::Reconciler;
use crate::store::Store;

/// The ends of a running system that a server of these verbs holds on to. The command line, which
/// makes one verb a process, opens only what that one needs.
#[derive(Clone)]
pub struct Desk {
    /// The tables.
    pub store: Store,
    /// The queue.
    pub producer: Producer,
    /// Stripe; none where no key is set.
    pub reconciler: Option<Reconciler>,
}

//! Open connections of a listener, with a limit for their number.
//!
//! A limit that refuses new connections can be abused: a client that fills it shuts out all others. Here a new
//! connection is accepted, and the one is closed that has been without a *proof* for the longest time. A proof
//! is a request that changed something and was answered 2xx, which on the webhook listener takes a signature
//! of Stripe's. So an attacker's connection is the first to be closed, however busy it is, and the connection
//! of a load balancer that forwards webhooks is renewed with each of them.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use tokio::task::{AbortHandle, Id, JoinSet};

use super::log_throttle::LogThrottle;
use super::metrics::Metrics;

/// Reason for closing a connection that violated no rule of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shed {
    /// The limit of connections was reached.
    Limit,
    /// The limit of connections of its address was reached.
    AddressLimit,
    /// The process had no file descriptor left.
    Descriptors,
    /// Its first request did not arrive in time.
    NoRequest,
}

impl Shed {
    /// All reasons, for the counters.
    pub(super) const ALL: [Self; 4] =
        [Self::Limit, Self::AddressLimit, Self::Descriptors, Self::NoRequest];

    /// The value of `reason` in the metrics and the log.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Limit => "limit",
            Self::AddressLimit => "address_limit",
            Self::Descriptors => "descriptors",
            Self::NoRequest => "no_request",
        }
    }
}

/// Time of a connection's last proof, or of its acceptance, in nanoseconds since the listener started. An atomic,
/// because each successful request writes it.
#[derive(Debug, Clone)]
pub(super) struct Proof {
    at: Arc<AtomicU64>,
    began: Instant,
}

impl Proof {
    fn new(began: Instant) -> Self {
        let proof = Self { at: Arc::default(), began };
        proof.renew();
        proof
    }

    /// Records a proof.
    pub(super) fn renew(&self) {
        let nanos = u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.at.store(nanos, Ordering::Relaxed);
    }
}

/// Unit of the limit per address: an IPv4 address, or the first 64 bits of an IPv6 address, which is the smallest
/// block that a provider assigns to a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network(IpAddr);

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => address.into(),
            IpAddr::V6(address) => Ipv6Addr::from(address.to_bits() >> 64 << 64).into(),
        })
    }
}

#[derive(Debug)]
struct Open {
    task: AbortHandle,
    network: Network,
    proof: Proof,
}

/// Open connections. The accept loop owns them, so there is nothing to lock.
#[derive(Debug)]
pub(super) struct Connections {
    tasks: JoinSet<()>,
    open: HashMap<Id, Open>,
    /// Most connections.
    most: usize,
    /// Most connections of one network; 0 for no such limit.
    most_of_one: usize,
    began: Instant,
    metrics: Metrics,
    log: LogThrottle,
}

impl Connections {
    pub(super) fn new(most: usize, most_of_one: usize, metrics: Metrics) -> Self {
        Self {
            tasks: JoinSet::new(),
            open: HashMap::new(),
            most,
            most_of_one,
            began: Instant::now(),
            metrics,
            log: LogThrottle::default(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Serves a new connection, and closes another one if a limit is reached.
    pub(super) fn open<F>(&mut self, address: IpAddr, serve: impl FnOnce(Proof) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let network = address.into();
        self.make_room(network);
        let proof = Proof::new(self.began);
        let task = self.tasks.spawn(serve(proof.clone()));
        self.open.insert(task.id(), Open { task, network, proof });
        self.metrics.open(self.open.len());
    }

    /// Waits until a connection has ended; returns at once if there is none.
    pub(super) async fn ended(&mut self) {
        let Some(ended) = self.tasks.join_next_with_id().await else { return };
        let id = match ended {
            Ok((id, ())) => id,
            // It was closed here, or it panicked, which the runtime has reported.
            Err(error) => error.id(),
        };
        self.open.remove(&id);
        self.metrics.open(self.open.len());
    }

    /// Aborts the remaining connections; returns how many there were.
    pub(super) async fn cut_off(mut self) -> usize {
        let left = self.tasks.len();
        self.tasks.shutdown().await;
        left
    }

    /// Closes the connection that has been without a proof for the longest time.
    pub(super) fn shed_oldest(&mut self, reason: Shed) {
        let (_, oldest) = self.survey(|_| true);
        self.shed(oldest, reason);
    }

    fn make_room(&mut self, network: Network) {
        if self.most_of_one > 0 {
            let (count, oldest) = self.survey(|place| place.network == network);
            if count >= self.most_of_one {
                self.shed(oldest, Shed::AddressLimit);
            }
        }
        if self.open.len() >= self.most {
            self.shed_oldest(Shed::Limit);
        }
    }

    /// Counts the connections for which `of_the_kind` is true, and finds the one of them that has been without a
    /// proof for the longest time. A linear scan: some microseconds, and only when a limit is reached.
    fn survey(&self, of_the_kind: impl Fn(&Open) -> bool) -> (usize, Option<Id>) {
        let mut count = 0;
        let mut oldest: Option<(u64, Id)> = None;
        for (id, place) in self.open.iter().filter(|(_, place)| of_the_kind(place)) {
            count += 1;
            let at = place.proof.at.load(Ordering::Relaxed);
            if oldest.is_none_or(|(older, _)| at < older) {
                oldest = Some((at, *id));
            }
        }
        (count, oldest.map(|(_, id)| id))
    }

    fn shed(&mut self, id: Option<Id>, reason: Shed) {
        let open = self.open.len();
        let Some(place) = id.and_then(|id| self.open.remove(&id)) else { return };
        place.task.abort();
        self.metrics.shed(reason);
        let reason = reason.as_str();
        if let Some(suppressed) = self.log.admit(reason) {
            tracing::warn!(
                reason,
                open,
                suppressed,
                "connections are closed to make room for new ones"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    fn full(most: usize, most_of_one: usize, addresses: &[&str]) -> (Connections, Vec<Proof>) {
        let mut connections = Connections::new(most, most_of_one, Metrics::default());
        let proofs = addresses.iter().map(|address| open(&mut connections, address)).collect();
        (connections, proofs)
    }

    fn open(connections: &mut Connections, address: &str) -> Proof {
        let mut given = None;
        connections.open(address.parse().unwrap(), |proof| {
            given = Some(proof);
            pending()
        });
        given.unwrap()
    }

    fn is_open(connections: &Connections, proof: &Proof) -> bool {
        connections.open.values().any(|place| Arc::ptr_eq(&place.proof.at, &proof.at))
    }

    #[tokio::test]
    async fn the_connection_without_a_proof_for_the_longest_time_is_closed() {
        let (mut connections, proofs) = full(3, 0, &["10.0.0.1", "10.0.0.1", "10.0.0.2"]);
        proofs[0].renew();
        open(&mut connections, "10.0.0.3");
        let left: Vec<_> = proofs.iter().map(|proof| is_open(&connections, proof)).collect();
        assert_eq!(left, [true, false, true]);
        assert_eq!(connections.open.len(), 3);
    }

    #[tokio::test]
    async fn an_address_at_its_limit_loses_a_connection_of_its_own() {
        let addresses = ["10.0.0.1", "2001:db8::1", "2001:db8::2:0:0:1", "::ffff:10.0.0.1"];
        let (mut connections, proofs) = full(9, 2, &addresses);
        open(&mut connections, "2001:db8::3:0:0:1");
        open(&mut connections, "10.0.0.1");
        open(&mut connections, "2001:db8:0:1::1");
        let left: Vec<_> = proofs.iter().map(|proof| is_open(&connections, proof)).collect();
        assert_eq!(left, [false, false, true, true]);
    }

    #[tokio::test]
    async fn a_connection_that_ended_does_not_count() {
        let mut connections = Connections::new(2, 0, Metrics::default());
        connections.open([10, 0, 0, 1].into(), |_| async {});
        connections.ended().await;
        assert!(connections.is_empty() && connections.open.is_empty());
        open(&mut connections, "10.0.0.1");
        connections.shed_oldest(Shed::Descriptors);
        connections.ended().await;
        assert!(connections.is_empty());
        connections.ended().await;
    }
}

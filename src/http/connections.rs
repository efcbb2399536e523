//! The open connections of a listener, and which of them makes room for a new one.
//!
//! A limit that refuses newcomers is a weapon: whoever fills it first keeps everybody else out.
//! Here the newcomer gets in, and the connection goes that has been without a *proof* for the
//! longest time. A proof is a request that changed something and was answered 2xx, which on the
//! webhook listener takes a signature of Stripe's. So a stranger's connection grows old, however
//! busy it is, and that of a load balancer that brings webhooks stays young.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use tokio::task::{AbortHandle, Id, JoinSet};

use super::log_throttle::LogThrottle;
use super::metrics::Metrics;

/// Why a connection was closed that had done nothing wrong by the rules of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shed {
    /// There were as many as there may be.
    Limit,
    /// There were as many of its address as there may be.
    AddressLimit,
    /// The process had no file descriptor left.
    Descriptors,
    /// Its first request did not come in time.
    NoRequest,
}

impl Shed {
    /// All of them, for the counters.
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

/// When a connection last proved that it is of use: the nanoseconds since the listener began; at
/// first, when it was accepted. An atomic, for it is written within each good request.
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

    /// Notes that the connection is of use now.
    pub(super) fn renew(&self) {
        let nanos = u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.at.store(nanos, Ordering::Relaxed);
    }
}

/// Whose connections count together: an IPv4 address, or the first 64 bits of an IPv6 address, which
/// is the least that a provider gives to one customer.
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
struct Place {
    task: AbortHandle,
    network: Network,
    proof: Proof,
}

/// The open connections. Owned by the loop that accepts them, so there is nothing to lock.
#[derive(Debug)]
pub(super) struct Connections {
    tasks: JoinSet<()>,
    places: HashMap<Id, Place>,
    /// At most so many.
    most: usize,
    /// At most so many of one network; 0 for no such limit.
    most_of_one: usize,
    began: Instant,
    metrics: Metrics,
    log: LogThrottle,
}

impl Connections {
    pub(super) fn new(most: usize, most_of_one: usize, metrics: Metrics) -> Self {
        Self {
            tasks: JoinSet::new(),
            places: HashMap::new(),
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

    /// Opens one, and closes another where there is no room.
    pub(super) fn open<F>(&mut self, address: IpAddr, serve: impl FnOnce(Proof) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let network = address.into();
        self.make_room(network);
        let proof = Proof::new(self.began);
        let task = self.tasks.spawn(serve(proof.clone()));
        self.places.insert(task.id(), Place { task, network, proof });
        self.metrics.open(self.places.len());
    }

    /// Waits until one has ended; at once where there is none.
    pub(super) async fn ended(&mut self) {
        let Some(ended) = self.tasks.join_next_with_id().await else { return };
        let id = match ended {
            Ok((id, ())) => id,
            // It was shed, or it panicked, which the runtime has reported.
            Err(error) => error.id(),
        };
        self.places.remove(&id);
        self.metrics.open(self.places.len());
    }

    /// Cuts off those that are left; how many there were.
    pub(super) async fn cut_off(mut self) -> usize {
        let left = self.tasks.len();
        self.tasks.shutdown().await;
        left
    }

    /// Closes the one that has been without a proof for the longest time.
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
        if self.places.len() >= self.most {
            self.shed_oldest(Shed::Limit);
        }
    }

    /// How many places are of a kind, and which of them has been without a proof for the longest
    /// time. A walk through all of them: some microseconds, and only where there is no room.
    fn survey(&self, of_the_kind: impl Fn(&Place) -> bool) -> (usize, Option<Id>) {
        let mut count = 0;
        let mut oldest: Option<(u64, Id)> = None;
        for (id, place) in self.places.iter().filter(|(_, place)| of_the_kind(place)) {
            count += 1;
            let at = place.proof.at.load(Ordering::Relaxed);
            if oldest.is_none_or(|(older, _)| at < older) {
                oldest = Some((at, *id));
            }
        }
        (count, oldest.map(|(_, id)| id))
    }

    fn shed(&mut self, id: Option<Id>, reason: Shed) {
        let open = self.places.len();
        let Some(place) = id.and_then(|id| self.places.remove(&id)) else { return };
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
        connections.places.values().any(|place| Arc::ptr_eq(&place.proof.at, &proof.at))
    }

    #[tokio::test]
    async fn the_one_without_a_proof_for_the_longest_time_makes_room() {
        let (mut connections, proofs) = full(3, 0, &["10.0.0.1", "10.0.0.1", "10.0.0.2"]);
        proofs[0].renew();
        open(&mut connections, "10.0.0.3");
        let left: Vec<_> = proofs.iter().map(|proof| is_open(&connections, proof)).collect();
        assert_eq!(left, [true, false, true]);
        assert_eq!(connections.places.len(), 3);
    }

    #[tokio::test]
    async fn an_address_at_its_limit_makes_room_for_itself_alone() {
        let addresses = ["10.0.0.1", "2001:db8::1", "2001:db8::2:0:0:1", "::ffff:10.0.0.1"];
        let (mut connections, proofs) = full(9, 2, &addresses);
        open(&mut connections, "2001:db8::3:0:0:1");
        open(&mut connections, "10.0.0.1");
        open(&mut connections, "2001:db8:0:1::1");
        let left: Vec<_> = proofs.iter().map(|proof| is_open(&connections, proof)).collect();
        assert_eq!(left, [false, false, true, true]);
    }

    #[tokio::test]
    async fn one_that_ended_leaves_its_place() {
        let mut connections = Connections::new(2, 0, Metrics::default());
        connections.open([10, 0, 0, 1].into(), |_| async {});
        connections.ended().await;
        assert!(connections.is_empty() && connections.places.is_empty());
        open(&mut connections, "10.0.0.1");
        connections.shed_oldest(Shed::Descriptors);
        connections.ended().await;
        assert!(connections.is_empty());
        connections.ended().await;
    }
}

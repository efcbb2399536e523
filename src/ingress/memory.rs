//! Memory for request bodies: a limit for all of them together, and eviction when it is full.
//!
//! The limit is on bytes, not on requests: a webhook of 2 KiB is received beside a thousand bodies that never
//! end. When the memory is full, the body that has been arriving for the longest time is evicted. A genuine
//! webhook arrives within milliseconds; one that takes long is from a slow client or an attacker.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::Notify;

/// Bytes that are reserved at first for a body in several pieces.
const FIRST: usize = 16 * 1024;

/// Counts the bytes that bodies use, and owns the bodies that are arriving.
///
/// It owns them, rather than their requests, so that evicting one frees its memory at once: the count is always
/// what is allocated.
#[derive(Debug)]
pub(super) struct BodyMemory {
    limit: usize,
    used: Mutex<Used>,
    gauge: Gauge,
}

#[derive(Debug, Default)]
struct Used {
    bytes: usize,
    next: u64,
    /// By the order in which they started.
    arriving: BTreeMap<u64, Part>,
}

#[derive(Debug)]
struct Part {
    bytes: BytesMut,
    evicted: Arc<Notify>,
}

/// Complete bodies use all the memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Full;

/// The body was evicted for another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Evicted;

impl BodyMemory {
    /// Creates a memory of `limit` bytes. `gauge` shows how many are used.
    pub(super) fn new(limit: usize, gauge: Gauge) -> Self {
        Self { limit, used: Mutex::default(), gauge }
    }

    /// Reserves memory for a body that arrived in one piece, until the reservation is dropped.
    pub(super) fn reserve(&self, bytes: usize) -> Result<Reservation<'_>, Full> {
        let mut used = self.lock();
        while used.bytes + bytes > self.limit {
            if !used.evict_oldest() {
                self.show(&used);
                return Err(Full);
            }
        }
        used.bytes += bytes;
        self.show(&used);
        Ok(Reservation { memory: self, bytes })
    }

    /// Starts a body that arrives in several pieces.
    pub(super) fn begin(&self) -> Arriving<'_> {
        let evicted = Arc::new(Notify::new());
        let mut used = self.lock();
        let number = used.next;
        used.next += 1;
        let part = Part { bytes: BytesMut::new(), evicted: evicted.clone() };
        used.arriving.insert(number, part);
        Arriving { memory: self, number, evicted }
    }

    fn release(&self, bytes: usize) {
        let mut used = self.lock();
        used.bytes -= bytes;
        self.show(&used);
    }

    fn show(&self, used: &Used) {
        self.gauge.set(i64::try_from(used.bytes).unwrap_or(i64::MAX));
    }

    fn lock(&self) -> MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Used {
    /// Frees the memory of the arriving body that started first; returns false if none is arriving.
    fn evict_oldest(&mut self) -> bool {
        let Some((_, part)) = self.arriving.pop_first() else { return false };
        self.bytes -= part.bytes.capacity();
        part.evicted.notify_one();
        true
    }
}

/// Memory of a complete body, released when this is dropped.
#[derive(Debug)]
pub(super) struct Reservation<'a> {
    memory: &'a BodyMemory,
    bytes: usize,
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        self.memory.release(self.bytes);
    }
}

/// A body on its way. What has come of it is gone when this is dropped.
#[derive(Debug)]
pub(super) struct Arriving<'a> {
    memory: &'a BodyMemory,
    number: u64,
    evicted: Arc<Notify>,
}

impl<'a> Arriving<'a> {
    /// Appends a piece. `most` is what the whole body can come to, in bytes: no more is reserved
    /// ahead.
    ///
    /// # Errors
    /// It had to make room, for this very piece or before.
    pub(super) fn push(&self, piece: &[u8], most: usize) -> Result<(), Evicted> {
        let mut used = self.memory.lock();
        let part = used.arriving.get(&self.number).ok_or(Evicted)?;
        let (old, needed) = (part.bytes.capacity(), part.bytes.len() + piece.len());
        if needed > old {
            let new = needed.max(FIRST.max(old * 2).min(most));
            // The old buffer is there until the new one has its content.
            while used.bytes + new > self.memory.limit {
                used.evict_oldest();
                if !used.arriving.contains_key(&self.number) {
                    self.memory.show(&used);
                    return Err(Evicted);
                }
            }
            let part = used.arriving.get_mut(&self.number).ok_or(Evicted)?;
            let mut grown = BytesMut::with_capacity(new);
            grown.extend_from_slice(&part.bytes);
            let capacity = grown.capacity();
            part.bytes = grown;
            used.bytes = used.bytes + capacity - old;
            self.memory.show(&used);
        }
        let part = used.arriving.get_mut(&self.number).ok_or(Evicted)?;
        part.bytes.extend_from_slice(piece);
        Ok(())
    }

    /// Bytes that have arrived.
    pub(super) fn len(&self) -> usize {
        self.memory.lock().arriving.get(&self.number).map_or(0, |part| part.bytes.len())
    }

    /// Waits until the body is evicted.
    pub(super) async fn evicted(&self) {
        self.evicted.notified().await;
    }

    /// Returns the whole body and its reservation.
    ///
    /// # Errors
    /// The body was evicted before.
    pub(super) fn finish(self) -> Result<(Bytes, Reservation<'a>), Evicted> {
        let part = self.memory.lock().arriving.remove(&self.number).ok_or(Evicted)?;
        let reservation = Reservation { memory: self.memory, bytes: part.bytes.capacity() };
        Ok((part.bytes.freeze(), reservation))
    }
}

impl Drop for Arriving<'_> {
    fn drop(&mut self) {
        let mut used = self.memory.lock();
        if let Some(part) = used.arriving.remove(&self.number) {
            used.bytes -= part.bytes.capacity();
            self.memory.show(&used);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn memory(limit: usize) -> BodyMemory {
        BodyMemory::new(limit, Gauge::default())
    }

    fn used(memory: &BodyMemory) -> usize {
        let used = memory.lock().bytes;
        assert_eq!(memory.gauge.get(), i64::try_from(used).unwrap());
        used
    }

    #[test]
    fn a_complete_body_uses_its_bytes_until_it_is_dropped() {
        let memory = memory(100);
        let one = memory.reserve(60).unwrap();
        assert_eq!(memory.reserve(41).unwrap_err(), Full);
        let other = memory.reserve(40).unwrap();
        assert_eq!(used(&memory), 100);
        drop((one, other));
        assert_eq!(used(&memory), 0);
    }

    #[tokio::test]
    async fn the_body_that_started_first_is_evicted() {
        let memory = memory(2000);
        let (first, second) = (memory.begin(), memory.begin());
        second.push(&[2; 900], 900).unwrap();
        first.push(&[1; 900], 900).unwrap();
        let whole = memory.reserve(300).unwrap();
        first.evicted().await;
        assert_eq!(used(&memory), 1200);
        assert_eq!(first.push(b"x", 900), Err(Evicted));
        assert_eq!(first.finish().unwrap_err(), Evicted);
        let (body, reserved) = second.finish().unwrap();
        assert_eq!((&body[..], used(&memory)), (&[2; 900][..], 1200));
        assert_eq!(memory.reserve(801).unwrap_err(), Full);
        drop((whole, reserved));
        assert_eq!(used(&memory), 0);
    }

    #[test]
    fn a_body_that_does_not_fit_is_evicted_before_those_that_started_later() {
        let memory = memory(2000);
        let (first, second) = (memory.begin(), memory.begin());
        second.push(&[2; 1500], 1500).unwrap();
        assert_eq!(first.push(&[1; 600], 600), Err(Evicted));
        assert_eq!(second.len(), 1500);
        assert_eq!(used(&memory), 1500);
    }

    #[test]
    fn no_more_is_reserved_than_the_body_can_need() {
        let memory = memory(1 << 20);
        let small = memory.begin();
        small.push(b"abc", 5).unwrap();
        assert_eq!(used(&memory), 5);
        small.push(b"de", 5).unwrap();
        let large = memory.begin();
        large.push(b"a", 1 << 20).unwrap();
        assert_eq!(used(&memory), 5 + FIRST);
        let (body, _held) = small.finish().unwrap();
        assert_eq!(body, "abcde");
        drop(large);
        assert_eq!(used(&memory), 5);
    }

    proptest! {
        #[test]
        fn the_count_is_what_is_allocated_and_never_over_the_limit(
            steps in proptest::collection::vec((0usize..6, 0usize..4, 0usize..40_000), 1..200),
        ) {
            const LIMIT: usize = 100_000;
            let memory = memory(LIMIT);
            let mut arriving: Vec<Arriving<'_>> = Vec::new();
            let mut reserved = Vec::new();
            for (step, which, size) in steps {
                match step {
                    0 => arriving.push(memory.begin()),
                    1 if !arriving.is_empty() => drop(arriving.remove(which % arriving.len())),
                    2 if !arriving.is_empty() => {
                        let done = arriving.remove(which % arriving.len());
                        reserved.extend(done.finish().map(|(_, reserved)| reserved));
                    }
                    3 => reserved.extend(memory.reserve(size)),
                    4 if !reserved.is_empty() => drop(reserved.remove(which % reserved.len())),
                    _ => if let Some(body) = arriving.get(which) {
                        let _ = body.push(&vec![0; size], 90_000);
                    }
                }
                let parts: usize =
                    memory.lock().arriving.values().map(|part| part.bytes.capacity()).sum();
                let whole: usize = reserved.iter().map(|reserved| reserved.bytes).sum();
                prop_assert_eq!(used(&memory), parts + whole);
                prop_assert!(parts + whole <= LIMIT);
            }
            drop((arriving, reserved));
            prop_assert_eq!(used(&memory), 0);
        }
    }
}

//! The memory that bodies may take in all, and whose body goes when it is full.
//!
//! It is bytes that are bounded, not requests: a webhook of 2 KiB passes beside a thousand bodies
//! that do not come to an end. And a full memory refuses nobody who could be served: the body that
//! has been on its way for the longest time makes room. A genuine webhook arrives within
//! milliseconds; what has been on its way for long is a slow client's, or a stranger's.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::Notify;

/// What is reserved for a body that does not come in one piece, at first, in bytes.
const FIRST: usize = 16 * 1024;

/// Counts the bytes that bodies take, and keeps those bodies that are on their way.
///
/// They are kept here, not by their requests, so that an evicted body is gone at once: the count is
/// what is really allocated, at every time.
#[derive(Debug)]
pub(super) struct BodyMemory {
    limit: usize,
    taken: Mutex<Taken>,
    shown: Gauge,
}

#[derive(Debug, Default)]
struct Taken {
    bytes: usize,
    next: u64,
    /// By the order in which they began.
    arriving: BTreeMap<u64, Part>,
}

#[derive(Debug)]
struct Part {
    bytes: BytesMut,
    evicted: Arc<Notify>,
}

/// There is no room: complete bodies take all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Full;

/// The body had to make room for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Evicted;

impl BodyMemory {
    /// `shown` is kept at what is taken.
    pub(super) fn new(limit: usize, shown: Gauge) -> Self {
        Self { limit, taken: Mutex::default(), shown }
    }

    /// Room for a body that came in one piece, until the value is dropped.
    pub(super) fn hold(&self, bytes: usize) -> Result<Held<'_>, Full> {
        let mut taken = self.lock();
        while taken.bytes + bytes > self.limit {
            if !taken.evict_oldest() {
                self.show(&taken);
                return Err(Full);
            }
        }
        taken.bytes += bytes;
        self.show(&taken);
        Ok(Held { memory: self, bytes })
    }

    /// A body that comes in several pieces.
    pub(super) fn begin(&self) -> Arriving<'_> {
        let evicted = Arc::new(Notify::new());
        let mut taken = self.lock();
        let number = taken.next;
        taken.next += 1;
        let part = Part { bytes: BytesMut::new(), evicted: evicted.clone() };
        taken.arriving.insert(number, part);
        Arriving { memory: self, number, evicted }
    }

    fn release(&self, bytes: usize) {
        let mut taken = self.lock();
        taken.bytes -= bytes;
        self.show(&taken);
    }

    fn show(&self, taken: &Taken) {
        self.shown.set(i64::try_from(taken.bytes).unwrap_or(i64::MAX));
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    /// Frees the memory of the body that began first; false where none is on its way.
    fn evict_oldest(&mut self) -> bool {
        let Some((_, part)) = self.arriving.pop_first() else { return false };
        self.bytes -= part.bytes.capacity();
        part.evicted.notify_one();
        true
    }
}

/// The room of a complete body, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Held<'a> {
    memory: &'a BodyMemory,
    bytes: usize,
}

impl Drop for Held<'_> {
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
        let mut taken = self.memory.lock();
        let part = taken.arriving.get(&self.number).ok_or(Evicted)?;
        let (old, needed) = (part.bytes.capacity(), part.bytes.len() + piece.len());
        if needed > old {
            let new = needed.max(FIRST.max(old * 2).min(most));
            // The old buffer is there until the new one has its content.
            while taken.bytes + new > self.memory.limit {
                taken.evict_oldest();
                if !taken.arriving.contains_key(&self.number) {
                    self.memory.show(&taken);
                    return Err(Evicted);
                }
            }
            let part = taken.arriving.get_mut(&self.number).ok_or(Evicted)?;
            let mut grown = BytesMut::with_capacity(new);
            grown.extend_from_slice(&part.bytes);
            let capacity = grown.capacity();
            part.bytes = grown;
            taken.bytes = taken.bytes + capacity - old;
            self.memory.show(&taken);
        }
        let part = taken.arriving.get_mut(&self.number).ok_or(Evicted)?;
        part.bytes.extend_from_slice(piece);
        Ok(())
    }

    /// How much has come.
    pub(super) fn len(&self) -> usize {
        self.memory.lock().arriving.get(&self.number).map_or(0, |part| part.bytes.len())
    }

    /// Waits until it has to make room.
    pub(super) async fn evicted(&self) {
        self.evicted.notified().await;
    }

    /// The whole body, and its room.
    ///
    /// # Errors
    /// It had to make room before.
    pub(super) fn finish(self) -> Result<(Bytes, Held<'a>), Evicted> {
        let part = self.memory.lock().arriving.remove(&self.number).ok_or(Evicted)?;
        let held = Held { memory: self.memory, bytes: part.bytes.capacity() };
        Ok((part.bytes.freeze(), held))
    }
}

impl Drop for Arriving<'_> {
    fn drop(&mut self) {
        let mut taken = self.memory.lock();
        if let Some(part) = taken.arriving.remove(&self.number) {
            taken.bytes -= part.bytes.capacity();
            self.memory.show(&taken);
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

    fn taken(memory: &BodyMemory) -> usize {
        let taken = memory.lock().bytes;
        assert_eq!(memory.shown.get(), i64::try_from(taken).unwrap());
        taken
    }

    #[test]
    fn a_whole_body_takes_its_bytes_until_it_is_done_with() {
        let memory = memory(100);
        let one = memory.hold(60).unwrap();
        assert_eq!(memory.hold(41).unwrap_err(), Full);
        let other = memory.hold(40).unwrap();
        assert_eq!(taken(&memory), 100);
        drop((one, other));
        assert_eq!(taken(&memory), 0);
    }

    #[tokio::test]
    async fn the_body_that_began_first_makes_room() {
        let memory = memory(2000);
        let (first, second) = (memory.begin(), memory.begin());
        second.push(&[2; 900], 900).unwrap();
        first.push(&[1; 900], 900).unwrap();
        let whole = memory.hold(300).unwrap();
        first.evicted().await;
        assert_eq!(taken(&memory), 1200);
        assert_eq!(first.push(b"x", 900), Err(Evicted));
        assert_eq!(first.finish().unwrap_err(), Evicted);
        let (body, held) = second.finish().unwrap();
        assert_eq!((&body[..], taken(&memory)), (&[2; 900][..], 1200));
        assert_eq!(memory.hold(801).unwrap_err(), Full);
        drop((whole, held));
        assert_eq!(taken(&memory), 0);
    }

    #[test]
    fn one_for_whom_there_is_no_room_goes_without_those_that_began_later() {
        let memory = memory(2000);
        let (first, second) = (memory.begin(), memory.begin());
        second.push(&[2; 1500], 1500).unwrap();
        assert_eq!(first.push(&[1; 600], 600), Err(Evicted));
        assert_eq!(second.len(), 1500);
        assert_eq!(taken(&memory), 1500);
    }

    #[test]
    fn no_more_is_reserved_than_the_body_can_come_to() {
        let memory = memory(1 << 20);
        let small = memory.begin();
        small.push(b"abc", 5).unwrap();
        assert_eq!(taken(&memory), 5);
        small.push(b"de", 5).unwrap();
        let large = memory.begin();
        large.push(b"a", 1 << 20).unwrap();
        assert_eq!(taken(&memory), 5 + FIRST);
        let (body, _held) = small.finish().unwrap();
        assert_eq!(body, "abcde");
        drop(large);
        assert_eq!(taken(&memory), 5);
    }

    proptest! {
        #[test]
        fn what_is_taken_is_what_is_there_and_never_more_than_the_limit(
            steps in proptest::collection::vec((0usize..6, 0usize..4, 0usize..40_000), 1..200),
        ) {
            const LIMIT: usize = 100_000;
            let memory = memory(LIMIT);
            let mut arriving: Vec<Arriving<'_>> = Vec::new();
            let mut held = Vec::new();
            for (step, which, size) in steps {
                match step {
                    0 => arriving.push(memory.begin()),
                    1 if !arriving.is_empty() => drop(arriving.remove(which % arriving.len())),
                    2 if !arriving.is_empty() => {
                        let done = arriving.remove(which % arriving.len());
                        held.extend(done.finish().map(|(_, held)| held));
                    }
                    3 => held.extend(memory.hold(size)),
                    4 if !held.is_empty() => drop(held.remove(which % held.len())),
                    _ => if let Some(body) = arriving.get(which) {
                        let _ = body.push(&vec![0; size], 90_000);
                    }
                }
                let parts: usize =
                    memory.lock().arriving.values().map(|part| part.bytes.capacity()).sum();
                let whole: usize = held.iter().map(|held| held.bytes).sum();
                prop_assert_eq!(taken(&memory), parts + whole);
                prop_assert!(parts + whole <= LIMIT);
            }
            drop((arriving, held));
            prop_assert_eq!(taken(&memory), 0);
        }
    }
}

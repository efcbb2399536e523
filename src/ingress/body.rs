//! Reading of request bodies within limits of size, time and memory.

use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use tokio::pin;
use tokio::time::{Instant, sleep_until, timeout};

use super::memory::{BodyMemory, Evicted, Full, Reservation};

/// Time for which a body that is too large is still read, and discarded.
const LINGER: Duration = Duration::from_secs(1);

/// Limits of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BodyLimits {
    /// Most bytes.
    pub(super) bytes: usize,
    /// Longest time for the whole body.
    pub(super) timeout: Duration,
    /// Longest time without progress.
    pub(super) stall: Duration,
}

/// Failure to read a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyError {
    /// It is over the limit.
    TooLarge,
    /// It did not arrive in time, or made no progress.
    Slow,
    /// The client aborted it, or its framing is invalid.
    Broken,
    /// It was evicted from the memory for another body while it was arriving.
    Evicted,
    /// Complete bodies use all the memory.
    Full,
}

impl From<Evicted> for BodyError {
    fn from(_: Evicted) -> Self {
        Self::Evicted
    }
}

impl From<Full> for BodyError {
    fn from(_: Full) -> Self {
        Self::Full
    }
}

/// Reads a body within its limits, byte for byte. Dropping the second value releases its memory.
///
/// A body over the limit is read and discarded for up to a second and up to twice the limit: a client that
/// still sends when the connection is closed gets a reset instead of the 413.
pub(super) async fn read(
    mut body: Body,
    limits: BodyLimits,
    memory: &BodyMemory,
) -> Result<(Bytes, Reservation<'_>), BodyError> {
    let announced = body.size_hint();
    let least = usize::try_from(announced.lower()).unwrap_or(usize::MAX);
    if least > limits.bytes.saturating_mul(2) {
        return Err(BodyError::TooLarge);
    }
    // The largest size that it can have: its Content-Length, or else the limit.
    let most = if announced.exact().is_some() { least } else { limits.bytes };
    let whole = read_within(&mut body, most, limits, memory).await;
    if matches!(whole, Err(BodyError::TooLarge)) {
        // However this ends, the body is too large.
        let _ = timeout(LINGER.min(limits.timeout), discard(&mut body, limits.bytes)).await;
    }
    whole
}

async fn read_within<'a>(
    body: &mut Body,
    most: usize,
    limits: BodyLimits,
    memory: &'a BodyMemory,
) -> Result<(Bytes, Reservation<'a>), BodyError> {
    if most > limits.bytes {
        return Err(BodyError::TooLarge);
    }
    let begun = Instant::now();
    let end = begun + limits.timeout;
    let deadline = sleep_until(end.min(begun + limits.stall));
    pin!(deadline);
    let first = tokio::select! {
        biased;
        first = next(body) => first?.unwrap_or_default(),
        () = &mut deadline => return Err(BodyError::Slow),
    };
    if first.len() > limits.bytes {
        return Err(BodyError::TooLarge);
    }
    // Most events arrive in one piece, which is not copied.
    if body.is_end_stream() {
        let reservation = memory.reserve(first.len())?;
        return Ok((first, reservation));
    }
    let arriving = memory.begin();
    arriving.push(&first, most)?;
    // It is a view of the connection's buffer, which cannot be reused before this is dropped.
    drop(first);
    loop {
        deadline.as_mut().reset(end.min(Instant::now() + limits.stall));
        let more = tokio::select! {
            biased;
            more = next(body) => more?,
            () = &mut deadline => return Err(BodyError::Slow),
            () = arriving.evicted() => return Err(BodyError::Evicted),
        };
        let Some(more) = more else { break };
        if arriving.len() + more.len() > limits.bytes {
            return Err(BodyError::TooLarge);
        }
        arriving.push(&more, most)?;
    }
    Ok(arriving.finish()?)
}

async fn discard(body: &mut Body, mut left: usize) -> Result<(), BodyError> {
    while let Some(more) = next(body).await? {
        match left.checked_sub(more.len()) {
            Some(less) => left = less,
            None => break,
        }
    }
    Ok(())
}

/// Returns the next piece of data. Skips trailers.
async fn next(body: &mut Body) -> Result<Option<Bytes>, BodyError> {
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(|_| BodyError::Broken)?.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use futures_util::{StreamExt as _, stream};
    use prometheus_client::metrics::gauge::Gauge;

    use super::*;

    const LIMITS: BodyLimits =
        BodyLimits { bytes: 6, timeout: Duration::from_secs(10), stall: Duration::from_secs(2) };

    fn memory() -> BodyMemory {
        BodyMemory::new(12, Gauge::default())
    }

    async fn bytes(body: Body) -> Result<Bytes, BodyError> {
        read(body, LIMITS, &memory()).await.map(|(bytes, _)| bytes)
    }

    fn pieces(pieces: &[&'static str]) -> Body {
        let pieces: Vec<Result<_, std::io::Error>> =
            pieces.iter().map(|piece| Ok(Bytes::from_static(piece.as_bytes()))).collect();
        Body::from_stream(stream::iter(pieces))
    }

    /// A body that stops after its first piece.
    fn stalled(begun: &'static str) -> Body {
        let begun = stream::iter([Ok::<_, std::io::Error>(Bytes::from(begun))]);
        Body::from_stream(begun.chain(stream::pending()))
    }

    #[tokio::test]
    async fn a_body_is_read_as_sent_however_it_is_cut() {
        for body in [pieces(&["abcdef"]), pieces(&["ab", "", "cde", "f"]), Body::from("abcdef")] {
            assert_eq!(bytes(body).await.unwrap(), "abcdef");
        }
        assert_eq!(bytes(Body::empty()).await.unwrap(), "");
    }

    #[tokio::test]
    async fn a_body_over_the_limit_is_refused_however_it_is_cut() {
        for body in [
            pieces(&["abcdefg"]),
            pieces(&["abcdef", "g"]),
            pieces(&["abc", "defg", "hij", "klm", "nop"]),
            Body::from("abcdefg"),
            Body::from("abcdefghijklmnopq"),
        ] {
            assert_eq!(bytes(body).await, Err(BodyError::TooLarge));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_without_progress_is_slow_unless_it_is_too_large_already() {
        for (begun, error, after) in [
            ("abc", BodyError::Slow, LIMITS.stall),
            ("", BodyError::Slow, LIMITS.stall),
            ("abcdefg", BodyError::TooLarge, LINGER),
        ] {
            let start = Instant::now();
            assert_eq!(bytes(stalled(begun)).await, Err(error));
            assert_eq!(start.elapsed().as_secs(), after.as_secs(), "{begun}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_trickles_is_slow_after_the_time_limit() {
        let limits = BodyLimits { bytes: 1000, ..LIMITS };
        let trickle = stream::unfold((), async |()| {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Some((Ok::<_, std::io::Error>(Bytes::from_static(b"x")), ()))
        });
        let (start, memory) = (Instant::now(), BodyMemory::new(2000, Gauge::default()));
        let read = read(Body::from_stream(trickle), limits, &memory).await;
        assert_eq!(read.err(), Some(BodyError::Slow));
        assert_eq!(start.elapsed().as_secs(), limits.timeout.as_secs());
        assert!(memory.reserve(2000).is_ok(), "its memory is released");
    }

    #[tokio::test]
    async fn an_aborted_body_is_an_error() {
        let broken = stream::iter([Ok(Bytes::from("a")), Err(std::io::Error::other("gone"))]);
        assert_eq!(bytes(Body::from_stream(broken)).await, Err(BodyError::Broken));
    }

    #[tokio::test]
    async fn an_arriving_body_is_evicted_for_a_complete_one() {
        let memory = memory();
        let slow = read(stalled("abc"), LIMITS, &memory);
        pin!(slow);
        assert!(futures_util::poll!(&mut slow).is_pending());
        let (whole, other) = (memory.reserve(6).unwrap(), memory.reserve(6).unwrap());
        assert_eq!(slow.await.err(), Some(BodyError::Evicted));
        let refused = read(Body::from("abcdef"), LIMITS, &memory).await;
        assert_eq!(refused.err(), Some(BodyError::Full));
        drop((whole, other));
    }
}

//! Reading a body, exactly, and no more of it than is allowed.

use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use tokio::pin;
use tokio::time::{Instant, sleep_until, timeout};

use super::memory::{BodyMemory, Evicted, Full, Held};

/// How long a client whose body is too large may go on sending it.
const LINGER: Duration = Duration::from_secs(1);

/// What a body may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BodyLimits {
    /// Its bytes.
    pub(super) bytes: usize,
    /// How long all of it may take.
    pub(super) timeout: Duration,
    /// How long it may make no progress.
    pub(super) stall: Duration,
}

/// Why there is no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyError {
    /// It is over the limit.
    TooLarge,
    /// It did not come in time, or stopped coming.
    Slow,
    /// The client broke it off, or its framing is wrong.
    Broken,
    /// It made room for another one while it was on its way.
    Evicted,
    /// The memory is full of complete bodies.
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

/// Reads a body within its limits, as sent. Its room in the memory is given back with the second
/// value.
///
/// One that is over the limit is read on and thrown away for a moment, up to twice the limit: a
/// client that still sends while the connection is closed on it sees a reset instead of its 413.
pub(super) async fn read(
    mut body: Body,
    limits: BodyLimits,
    memory: &BodyMemory,
) -> Result<(Bytes, Held<'_>), BodyError> {
    let announced = body.size_hint();
    let least = usize::try_from(announced.lower()).unwrap_or(usize::MAX);
    if least > limits.bytes.saturating_mul(2) {
        return Err(BodyError::TooLarge);
    }
    // What it can come to: what was announced, where something was.
    let most = if announced.exact().is_some() { least } else { limits.bytes };
    let whole = gather(&mut body, most, limits, memory).await;
    if matches!(whole, Err(BodyError::TooLarge)) {
        // Whether it came to an end, broke off or was too slow: it was too large before that.
        let _ = timeout(LINGER.min(limits.timeout), discard(&mut body, limits.bytes)).await;
    }
    whole
}

async fn gather<'a>(
    body: &mut Body,
    most: usize,
    limits: BodyLimits,
    memory: &'a BodyMemory,
) -> Result<(Bytes, Held<'a>), BodyError> {
    if most > limits.bytes {
        return Err(BodyError::TooLarge);
    }
    let begun = Instant::now();
    let end = begun + limits.timeout;
    let patience = sleep_until(end.min(begun + limits.stall));
    pin!(patience);
    let first = tokio::select! {
        biased;
        first = next(body) => first?.unwrap_or_default(),
        () = &mut patience => return Err(BodyError::Slow),
    };
    if first.len() > limits.bytes {
        return Err(BodyError::TooLarge);
    }
    // The ordinary event comes in one piece, and is not copied.
    if body.is_end_stream() {
        let held = memory.hold(first.len())?;
        return Ok((first, held));
    }
    let arriving = memory.begin();
    arriving.push(&first, most)?;
    // It is a view of the connection's buffer, which cannot be used again while it is there.
    drop(first);
    loop {
        patience.as_mut().reset(end.min(Instant::now() + limits.stall));
        let more = tokio::select! {
            biased;
            more = next(body) => more?,
            () = &mut patience => return Err(BodyError::Slow),
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

/// The next piece of data; trailers are passed over.
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

    /// What has come of a body that comes no further.
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
    async fn a_body_that_stops_coming_is_slow_unless_it_was_too_large_before() {
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
    async fn a_body_that_trickles_is_slow_once_its_time_is_over() {
        let limits = BodyLimits { bytes: 1000, ..LIMITS };
        let trickle = stream::unfold((), async |()| {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Some((Ok::<_, std::io::Error>(Bytes::from_static(b"x")), ()))
        });
        let (start, memory) = (Instant::now(), BodyMemory::new(2000, Gauge::default()));
        let read = read(Body::from_stream(trickle), limits, &memory).await;
        assert_eq!(read.err(), Some(BodyError::Slow));
        assert_eq!(start.elapsed().as_secs(), limits.timeout.as_secs());
        assert!(memory.hold(2000).is_ok(), "its room is given back");
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_none() {
        let broken = stream::iter([Ok(Bytes::from("a")), Err(std::io::Error::other("gone"))]);
        assert_eq!(bytes(Body::from_stream(broken)).await, Err(BodyError::Broken));
    }

    #[tokio::test]
    async fn a_body_on_its_way_makes_room_for_one_that_is_there() {
        let memory = memory();
        let slow = read(stalled("abc"), LIMITS, &memory);
        pin!(slow);
        assert!(futures_util::poll!(&mut slow).is_pending());
        let (whole, other) = (memory.hold(6).unwrap(), memory.hold(6).unwrap());
        assert_eq!(slow.await.err(), Some(BodyError::Evicted));
        let refused = read(Body::from("abcdef"), LIMITS, &memory).await;
        assert_eq!(refused.err(), Some(BodyError::Full));
        drop((whole, other));
    }
}

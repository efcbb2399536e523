//! Reading a body, exactly, and no more of it than is allowed.

use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use tokio::time::timeout;

/// How long a client whose body is too large may go on sending it.
const LINGER: Duration = Duration::from_secs(1);

/// Why there is no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyError {
    /// It is over the limit.
    TooLarge,
    /// It did not come in time.
    Slow,
    /// The client broke it off, or its framing is wrong.
    Broken,
}

/// Reads a body of at most `limit` bytes within `patience`, as sent.
///
/// One that is over the limit is read on and thrown away for a moment, up to twice the limit: a
/// client that still sends while the connection is closed on it sees a reset instead of its 413.
pub(super) async fn read(
    mut body: Body,
    limit: usize,
    patience: Duration,
) -> Result<Bytes, BodyError> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > limit.saturating_mul(2) {
        return Err(BodyError::TooLarge);
    }
    let whole = timeout(patience, gather(&mut body, limit)).await.unwrap_or(Err(BodyError::Slow));
    if whole == Err(BodyError::TooLarge) {
        // Whether it came to an end, broke off or was too slow: it was too large before that.
        let _ = timeout(LINGER.min(patience), discard(&mut body, limit)).await;
    }
    whole
}

async fn gather(body: &mut Body, limit: usize) -> Result<Bytes, BodyError> {
    let first = next(body).await?.unwrap_or_default();
    if first.len() > limit {
        return Err(BodyError::TooLarge);
    }
    // The ordinary event comes in one piece, and is not copied.
    if body.is_end_stream() {
        return Ok(first);
    }
    let mut whole = BytesMut::from(first);
    while let Some(more) = next(body).await? {
        if whole.len() + more.len() > limit {
            return Err(BodyError::TooLarge);
        }
        whole.extend_from_slice(&more);
    }
    Ok(whole.freeze())
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

    use super::*;

    fn pieces(pieces: &[&'static str]) -> Body {
        let pieces: Vec<Result<_, std::io::Error>> =
            pieces.iter().map(|piece| Ok(Bytes::from_static(piece.as_bytes()))).collect();
        Body::from_stream(stream::iter(pieces))
    }

    #[tokio::test]
    async fn a_body_is_read_as_sent_however_it_is_cut() {
        for body in [pieces(&["abcdef"]), pieces(&["ab", "", "cde", "f"]), Body::from("abcdef")] {
            assert_eq!(read(body, 6, LINGER).await.unwrap(), "abcdef");
        }
        assert_eq!(read(Body::empty(), 6, LINGER).await.unwrap(), "");
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
            assert_eq!(read(body, 6, LINGER).await, Err(BodyError::TooLarge));
        }
    }

    #[tokio::test]
    async fn a_body_that_stops_coming_is_slow_unless_it_was_too_large_before() {
        let patience = Duration::from_millis(10);
        for (begun, error) in [("abc", BodyError::Slow), ("abcdefg", BodyError::TooLarge)] {
            let begun = stream::iter([Ok::<_, std::io::Error>(Bytes::from(begun))]);
            let stalled = Body::from_stream(begun.chain(stream::pending()));
            assert_eq!(read(stalled, 6, patience).await, Err(error));
        }
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_none() {
        let broken = stream::iter([Ok(Bytes::from("a")), Err(std::io::Error::other("gone"))]);
        assert_eq!(read(Body::from_stream(broken), 6, LINGER).await, Err(BodyError::Broken));
    }
}

//! Reading a body, exactly, and no more of it than is allowed.

use axum::body::{Body, HttpBody as _};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;

/// Why there is no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyError {
    /// It is over the limit.
    TooLarge,
    /// The client broke it off, or its framing is wrong.
    Broken,
}

/// Reads a body of at most `limit` bytes, as sent.
///
/// One that is over the limit is read on and thrown away up to twice the limit: a client that still
/// sends while the connection is closed on it sees a reset instead of its 413.
pub(super) async fn read(mut body: Body, limit: usize) -> Result<Bytes, BodyError> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > limit.saturating_mul(2) {
        return Err(BodyError::TooLarge);
    }
    let mut whole = match next(&mut body).await? {
        None => return Ok(Bytes::new()),
        // The ordinary event comes in one piece, and is not copied.
        Some(only) if only.len() <= limit && body.is_end_stream() => return Ok(only),
        Some(first) => BytesMut::from(first),
    };
    while let Some(more) = next(&mut body).await? {
        if whole.len() + more.len() > limit {
            let seen = whole.len() + more.len();
            drop(whole);
            return discard(body, limit.saturating_mul(2).saturating_sub(seen)).await;
        }
        whole.extend_from_slice(&more);
    }
    if whole.len() > limit { Err(BodyError::TooLarge) } else { Ok(whole.freeze()) }
}

async fn discard(mut body: Body, mut left: usize) -> Result<Bytes, BodyError> {
    while let Some(more) = next(&mut body).await? {
        match left.checked_sub(more.len()) {
            Some(less) => left = less,
            None => break,
        }
    }
    Err(BodyError::TooLarge)
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
    use futures_util::stream;

    use super::*;

    fn pieces(pieces: &[&'static str]) -> Body {
        let pieces: Vec<Result<_, std::io::Error>> =
            pieces.iter().map(|piece| Ok(Bytes::from_static(piece.as_bytes()))).collect();
        Body::from_stream(stream::iter(pieces))
    }

    #[tokio::test]
    async fn a_body_is_read_as_sent_however_it_is_cut() {
        for body in [pieces(&["abcdef"]), pieces(&["ab", "", "cde", "f"]), Body::from("abcdef")] {
            assert_eq!(read(body, 6).await.unwrap(), "abcdef");
        }
        assert_eq!(read(Body::empty(), 6).await.unwrap(), "");
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
            assert_eq!(read(body, 6).await, Err(BodyError::TooLarge));
        }
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_none() {
        let broken = stream::iter([Ok(Bytes::from("a")), Err(std::io::Error::other("gone"))]);
        assert_eq!(read(Body::from_stream(broken), 6).await, Err(BodyError::Broken));
    }
}

//! Decoding of Redis' answers into deliveries, without `FromRedisValue`: a payload is moved, never copied.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "any other shape of an answer is the same error"
)]

use bytes::Bytes;
use redis::Value;

use super::error::QueueError;
use super::job::{Delivery, Job, JobId, JobMeta, Lane};

/// The answer of XREADGROUP for one stream: new jobs, each delivered for the first time.
pub(super) fn fetched(answer: Value, lane: Lane) -> Result<Vec<Delivery>, QueueError> {
    const WHAT: QueueError = QueueError::Reply("XREADGROUP");
    // A list of pairs, or a map in RESP3; nil when the wait was in vain.
    let entries = match answer {
        Value::Nil => return Ok(Vec::new()),
        Value::Map(streams) => streams.into_iter().next().map(|(_, entries)| entries),
        Value::Array(streams) => {
            let first = streams.into_iter().next();
            first.and_then(|stream| list(stream).ok()).and_then(|mut pair| pair.pop())
        }
        _ => return Err(WHAT),
    };
    let entries = list(entries.ok_or(WHAT)?)?;
    entries.into_iter().map(|entry| new_job(entry, lane)).collect()
}

/// The answer of `take_over.lua` and `adopt.lua`: an id to go on from, and jobs.
pub(super) fn claimed(answer: Value, lane: Lane) -> Result<(String, Vec<Delivery>), QueueError> {
    const WHAT: QueueError = QueueError::Reply("a claim");
    let mut parts = list(answer)?.into_iter();
    let (Some(cursor), Some(jobs)) = (parts.next(), parts.next()) else { return Err(WHAT) };
    let jobs = list(jobs)?.into_iter().map(|job| {
        let mut parts = list(job)?.into_iter();
        let (Some(id), Some(deliveries), Some(meta), Some(body)) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(WHAT);
        };
        let Value::Int(deliveries) = deliveries else { return Err(WHAT) };
        // Redis also counts the fetch, before which no worker has begun it.
        let deliveries = u32::try_from(deliveries.saturating_sub(1).max(0)).unwrap_or(u32::MAX);
        delivery(text(id)?, lane, &bytes(meta)?, bytes(body)?, deliveries)
    });
    Ok((text(cursor)?, jobs.collect::<Result<_, _>>()?))
}

fn new_job(entry: Value, lane: Lane) -> Result<Delivery, QueueError> {
    let mut parts = list(entry)?.into_iter();
    let (Some(id), Some(fields)) = (parts.next(), parts.next()) else {
        return Err(QueueError::Reply("an entry"));
    };
    let (mut meta, mut body) = (Vec::new(), Vec::new());
    let mut fields = list(fields)?.into_iter();
    while let (Some(name), Some(value)) = (fields.next(), fields.next()) {
        // Others may have written to the stream. What lacks a body fails to parse and becomes a
        // dead letter, where an operator sees it.
        match bytes(name)?.as_slice() {
            b"m" => meta = bytes(value)?,
            b"b" => body = bytes(value)?,
            _ => {}
        }
    }
    delivery(text(id)?, lane, &meta, body, 0)
}

fn delivery(
    id: String,
    lane: Lane,
    meta: &[u8],
    body: Vec<u8>,
    deliveries: u32,
) -> Result<Delivery, QueueError> {
    let id = JobId::new(id);
    let meta = JobMeta::decode(meta, &id);
    Ok(Delivery { id, lane, job: Job { meta, body: Bytes::from(body) }, deliveries })
}

fn list(value: Value) -> Result<Vec<Value>, QueueError> {
    match value {
        Value::Array(values) => Ok(values),
        Value::Nil => Ok(Vec::new()),
        _ => Err(QueueError::Reply("a list")),
    }
}

fn bytes(value: Value) -> Result<Vec<u8>, QueueError> {
    match value {
        Value::BulkString(bytes) => Ok(bytes),
        Value::SimpleString(text) => Ok(text.into_bytes()),
        _ => Err(QueueError::Reply("a string")),
    }
}

fn text(value: Value) -> Result<String, QueueError> {
    String::from_utf8(bytes(value)?).map_err(|_| QueueError::Reply("an id"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn string(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    #[test]
    fn both_protocols_are_read() {
        let entry = Value::Array(vec![
            string("5-0"),
            Value::Array(vec![string("m"), string("{}"), string("b"), string("body")]),
        ]);
        let entries = Value::Array(vec![entry]);
        let two = Value::Array(vec![Value::Array(vec![string("s"), entries.clone()])]);
        let three = Value::Map(vec![(string("s"), entries)]);
        for answer in [two, three] {
            let jobs = fetched(answer, Lane::Live).expect("it reads");
            assert_eq!(jobs.len(), 1);
            assert_eq!(&jobs[0].job.body[..], b"body");
            assert_eq!(jobs[0].deliveries, 0, "no worker has begun it");
        }
        assert!(fetched(Value::Nil, Lane::Live).expect("nothing came").is_empty());
    }

    #[test]
    fn an_entry_of_another_program_is_delivered_with_an_empty_body() {
        let entry = Value::Array(vec![string("5-0"), Value::Array(vec![string("x"), string("y")])]);
        let answer = Value::Array(vec![Value::Array(vec![string("s"), Value::Array(vec![entry])])]);
        let jobs = fetched(answer, Lane::Live).expect("it reads");
        assert!(jobs[0].job.body.is_empty());
    }
}

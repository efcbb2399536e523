WITH tried AS (
    SELECT * FROM jsonb_to_record($12) AS a (
        number integer, started_at_ms bigint, duration_ms bigint, worker text, class text,
        code text, chain text[], request_id text, trace_id text)
),
ledger AS (
    INSERT INTO quittance.events AS l (
        id, type, api_version, account, livemode, stripe_created, endpoint, source,
        received_at, secret_index, object_kind, object_id, status, attempts)
    SELECT $1::text, $2::text, $3::text, $4::text, $5::boolean, to_timestamp($6::bigint), $7::text,
           $24::text, to_timestamp($8::bigint / 1000.0), $9::integer, $10::text, $11::text, 'dead', t.number
    FROM tried AS t
    ON CONFLICT (id) DO UPDATE SET attempts = l.attempts + excluded.attempts
    -- A duplicate of an event that has settled must not drag it back.
    WHERE l.status = 'dead'
    RETURNING l.id, l.attempts
),
kept AS (
    INSERT INTO quittance.attempts (
        event_id, number, started_at, duration_ms, worker, outcome, class, code, chain, request_id,
        trace_id)
    SELECT l.id, t.number, to_timestamp(t.started_at_ms / 1000.0), t.duration_ms, t.worker, 'dead',
           t.class, t.code, t.chain, t.request_id, t.trace_id
    FROM ledger AS l, tried AS t
)
INSERT INTO quittance.dead_letters AS d (
    event_id, event_type, account, livemode, endpoint, received_at, secret_index,
    object_kind, object_id, lane, reason, class, code, message, fingerprint, payload, body_sha256,
    body_bytes, cause, customer, first_failed_at, attempts)
SELECT l.id, $2, $4, $5, $7, to_timestamp($8::bigint / 1000.0), $9, $10, $11, $13::text,
       $14::text, $15::text, $16::text, $17::text, $18::text, $19::jsonb, $20::text, $21::bigint,
       $22::text, $23::text,
       least(
           to_timestamp(t.started_at_ms / 1000.0),
           (SELECT min(a.started_at) FROM quittance.attempts AS a WHERE a.event_id = l.id)),
       l.attempts
FROM ledger AS l, tried AS t
ON CONFLICT (event_id) WHERE state IN ('open', 'retrying') DO UPDATE SET
    state       = 'open',
    lane        = excluded.lane,
    reason      = excluded.reason,
    class       = excluded.class,
    code        = excluded.code,
    message     = excluded.message,
    cause       = excluded.cause,
    fingerprint = excluded.fingerprint,
    attempts    = excluded.attempts,
    deaths      = d.deaths + 1,
    died_at     = clock_timestamp(),
    updated_at  = clock_timestamp()
RETURNING d.id AS "id!"

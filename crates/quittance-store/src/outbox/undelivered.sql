WITH locked AS MATERIALIZED (
    -- All writers of dead letters lock in this order: deliveries by their ids, before anything else.
    SELECT d.id, d.queue, d.seq, c.claim
    FROM unnest($2::uuid[], $3::bigint[]) AS c (id, claim)
    JOIN quittance.outbox_deliveries AS d ON d.destination = $1::text AND d.id = c.id
    ORDER BY d.id
    FOR NO KEY UPDATE OF d
),
mine AS MATERIALIZED (
    -- Those of the current claims. The queues in the order in which the triggers lock them.
    SELECT l.id
    FROM locked AS l
    JOIN quittance.outbox_queues AS q
      ON q.queue = l.queue AND q.head = l.seq AND q.claim = l.claim
    ORDER BY q.queue
    FOR UPDATE OF q
),
recorded AS (
    UPDATE quittance.outbox_deliveries AS d
    SET state    = CASE WHEN $4::float8 IS NULL THEN 'dead' ELSE 'pending' END,
        ended_at = CASE WHEN $4::float8 IS NULL THEN clock_timestamp() END,
        died     = d.died OR $4::float8 IS NULL,
        due_at   = clock_timestamp() + make_interval(secs => coalesce($4, 0)),
        attempts = d.attempts + $5::boolean::integer, failure_code = $6::text, failure = $7::text
    FROM mine AS m
    WHERE d.destination = $1 AND d.id = m.id
    RETURNING d.id, d.attempts, d.state
)
INSERT INTO quittance.dead_letters AS l (
    source, event_id, notification, event_type, object_kind, object_id, customer, account, livemode,
    endpoint, lane, received_at, reason, class, code, message, cause, fingerprint, first_failed_at,
    attempts)
SELECT 'notification', o.id || '@' || $1, o.id, o.topic, o.object_kind, o.object_id,
       CASE WHEN o.object_kind = 'customer' THEN o.object_id
            ELSE o.payload #>> '{data,customer}' END,
       o.account, o.livemode, $1, 'outbox', o.created_at, $9::text, $8::text, $6, $7, $10::text,
       $11::text, clock_timestamp(), n.attempts
FROM recorded AS n
JOIN quittance.outbox AS o USING (id)
WHERE n.state = 'dead'
ORDER BY o.seq
ON CONFLICT (event_id) WHERE state IN ('open', 'retrying') DO UPDATE SET
    state       = 'open',
    reason      = excluded.reason,
    class       = excluded.class,
    code        = excluded.code,
    message     = excluded.message,
    cause       = excluded.cause,
    fingerprint = excluded.fingerprint,
    attempts    = l.attempts + excluded.attempts,
    deaths      = l.deaths + 1,
    died_at     = clock_timestamp(),
    updated_at  = clock_timestamp()

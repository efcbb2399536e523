-- $EVENTS events in the ledger and $LETTERS dead letters, of which $RETRIED are of one cause: a key
-- that lacked a permission. All are about objects that exist, one a letter, made after the one real
-- payment that the simulator has had settled. $EVENTS is at least $LETTERS.
SELECT setseed(0.4);

-- As random as Stripe's, so that indexes are as large and as scattered as in life.
CREATE FUNCTION pg_temp.id(prefix text, n bigint) RETURNS text LANGUAGE sql IMMUTABLE
AS $$ SELECT prefix || substr(md5(prefix || n), 1, 24) $$;

-- Two weeks of them, up to an hour ago.
CREATE FUNCTION pg_temp.received(n bigint) RETURNS timestamptz LANGUAGE sql STABLE
AS $$ SELECT now() - interval '1 hour' - interval '14 days' * (1 - n::double precision / $EVENTS) $$;

CREATE TEMP TABLE types (no integer, type text, kind text, prefix text);
INSERT INTO types VALUES
    (0, 'payment_intent.created',        'payment_intent', 'pi_'),
    (1, 'charge.succeeded',              'charge',         'ch_'),
    (2, 'invoice.paid',                  'invoice',        'in_'),
    (3, 'customer.subscription.updated', 'subscription',   'sub_'),
    (4, 'charge.dispute.created',        'dispute',        'du_');

CREATE TEMP TABLE causes (no integer, reason text, class text, code text, message text);
INSERT INTO causes VALUES
    (0,  'permanent', 'permanent', 'stripe_permission_denied', 'Stripe refused the key: it lacks the permission rak_payment_intent_read (request {id})'),
    (1,  'permanent', 'permanent', 'stripe_resource_missing',  'Stripe has no such object: No such object: {id}'),
    (2,  'exhausted', 'transient', 'stripe_unavailable',       'Stripe could not be reached: the connection was closed before the answer ended (request {id})'),
    (3,  'exhausted', 'transient', 'stripe_timeout',           'Stripe did not answer in time (request {id})'),
    (4,  'permanent', 'permanent', 'decode',                   'the answer could not be read: lines.data.price.product: invalid type: map, expected a string (request {id})'),
    (5,  'permanent', 'permanent', 'foreign_scope',            'the object {id} belongs to another account'),
    (6,  'exhausted', 'transient', 'contended',                'others kept writing the row of {id}'),
    (7,  'exhausted', 'transient', 'database_unavailable',     'Postgres could not be reached: connection refused while {id} was settled'),
    (8,  'permanent', 'permanent', 'constraint',               'a value breaks the constraint payments_amount_check of {id}'),
    (9,  'poison',    'poison',    'worker_died',              'the workers that had it died: {id}'),
    (10, 'permanent', 'permanent', 'stripe_account_invalid',   'the key has no access to the account of {id}'),
    (11, 'permanent', 'permanent', 'api_version',              'the version 2019-12-03 of the event {id} is not read any more'),
    (12, 'exhausted', 'transient', 'stripe_internal',          'Stripe failed: an unknown error occurred (request {id}). ' || repeat('It has been told of it. ', 20));

CREATE TEMP TABLE letters AS
SELECT r.n, r.n * ($EVENTS / $LETTERS) AS event_no, r.retried, t.type, t.kind,
       pg_temp.id(t.prefix, r.n) AS object, pg_temp.id('cus_', r.n % 5000) AS customer,
       c.reason, c.class, c.code, replace(c.message, '{id}', pg_temp.id('req_', r.n)) AS message,
       replace(c.message, '{id}', '…') AS cause,
       substr(md5(c.code || c.message), 1, 12) AS fingerprint,
       CASE WHEN r.retried OR state < 0.55 THEN 'open'
            WHEN state < 0.60 THEN 'retrying'
            WHEN state < 0.85 THEN 'resolved'
            ELSE 'discarded' END AS state,
       NOT r.retried AND state BETWEEN 0.45 AND 0.55 AS snoozed,
       CASE c.reason WHEN 'exhausted' THEN 12 ELSE 1 + r.n % 3 END AS attempts
FROM (SELECT n, n * $RETRIED / $LETTERS > (n - 1) * $RETRIED / $LETTERS AS retried,
             random() AS cause, random() AS type, random() AS state
      FROM generate_series(1::bigint, $LETTERS) AS n) AS r
-- A few groups are large and many are small.
JOIN causes AS c ON c.no = CASE WHEN r.retried THEN 0 ELSE 1 + floor(12 * r.cause ^ 2) END
JOIN types  AS t ON t.no = CASE WHEN r.retried THEN 0 ELSE floor(5 * r.type ^ 2) END
ORDER BY r.n;
CREATE UNIQUE INDEX ON letters (n);
CREATE UNIQUE INDEX ON letters (event_no);
ANALYZE letters;

CREATE TEMP TABLE template AS
SELECT * FROM quittance.objects WHERE kind = 'payment_intent' LIMIT 1;

-- Seen just now, so that the events of the letters, which are older, are covered.
INSERT INTO quittance.objects (
    account, livemode, kind, id, version, observed_at, seen_by, data, recorded, cause)
SELECT t.account, t.livemode, l.kind, l.object, 2, now(), now(),
       t.data || jsonb_build_object('id', l.object, 'object', l.kind, 'customer', l.customer),
       t.recorded, NULL
FROM letters AS l CROSS JOIN template AS t;

INSERT INTO app.transitions (
    object_kind, object_id, livemode, from_status, to_status, kind, because_of, version,
    observed_at, at)
SELECT l.kind, l.object, false, step.before, step.after,
       CASE WHEN step.before IS NULL THEN 'opened' ELSE 'expected' END,
       pg_temp.id('evt_', l.event_no), step.version,
       pg_temp.received(l.event_no), pg_temp.received(l.event_no)
FROM letters AS l
CROSS JOIN (VALUES (NULL, 'processing', 1), ('processing', 'succeeded', 2))
    AS step (before, after, version);

INSERT INTO quittance.dead_letters (
    event_id, event_type, object_kind, object_id, customer, account, livemode, endpoint, lane,
    received_at, secret_index, reason, class, code, message, cause, fingerprint, payload,
    body_sha256, body_bytes, state, snoozed_until, discarded_by, discard_reason, first_failed_at,
    created_at, died_at, resolved_at, attempts)
SELECT e.id, l.type, l.kind, l.object, l.customer, '', false, 'default', 'live',
       e.at, 0, l.reason, l.class, l.code, l.message, l.cause, l.fingerprint,
       jsonb_build_object(
           'id', e.id, 'object', 'event', 'api_version', '2026-09-30.endive', 'type', l.type,
           'created', floor(extract(epoch FROM e.at))::bigint - 1, 'livemode', false,
           'pending_webhooks', 1,
           'request', jsonb_build_object('id', pg_temp.id('req_', l.n), 'idempotency_key', NULL),
           'data', jsonb_build_object('object', t.data || jsonb_build_object(
               'id', l.object, 'object', l.kind, 'customer', l.customer))),
       repeat('0', 64), 2400, l.state,
       CASE WHEN l.snoozed THEN now() + interval '1 day' END,
       CASE WHEN l.state = 'discarded' THEN 'alice' END,
       CASE WHEN l.state = 'discarded' THEN 'the order was refunded by hand' END,
       e.at, e.at + interval '1 minute', e.at + interval '1 minute',
       CASE WHEN l.state IN ('resolved', 'discarded') THEN e.at + interval '30 minutes' END,
       l.attempts
FROM letters AS l
CROSS JOIN template AS t
CROSS JOIN LATERAL (
    SELECT pg_temp.id('evt_', l.event_no) AS id, pg_temp.received(l.event_no) AS at) AS e
ORDER BY l.n;

INSERT INTO quittance.audit_log (at, actor, verb, target, reason)
SELECT resolved_at, discarded_by, 'dead_letter.discard', 'dead_letter:' || id, discard_reason
FROM quittance.dead_letters WHERE state = 'discarded' ORDER BY id;

-- Each object has had some events; those of the letters that did not settle are dead.
CREATE TEMP TABLE ledger AS
SELECT n, pg_temp.id('evt_', n) AS id, pg_temp.received(n) AS at, random() AS chance,
       1 + n % $LETTERS AS of_letter
FROM generate_series(1::bigint, $EVENTS) AS n;

INSERT INTO quittance.events (
    id, type, api_version, account, livemode, stripe_created, endpoint, received_at, secret_index,
    object_kind, object_id, status, outcome, settled_at, attempts)
SELECT e.id, coalesce(l.type, o.type), '2026-09-30.endive', '', false, e.at - interval '1 second',
       'default', e.at, 0, coalesce(l.kind, o.kind), coalesce(l.object, o.object),
       CASE WHEN l.state <> 'resolved' THEN 'dead' ELSE 'settled' END,
       CASE WHEN l.state <> 'resolved' THEN NULL
            WHEN e.chance < 0.5 THEN 'applied' WHEN e.chance < 0.9 THEN 'covered'
            ELSE 'unchanged' END,
       CASE WHEN l.state <> 'resolved' THEN NULL
            ELSE e.at + interval '1 second' * (0.02 + e.chance / 10) END,
       coalesce(l.attempts, 1)
FROM ledger AS e
LEFT JOIN letters AS l ON l.event_no = e.n
JOIN letters AS o ON o.n = e.of_letter
ORDER BY e.n;

INSERT INTO quittance.attempts (
    event_id, number, started_at, duration_ms, worker, outcome, class, code, chain, request_id,
    trace_id)
SELECT e.id, number, e.at + interval '2 seconds' * number, 20 + number, 'worker-1',
       CASE WHEN l.n IS NULL THEN 'applied' WHEN number < l.attempts THEN 'failed' ELSE 'dead' END,
       l.class, l.code, CASE WHEN l.n IS NOT NULL THEN ARRAY[l.message, 'it came of this'] END,
       pg_temp.id('req_', e.n), md5(e.id)
FROM ledger AS e
LEFT JOIN letters AS l ON l.event_no = e.n
CROSS JOIN generate_series(1, coalesce(l.attempts, 1)) AS number
ORDER BY e.n, number;

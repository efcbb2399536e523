-- Schema `quittance`: the bookkeeping behind `app`. Accounts are written as in `app`: '' is our own.

-- The kinds of object that have a table in `app`: where it is, and what writes it. A kind without a
-- row here is mirrored in quittance.objects alone. Filled by the migration that makes the table.
CREATE TABLE quittance.kinds (
    kind        TEXT PRIMARY KEY,
    app_table   REGCLASS NOT NULL,
    id_column   TEXT     NOT NULL,
    -- Columns that are computed from other rows, and (account, livemode, id) RETURNS TABLE of them.
    computed    TEXT[]   NOT NULL DEFAULT '{}',
    computed_by REGPROC,
    -- Columns besides account and mode that never change: a row that has other values is not written.
    fixed       TEXT[]   NOT NULL DEFAULT '{}',
    -- A row may lack columns, and those stay as they are. Costs a look at the old row.
    partial     BOOLEAN  NOT NULL DEFAULT false,
    -- (rows jsonb): called when the rows are written.
    afterwards  REGPROC,
    -- (rows jsonb) RETURNS bigint: the number of rows written. Made by quittance.make_writer().
    writer      REGPROC,

    CONSTRAINT kinds_computed_check CHECK ((computed_by IS NULL) = (computed = '{}'))
);

-- The row in `app` of an object, for people who look at it; NULL where there is none.
CREATE FUNCTION quittance.typed_row(
    of_account text, of_livemode boolean, of_kind text, of_id text) RETURNS jsonb
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    typed quittance.kinds;
    found jsonb;
BEGIN
    SELECT k.* INTO typed FROM quittance.kinds AS k WHERE k.kind = of_kind;
    IF typed.kind IS NOT NULL THEN
        EXECUTE format('SELECT to_jsonb(t) FROM %s AS t
                        WHERE t.%I = $1 AND t.stripe_account = $2 AND t.livemode = $3',
                       typed.app_table, typed.id_column)
        INTO found USING of_id, of_account, of_livemode;
    END IF;
    RETURN found;
END $$;

-- The latest JSON of every object of every kind, redacted; its key is also what a compare-and-set
-- goes by. A tombstone (deleted) is final: no late event resurrects it.
-- `recorded` is what the rules need to know of the object, so that a reconciliation reads one table only,
-- whatever the kind.
CREATE TABLE quittance.objects (
    account     TEXT        NOT NULL,
    livemode    BOOLEAN     NOT NULL,
    kind        TEXT        NOT NULL,
    id          TEXT        NOT NULL,
    version     BIGINT      NOT NULL,
    -- Stripe's clock when the look behind this version began, and when it had ended.
    observed_at TIMESTAMPTZ NOT NULL,
    seen_by     TIMESTAMPTZ NOT NULL,
    deleted     BOOLEAN     NOT NULL DEFAULT false,
    data        JSONB,
    recorded    JSONB,
    -- The event that made us look when this version was written; NULL when a person did.
    cause       TEXT,
    -- Notifications of changes that were written without publishing them, [{before, facts: [{id, topic,
    -- payload}]}], and by when Stripe's clock that state had been seen. An event that was made before then, and
    -- arrives after, publishes them (quittance.release_withheld); a later change that is published drops them.
    withheld    JSONB,
    withheld_at TIMESTAMPTZ,
    updated_at  TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT objects_pkey PRIMARY KEY (account, livemode, kind, id),
    CONSTRAINT objects_version_check CHECK (version > 0),
    -- A tombstone of an object that was never seen alive has no JSON; any other row has one.
    CONSTRAINT objects_data_check CHECK (deleted OR data IS NOT NULL),
    CONSTRAINT objects_withheld_check CHECK ((withheld IS NULL) = (withheld_at IS NULL))
);

-- LZ4 compresses this JSON in a tenth of the time of the default. Some builds of Postgres lack it.
DO $$
BEGIN
    ALTER TABLE quittance.objects ALTER COLUMN data SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
    NULL; -- the default compresses as well
END $$;

-- Ops knows an id and seldom its account and mode. No column here ever changes, so the updates of a
-- row stay on its page.
CREATE INDEX objects_id_idx ON quittance.objects (kind, id);

-- The ledger: one row an event, at its end. An event without a row is not done.
-- A dead event may know less of itself than a settled one: perhaps it could not be read.
CREATE TABLE quittance.events (
    id             TEXT        PRIMARY KEY,
    type           TEXT,
    api_version    TEXT,
    account        TEXT,
    livemode       BOOLEAN,
    stripe_created TIMESTAMPTZ,
    endpoint       TEXT        NOT NULL,
    -- What brought it first: webhook, sweep, replay or retry.
    source         TEXT        NOT NULL DEFAULT 'webhook',
    received_at    TIMESTAMPTZ NOT NULL,
    secret_index   INTEGER,
    object_kind    TEXT,
    object_id      TEXT,
    status         TEXT        NOT NULL,
    outcome        TEXT,
    settled_at     TIMESTAMPTZ,
    attempts       INTEGER     NOT NULL,

    CONSTRAINT events_status_check CHECK (status IN ('settled', 'ignored', 'dead')),
    CONSTRAINT events_outcome_check CHECK (
        outcome IN ('applied', 'unchanged', 'covered', 'gone', 'ignored', 'deauthorized')),
    CONSTRAINT events_end_check CHECK (
        CASE WHEN status = 'dead'
             THEN outcome IS NULL AND settled_at IS NULL
             ELSE outcome IS NOT NULL AND settled_at IS NOT NULL AND type IS NOT NULL
                  AND account IS NOT NULL AND livemode IS NOT NULL AND stripe_created IS NOT NULL
        END)
);

-- Ops lists newest first, from where the page before ended.
CREATE INDEX events_received_idx ON quittance.events (received_at, id);
CREATE INDEX events_type_idx ON quittance.events (type, received_at, id);
-- Of a connected account. Costs nothing where there is none.
CREATE INDEX events_account_idx ON quittance.events (account, received_at, id)
    WHERE account <> '';
-- The few that did not settle.
CREATE INDEX events_unsettled_idx ON quittance.events (status, received_at, id)
    WHERE status <> 'settled';
-- The events of one object: its timeline.
CREATE INDEX events_object_idx ON quittance.events (object_id, received_at)
    WHERE object_id IS NOT NULL;

-- Every attempt at an event: what ops reads when it asks why something took long or failed.
-- No foreign key: the attempts of an event precede its ledger row.
CREATE TABLE quittance.attempts (
    id          BIGINT      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id    TEXT        NOT NULL,
    number      INTEGER     NOT NULL,
    started_at  TIMESTAMPTZ NOT NULL,
    duration_ms BIGINT      NOT NULL,
    worker      TEXT        NOT NULL,
    outcome     TEXT        NOT NULL,
    class       TEXT,
    code        TEXT,
    chain       TEXT[],
    request_id  TEXT,
    trace_id    TEXT,
    -- Of an attempt after which the event is tried again: what it is about. Such an event is in the
    -- queue and in no table, and who looks at its object wants to see that.
    event_type  TEXT,
    account     TEXT,
    livemode    BOOLEAN,
    object_kind TEXT,
    object_id   TEXT,

    CONSTRAINT attempts_outcome_check CHECK (outcome IN (
        'applied', 'unchanged', 'covered', 'gone', 'ignored', 'deauthorized', 'failed', 'dead'))
);

-- The attempts of one event, in order: for a dead letter.
CREATE INDEX attempts_event_idx ON quittance.attempts (event_id, id);
-- Attempts that settled their event, with something odd about it: an answer that stayed older than its
-- event, a list that is not all there. `status` counts them.
CREATE INDEX attempts_odd_idx ON quittance.attempts (started_at)
    WHERE code IS NOT NULL AND outcome NOT IN ('failed', 'dead');
-- Failed attempts at an object, whose events may still be in the queue: for its timeline.
CREATE INDEX attempts_object_idx ON quittance.attempts (object_id, id) WHERE object_id IS NOT NULL;

-- What was given up: an event, written before the queue is told so, or the delivery of a
-- notification, written with its last attempt.
CREATE TABLE quittance.dead_letters (
    id              BIGINT      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source          TEXT        NOT NULL DEFAULT 'event',
    event_id        TEXT        NOT NULL,
    notification    UUID,
    event_type      TEXT,
    object_kind     TEXT,
    object_id       TEXT,
    customer        TEXT,
    account         TEXT,
    livemode        BOOLEAN,
    endpoint        TEXT        NOT NULL,
    lane            TEXT        NOT NULL,
    received_at     TIMESTAMPTZ NOT NULL,
    secret_index    INTEGER,
    reason          TEXT        NOT NULL,
    class           TEXT        NOT NULL,
    code            TEXT        NOT NULL,
    message         TEXT        NOT NULL,
    cause           TEXT        NOT NULL,
    fingerprint     TEXT        NOT NULL,
    payload         JSONB,
    body_sha256     TEXT,
    body_bytes      BIGINT,
    state           TEXT        NOT NULL DEFAULT 'open',
    snoozed_until   TIMESTAMPTZ,
    discarded_by    TEXT,
    discard_reason  TEXT,
    first_failed_at TIMESTAMPTZ NOT NULL,
    created_at      TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    died_at         TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    updated_at      TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    resolved_at     TIMESTAMPTZ,
    attempts        INTEGER     NOT NULL,
    deaths          INTEGER     NOT NULL DEFAULT 1,
    retries         INTEGER     NOT NULL DEFAULT 0,
    -- The retries up to this one were taken back: their jobs, still in the queue, end without an attempt.
    taken_back      INTEGER     NOT NULL DEFAULT 0,

    CONSTRAINT dead_letters_reason_check CHECK (
        reason IN ('permanent', 'exhausted', 'poison', 'undecodable')),
    CONSTRAINT dead_letters_state_check CHECK (
        state IN ('open', 'retrying', 'resolved', 'discarded')),
    CONSTRAINT dead_letters_resolved_check CHECK (
        (resolved_at IS NOT NULL) = (state IN ('resolved', 'discarded'))),
    CONSTRAINT dead_letters_discard_check CHECK (
        (discard_reason IS NOT NULL) = (state = 'discarded')),
    CONSTRAINT dead_letters_source_check CHECK (
        CASE source
            WHEN 'event' THEN notification IS NULL AND body_sha256 IS NOT NULL
                              AND body_bytes IS NOT NULL
            WHEN 'notification' THEN notification IS NOT NULL AND payload IS NULL
            ELSE false
        END)
);
-- Payloads go out of the way of those who look through many letters; nothing else does.
-- A bulk act rewrites many rows at once, and what has not been vacuumed since cannot be counted from
-- an index alone: the groups would take four times as long until a fifth of the table had changed.
ALTER TABLE quittance.dead_letters
    SET (toast_tuple_target = 1024, autovacuum_vacuum_scale_factor = 0.02);

-- One open letter an event, whatever races: makes writing one idempotent.
CREATE UNIQUE INDEX dead_letters_one_open_idx ON quittance.dead_letters (event_id)
    WHERE state IN ('open', 'retrying');
-- All letters of one event.
CREATE INDEX dead_letters_event_idx ON quittance.dead_letters (event_id, id);
-- Ops lists by state, newest first.
CREATE INDEX dead_letters_state_idx ON quittance.dead_letters (state, id);
-- Groups are counted from this index alone, and each lists its letters by it.
CREATE INDEX dead_letters_group_idx ON quittance.dead_letters (fingerprint, event_type, state, id)
    INCLUDE (created_at, died_at, snoozed_until);
-- What else an operator comes with: a type of event, an object, a customer, an account.
CREATE INDEX dead_letters_type_idx ON quittance.dead_letters (event_type, id);
CREATE INDEX dead_letters_object_idx ON quittance.dead_letters (object_id, id);
CREATE INDEX dead_letters_customer_idx ON quittance.dead_letters (customer, id)
    WHERE customer IS NOT NULL;
CREATE INDEX dead_letters_account_idx ON quittance.dead_letters (account, id)
    WHERE account <> '';
-- What may be removed.
CREATE INDEX dead_letters_resolved_idx ON quittance.dead_letters (resolved_at)
    WHERE resolved_at IS NOT NULL;

COMMENT ON COLUMN quittance.dead_letters.payload IS 'The event, redacted. NULL when the body was not JSON: nothing can be redacted in what cannot be read, so nothing of it is kept but body_sha256 and body_bytes.';
COMMENT ON COLUMN quittance.dead_letters.event_id IS 'The event; for a body that gives none, the hash of it; for a notification, its id and destination: <uuid>@http:default.';
COMMENT ON COLUMN quittance.dead_letters.cause IS 'The message without its ids and numbers.';
COMMENT ON COLUMN quittance.dead_letters.fingerprint IS 'Groups letters of one cause: a hash of class, code and cause.';
COMMENT ON COLUMN quittance.dead_letters.customer IS 'The customer that its object is or belongs to, where the event says so.';
COMMENT ON COLUMN quittance.dead_letters.snoozed_until IS 'An open letter that nobody wants to see before.';
COMMENT ON COLUMN quittance.dead_letters.died_at IS 'When it was given up last; created_at is when it was first.';
COMMENT ON COLUMN quittance.dead_letters.deaths IS 'How often this event was given up, retries included.';
COMMENT ON COLUMN quittance.dead_letters.retries IS 'How often ops has put it back into the queue.';

-- What the product is told, once for each fact. Written in the transaction that makes it true.
CREATE TABLE quittance.outbox (
    seq         BIGINT      GENERATED ALWAYS AS IDENTITY,
    -- The transaction that wrote it. A reader that goes by seq alone skips a row whose transaction
    -- commits late; one that stops before the oldest transaction still running cannot: 0050.
    xid         XID8        NOT NULL DEFAULT pg_current_xact_id(),
    id          UUID        NOT NULL,
    topic       TEXT        NOT NULL,
    sort        TEXT        NOT NULL,
    account     TEXT        NOT NULL,
    livemode    BOOLEAN     NOT NULL,
    object_kind TEXT        NOT NULL,
    object_id   TEXT        NOT NULL,
    cause       TEXT,
    payload     JSONB       NOT NULL,
    created_at  TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),

    -- The id follows from the fact itself, so a fact that is told twice is told once.
    CONSTRAINT outbox_id_key PRIMARY KEY (id),
    CONSTRAINT outbox_sort_check CHECK (sort IN ('state', 'occurrence'))
);

-- The order in which it is read. Within one object it is the order of the commits: both numbers are
-- drawn under the object's lock, by a transaction whose first write comes after it.
CREATE UNIQUE INDEX outbox_cursor_idx ON quittance.outbox (xid, seq);
-- What was told of one object: for its timeline.
CREATE INDEX outbox_object_idx ON quittance.outbox (object_id, seq);

COMMENT ON TABLE  quittance.outbox IS 'Facts for the product, at least once: deduplicate by id. Read it through quittance.outbox_after(cursor, most). seq rises with commits within one object, not across objects.';
COMMENT ON COLUMN quittance.outbox.id IS 'Stable: a state fact''s follows from object, version and topic, an occurrence''s from event and topic.';
COMMENT ON COLUMN quittance.outbox.sort IS 'state: a row really changed. occurrence: an event really arrived.';
COMMENT ON COLUMN quittance.outbox.payload IS 'The parts of the notification that no column holds; quittance.outbox_body() puts it together. Its field v is the version of its shape.';

-- Who did what by hand, and why.
CREATE TABLE quittance.audit_log (
    id      BIGINT      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    actor   TEXT        NOT NULL,
    verb    TEXT        NOT NULL,
    target  TEXT        NOT NULL,
    reason  TEXT,
    count   BIGINT      NOT NULL DEFAULT 1,
    details JSONB       NOT NULL DEFAULT '{}',

    CONSTRAINT audit_log_actor_check CHECK (actor ~ '\S')
);

-- What was done to one thing: shown with a dead letter.
CREATE INDEX audit_log_target_idx ON quittance.audit_log (target, id);
-- The log of one person, newest first.
CREATE INDEX audit_log_actor_idx ON quittance.audit_log (actor, id);
-- The log of one verb.
CREATE INDEX audit_log_verb_idx ON quittance.audit_log (verb, id);

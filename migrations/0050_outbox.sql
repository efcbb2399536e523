-- Delivery of the outbox: the body of a notification, a cursor for SQL readers, and the deliveries to each
-- destination.

-- The notification as every consumer gets it: docs/notifications.schema.json.
CREATE FUNCTION quittance.outbox_body(o quittance.outbox) RETURNS jsonb LANGUAGE sql STABLE
AS $$
    SELECT jsonb_build_object(
        'id',       o.id,
        'v',        o.payload -> 'v',
        'topic',    o.topic,
        'sort',     o.sort,
        'created',  to_char(o.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'occurred', to_char(to_timestamp((o.payload -> 'occurred')::bigint) AT TIME ZONE 'UTC',
                            'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
        'account',  nullif(o.account, ''),
        'livemode', o.livemode,
        'object',   jsonb_build_object('kind', o.object_kind, 'id', o.object_id),
        'version',  o.payload -> 'version',
        'cause',    o.cause,
        'origin',   o.payload -> 'origin',
        'before',   o.payload -> 'before',
        'after',    o.payload -> 'after',
        'data',     o.payload -> 'data')
$$;

-- Notifications after a cursor, in order; '' is the beginning. Each row has the cursor that comes after
-- it: store it in the transaction that processes the notification.
--
-- It stops before the oldest transaction that is still running (in any database of the server), so
-- whatever commits later also comes later, and no row can appear behind a cursor.
CREATE FUNCTION quittance.outbox_after(after text, most integer)
RETURNS TABLE (cursor text, id uuid, topic text, body jsonb) LANGUAGE sql STABLE
AS $$
    SELECT o.xid::text || '/' || o.seq::text, o.id, o.topic, quittance.outbox_body(o)
    FROM quittance.outbox AS o
    WHERE (o.xid, o.seq) > (coalesce(nullif(split_part(after, '/', 1), ''), '0')::xid8,
                            coalesce(nullif(split_part(after, '/', 2), ''), '0')::bigint)
      AND o.xid < pg_snapshot_xmin(pg_current_snapshot())
    ORDER BY o.xid, o.seq
    LIMIT most
$$;

COMMENT ON FUNCTION quittance.outbox_after IS 'Notifications after a cursor ('''' is the beginning), in order. Never skips a row that commits late. LISTEN quittance_outbox to be woken.';

-- Destinations, and up to which row the outbox has been fanned out to each. A name is `stream`, for the
-- Redis Stream, or `http:` and the name in the settings.
CREATE TABLE quittance.outbox_destinations (
    name       TEXT        PRIMARY KEY,
    xid        XID8        NOT NULL,
    seq        BIGINT      NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp()
);

-- Deliveries of notifications to destinations: pending, delivered or dead-lettered.
CREATE TABLE quittance.outbox_deliveries (
    id           UUID        NOT NULL REFERENCES quittance.outbox ON DELETE CASCADE,
    -- No foreign key: removing a destination would scan the deliveries of all others. Deliveries that a
    -- relay adds during the removal are removed with the outbox's own retention.
    destination  TEXT        NOT NULL,
    seq          BIGINT      NOT NULL,
    -- Destination and object in one text. Deliveries of one queue are sent in order.
    queue        TEXT        NOT NULL,
    state        TEXT        NOT NULL DEFAULT 'pending',
    -- Not to be sent before.
    due_at       TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    attempts     INTEGER     NOT NULL DEFAULT 0,
    failure      TEXT,
    failure_code TEXT,
    -- Whether it was ever dead-lettered: then it has a dead letter.
    died         BOOLEAN     NOT NULL DEFAULT false,
    ended_at     TIMESTAMPTZ,

    -- First by id: for the cascade.
    CONSTRAINT outbox_deliveries_pkey PRIMARY KEY (id, destination),
    CONSTRAINT outbox_deliveries_state_check CHECK (state IN ('pending', 'delivered', 'dead')),
    CONSTRAINT outbox_deliveries_ended_check CHECK ((ended_at IS NULL) = (state = 'pending'))
);

-- Before a table is analysed, two indexes that begin with columns of a condition look equally good to
-- the planner, however many rows one of them leads to. So each of these can serve the queries that are
-- meant for it and no others: no two begin alike under conditions that one query states. Those for which
-- an index is meant state its whole predicate.

-- How many are pending, and which is the oldest.
CREATE INDEX outbox_deliveries_pending_idx ON quittance.outbox_deliveries (destination, seq)
    WHERE ended_at IS NULL;
-- Which one of a queue is next.
CREATE INDEX outbox_deliveries_queue_idx ON quittance.outbox_deliveries (queue, seq)
    WHERE state = 'pending';
-- Dead-lettered deliveries, for operators.
CREATE INDEX outbox_deliveries_dead_idx ON quittance.outbox_deliveries (destination, seq)
    WHERE state = 'dead' AND ended_at IS NOT NULL;

-- Queues: one row for each destination and object with pending deliveries, which a relay claims. A claim
-- reads this table by its index on due_at and nothing else, so its cost depends neither on how many deliveries
-- are pending or delivered nor on the planner's statistics.
--
-- The triggers below maintain it; no statement but a claim writes it.
CREATE TABLE quittance.outbox_queues (
    queue       TEXT        NOT NULL,
    destination TEXT        NOT NULL,
    -- The delivery that is next: the first pending one, unless an earlier one became pending again
    -- while this one was being sent. Its seq, its notification, and how often it failed.
    head        BIGINT      NOT NULL,
    head_id     UUID        NOT NULL,
    attempts    INTEGER     NOT NULL,
    -- When it may be claimed. A claim sets this to the end of its lease.
    due_at      TIMESTAMPTZ NOT NULL,
    -- The number of its current claim, 0 for none. A number is used once, so a late outcome of an earlier
    -- claim cannot be taken for one of the current claim.
    claim       BIGINT      NOT NULL DEFAULT 0,

    CONSTRAINT outbox_queues_pkey PRIMARY KEY (queue)
) WITH (
    -- Rows are short-lived; dead tuples must not pile up at the beginning of the index.
    fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000
);

-- Queues that are due.
CREATE INDEX outbox_queues_due_idx ON quittance.outbox_queues (destination, due_at);

CREATE SEQUENCE quittance.outbox_claims;

-- The functions below first lock the queues of all objects that their statement is about, in one order, and
-- insert those that are missing. A transaction that ends a delivery and one that adds another
-- of the same object thus come one after the other, and the later one sees what the earlier did: the
-- next statement of a function reads with a snapshot of its own.
--
-- Nested loops over indexes alone: how much is pending or delivered is unknown when the plan is made,
-- and this plan is good for any number.

CREATE FUNCTION quittance.outbox_deliveries_added() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off
SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
BEGIN
    INSERT INTO quittance.outbox_queues AS q (queue, destination, head, head_id, attempts, due_at)
    SELECT DISTINCT ON (n.queue) n.queue, n.destination, n.seq, n.id, n.attempts, n.due_at
    FROM added AS n
    WHERE n.state = 'pending'
    ORDER BY n.queue, n.seq
    -- Locks the row, and changes nothing.
    ON CONFLICT ON CONSTRAINT outbox_queues_pkey DO UPDATE SET head = excluded.head WHERE false;
    RETURN NULL;
END $$;

CREATE TRIGGER outbox_deliveries_added AFTER INSERT ON quittance.outbox_deliveries
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION quittance.outbox_deliveries_added();

CREATE FUNCTION quittance.outbox_deliveries_changed() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off
SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
BEGIN
    INSERT INTO quittance.outbox_queues AS q (queue, destination, head, head_id, attempts, due_at)
    SELECT DISTINCT ON (n.queue) n.queue, n.destination, n.seq, n.id, n.attempts, n.due_at
    FROM changed AS n
    ORDER BY n.queue, n.seq
    ON CONFLICT ON CONSTRAINT outbox_queues_pkey DO UPDATE SET head = excluded.head WHERE false;
    -- A queue whose head was changed continues with what is first now, free to be claimed; one that was
    -- changed further back stays as it is, because its head may be in flight.
    WITH heads AS MATERIALIZED (
        SELECT q.queue, f.seq, f.id, f.attempts, f.due_at
        FROM changed AS n
        -- A lookup for each row, which no join order can turn into a scan of all queues.
        CROSS JOIN LATERAL (
            SELECT q.queue FROM quittance.outbox_queues AS q
            WHERE q.queue = n.queue AND q.head = n.seq
            LIMIT 1) AS q
        LEFT JOIN LATERAL (
            SELECT d.seq, d.id, d.attempts, d.due_at
            FROM quittance.outbox_deliveries AS d
            WHERE d.queue = q.queue AND d.state = 'pending'
            ORDER BY d.seq
            LIMIT 1) AS f ON true
    ),
    moved AS (
        UPDATE quittance.outbox_queues AS q
        -- Not before now: relays look for what became due since they looked last.
        SET (head, head_id, attempts, due_at, claim) = (
            SELECT h.seq, h.id, h.attempts, greatest(h.due_at, statement_timestamp()), 0
            FROM heads AS h WHERE h.queue = q.queue)
        WHERE q.queue = ANY (ARRAY(SELECT h.queue FROM heads AS h WHERE h.seq IS NOT NULL))
    )
    DELETE FROM quittance.outbox_queues AS q
    WHERE q.queue = ANY (ARRAY(SELECT h.queue FROM heads AS h WHERE h.seq IS NULL));
    RETURN NULL;
END $$;

CREATE TRIGGER outbox_deliveries_changed AFTER UPDATE ON quittance.outbox_deliveries
    REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION quittance.outbox_deliveries_changed();

-- A delivery is removed with its destination, or by hand.
CREATE FUNCTION quittance.outbox_delivery_removed() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off
SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
BEGIN
    -- The row first, by a statement of its own: another transaction may be moving its head to this very
    -- delivery, and a read that does not wait for it would leave a head that no longer exists.
    PERFORM FROM quittance.outbox_queues AS q WHERE q.queue = OLD.queue FOR UPDATE;
    PERFORM FROM quittance.outbox_queues AS q WHERE q.queue = OLD.queue AND q.head = OLD.seq;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    UPDATE quittance.outbox_queues AS q
    SET head = f.seq, head_id = f.id, attempts = f.attempts, claim = 0,
        due_at = greatest(f.due_at, statement_timestamp())
    FROM (SELECT d.seq, d.id, d.attempts, d.due_at FROM quittance.outbox_deliveries AS d
          WHERE d.queue = OLD.queue AND d.state = 'pending'
          ORDER BY d.seq
          LIMIT 1) AS f
    WHERE q.queue = OLD.queue;
    IF NOT FOUND THEN
        DELETE FROM quittance.outbox_queues AS q WHERE q.queue = OLD.queue;
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER outbox_delivery_removed AFTER DELETE ON quittance.outbox_deliveries
    FOR EACH ROW WHEN (OLD.state = 'pending')
    EXECUTE FUNCTION quittance.outbox_delivery_removed();

-- Makes deliveries to a destination of the next page of the outbox; returns how many rows the destination's
-- cursor has moved. One relay at a time does this for a destination; the others continue without waiting.
CREATE FUNCTION quittance.outbox_fan_out(
    destination_name text, wanted text[], most integer, most_pending integer) RETURNS integer
LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off
SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
    at     quittance.outbox_destinations;
    passed integer;
BEGIN
    -- First a read that locks nothing: there is seldom something new.
    SELECT * INTO at FROM quittance.outbox_destinations WHERE name = destination_name;
    IF NOT FOUND OR NOT EXISTS (
        SELECT FROM quittance.outbox AS o
        WHERE (o.xid, o.seq) > (at.xid, at.seq) AND o.xid < pg_snapshot_xmin(pg_current_snapshot()))
    THEN
        RETURN 0;
    END IF;
    SELECT * INTO at FROM quittance.outbox_destinations
    WHERE name = destination_name FOR NO KEY UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    -- The backlog of a destination that is down stays in the outbox, without a delivery for each row.
    IF (SELECT count(*) FROM (
            SELECT FROM quittance.outbox_deliveries
            WHERE destination = destination_name AND ended_at IS NULL
            LIMIT most_pending) AS pending) >= most_pending
    THEN
        RETURN 0;
    END IF;
    WITH page AS MATERIALIZED (
        SELECT o.xid, o.seq, o.id, o.topic,
               concat_ws(':', destination_name, o.account, o.livemode, o.object_kind, o.object_id)
                   AS queue
        FROM quittance.outbox AS o
        WHERE (o.xid, o.seq) > (at.xid, at.seq) AND o.xid < pg_snapshot_xmin(pg_current_snapshot())
        ORDER BY o.xid, o.seq
        LIMIT most
    ),
    fanned_out AS (
        INSERT INTO quittance.outbox_deliveries (id, destination, seq, queue)
        SELECT p.id, destination_name, p.seq, p.queue
        FROM page AS p
        WHERE wanted = '{}' OR p.topic = ANY (wanted)
           OR split_part(p.topic, '.', 1) || '.*' = ANY (wanted)
        -- After outbox_restored() the cursor passes rows that have deliveries already.
        ON CONFLICT ON CONSTRAINT outbox_deliveries_pkey DO NOTHING
    ),
    moved AS (
        UPDATE quittance.outbox_destinations AS d
        SET xid = last.xid, seq = last.seq
        FROM (SELECT p.xid, p.seq FROM page AS p ORDER BY p.xid DESC, p.seq DESC LIMIT 1) AS last
        WHERE d.name = destination_name
    )
    SELECT count(*) INTO passed FROM page;
    RETURN passed;
END $$;

-- Progress of each destination, without counting what was not fanned out: that can be the whole table.
CREATE FUNCTION quittance.outbox_progress()
RETURNS TABLE (name text, xid xid8, seq bigint, pending bigint, dead bigint, oldest timestamptz)
LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET enable_bitmapscan = off
SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT n.name, n.xid, n.seq, p.count, x.count, least(b.created_at, f.created_at)
    FROM quittance.outbox_destinations AS n
    LEFT JOIN LATERAL ( -- the first that was not fanned out
        SELECT o.created_at FROM quittance.outbox AS o
        WHERE (o.xid, o.seq) > (n.xid, n.seq)
        ORDER BY o.xid, o.seq LIMIT 1) AS b ON true
    LEFT JOIN LATERAL ( -- the first that is not delivered
        SELECT o.created_at
        FROM (SELECT d.id FROM quittance.outbox_deliveries AS d
              WHERE d.destination = n.name AND d.ended_at IS NULL
              ORDER BY d.seq LIMIT 1) AS d
        JOIN quittance.outbox AS o USING (id)) AS f ON true
    CROSS JOIN LATERAL (
        SELECT count(*) FROM quittance.outbox_deliveries AS d
        WHERE d.destination = n.name AND d.ended_at IS NULL) AS p
    CROSS JOIN LATERAL (
        SELECT count(*) FROM quittance.outbox_deliveries AS d
        WHERE d.destination = n.name AND d.state = 'dead' AND d.ended_at IS NOT NULL) AS x
    ORDER BY n.name;
END $$;

-- How many rows of the outbox come after this one.
CREATE FUNCTION quittance.outbox_behind(after_xid xid8, after_seq bigint) RETURNS bigint
LANGUAGE sql STABLE
SET enable_seqscan = off
AS $$
    SELECT count(*) FROM quittance.outbox AS o WHERE (o.xid, o.seq) > (after_xid, after_seq)
$$;

-- The transaction that has been running longest of those that hold the outbox back: outbox_after()
-- stops before it, and so does outbox_fan_out(). No row when none runs. Only a transaction that has
-- written something, or locked a row, has a number and holds it back.
--
-- What another user's session does is hidden from a user without pg_read_all_stats: then there is only
-- the time of the oldest notification that cannot be read.
CREATE FUNCTION quittance.outbox_held_back_by()
RETURNS TABLE (pid integer, application text, username text, database text, state text,
               since timestamptz)
LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET enable_bitmapscan = off
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT h.pid, h.application, h.username, h.database, h.state, h.since
    FROM (
        SELECT a.pid, a.application_name AS application, a.usename::text AS username,
               a.datname::text AS database, a.state, a.xact_start AS since, age(a.backend_xid) AS age
        FROM pg_stat_activity AS a
        WHERE a.backend_xid IS NOT NULL AND a.pid <> pg_backend_pid()
        UNION ALL
        SELECT NULL, 'prepared transaction ' || p.gid, p.owner::text, p.database::text, 'prepared',
               p.prepared, age(p.transaction)
        FROM pg_prepared_xacts AS p) AS h
    ORDER BY h.age DESC
    LIMIT 1;
    IF FOUND THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT NULL::integer, NULL::text, NULL::text, NULL::text, NULL::text, o.created_at
    FROM quittance.outbox AS o
    WHERE o.xid >= pg_snapshot_xmin(pg_current_snapshot())
    ORDER BY o.xid, o.seq
    LIMIT 1;
END $$;

-- To be called once after the database was restored into another server from a dump: transaction
-- numbers start again there, and rows with higher numbers would not be read. Lowers all of them, and keeps
-- their order. Returns by how much, for cursors that are stored elsewhere;
-- 0 when there was nothing to do.
CREATE FUNCTION quittance.outbox_restored() RETURNS numeric LANGUAGE plpgsql
AS $$
DECLARE
    ahead numeric;
BEGIN
    -- No max(): Postgres 14 has none for transaction numbers.
    SELECT coalesce((SELECT o.xid FROM quittance.outbox AS o ORDER BY o.xid DESC LIMIT 1)::text::numeric, 0)
           - pg_snapshot_xmin(pg_current_snapshot())::text::numeric + 1
    INTO ahead;
    IF ahead <= 0 THEN
        RETURN 0;
    END IF;
    UPDATE quittance.outbox
    SET xid = greatest(xid::text::numeric - ahead, 0)::text::xid8;
    UPDATE quittance.outbox_destinations
    SET xid = greatest(xid::text::numeric - ahead, 0)::text::xid8;
    RETURN ahead;
END $$;

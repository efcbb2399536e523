-- The outbox, told: one body for all who listen, a cursor for those who read it by SQL, and what has
-- been sent where for those to whom it is sent.

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
        'before',   o.payload -> 'before',
        'after',    o.payload -> 'after',
        'data',     o.payload -> 'data')
$$;

-- What comes after a cursor, in order; '' is the beginning. Each row has the cursor that comes after
-- it: keep it in the transaction that does what the notification asks for.
--
-- It stops before the oldest transaction that is still running (in any database of the server), so
-- whatever commits later also comes later, and nothing that it has passed can still appear.
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

-- Who is sent to, and how far the outbox has been handed out to it. A name is `stream`, for the
-- Redis Stream, or `http:` and the name in the settings.
CREATE TABLE quittance.outbox_destinations (
    name       TEXT        PRIMARY KEY,
    xid        XID8        NOT NULL,
    seq        BIGINT      NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp()
);

-- What a destination is to be told, and has been.
CREATE TABLE quittance.outbox_deliveries (
    id           UUID        NOT NULL REFERENCES quittance.outbox ON DELETE CASCADE,
    destination  TEXT        NOT NULL REFERENCES quittance.outbox_destinations ON DELETE CASCADE,
    seq          BIGINT      NOT NULL,
    -- Account, mode, kind and id: its order is kept.
    object       TEXT        NOT NULL,
    state        TEXT        NOT NULL DEFAULT 'pending',
    -- When it may be taken. Who takes it sets this to when another may, should it not be heard of.
    due_at       TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    -- How often it was taken; tells a late word of an earlier taker from the current one's.
    claims       INTEGER     NOT NULL DEFAULT 0,
    attempts     INTEGER     NOT NULL DEFAULT 0,
    failure      TEXT,
    failure_code TEXT,
    -- Whether it was ever given up: then it has a dead letter.
    died         BOOLEAN     NOT NULL DEFAULT false,
    ended_at     TIMESTAMPTZ,

    -- First by id: for the cascade.
    CONSTRAINT outbox_deliveries_pkey PRIMARY KEY (id, destination),
    CONSTRAINT outbox_deliveries_state_check CHECK (state IN ('pending', 'delivered', 'dead')),
    CONSTRAINT outbox_deliveries_ended_check CHECK ((ended_at IS NULL) = (state = 'pending'))
);

-- What is due.
CREATE INDEX outbox_deliveries_due_idx ON quittance.outbox_deliveries (destination, due_at)
    WHERE state = 'pending';
-- Whether something of the same object comes first.
CREATE INDEX outbox_deliveries_object_idx ON quittance.outbox_deliveries (destination, object, seq)
    WHERE state = 'pending';
-- What ops looks at.
CREATE INDEX outbox_deliveries_dead_idx ON quittance.outbox_deliveries (destination, seq)
    WHERE state = 'dead';

-- Hands out the next page of the outbox to a destination; says how many rows it has passed. One
-- relay at a time does it for a destination; the others go on without waiting.
CREATE FUNCTION quittance.outbox_hand_out(
    destination_name text, wanted text[], most integer, most_pending integer) RETURNS integer
LANGUAGE plpgsql
AS $$
DECLARE
    at     quittance.outbox_destinations;
    passed integer;
BEGIN
    -- First a look that locks nothing: there is seldom something new.
    IF NOT EXISTS (
        SELECT FROM quittance.outbox_destinations AS d
        JOIN quittance.outbox AS o ON (o.xid, o.seq) > (d.xid, d.seq)
        WHERE d.name = destination_name AND o.xid < pg_snapshot_xmin(pg_current_snapshot()))
    THEN
        RETURN 0;
    END IF;
    SELECT * INTO at FROM quittance.outbox_destinations
    WHERE name = destination_name FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    -- A destination that is down has its backlog in the outbox, where it costs nothing to look past.
    IF (SELECT count(*) FROM (
            SELECT FROM quittance.outbox_deliveries
            WHERE destination = destination_name AND state = 'pending'
            LIMIT most_pending) AS pending) >= most_pending
    THEN
        RETURN 0;
    END IF;
    WITH page AS MATERIALIZED (
        SELECT o.xid, o.seq, o.id, o.topic,
               concat_ws(':', o.account, o.livemode, o.object_kind, o.object_id) AS object
        FROM quittance.outbox AS o
        WHERE (o.xid, o.seq) > (at.xid, at.seq) AND o.xid < pg_snapshot_xmin(pg_current_snapshot())
        ORDER BY o.xid, o.seq
        LIMIT most
    ),
    handed_out AS (
        INSERT INTO quittance.outbox_deliveries (id, destination, seq, object)
        SELECT p.id, destination_name, p.seq, p.object
        FROM page AS p
        WHERE wanted = '{}' OR p.topic = ANY (wanted)
           OR split_part(p.topic, '.', 1) || '.*' = ANY (wanted)
        -- After outbox_restored() it goes through what it had been told once more.
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

-- To be called once after the database was restored into another server from a dump: transaction
-- numbers begin anew there, and rows that seem to come from the future would not be read. Moves all
-- of them into the past, their order kept. Returns by how much, for cursors that are kept elsewhere;
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

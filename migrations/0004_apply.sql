-- The one writer of objects and the ledger.

-- Marks the rows of objects that Stripe says are gone. Rare, so it may plan each time.
CREATE FUNCTION quittance.bury(of quittance.kinds, rows jsonb) RETURNS void LANGUAGE plpgsql
AS $$
BEGIN
    EXECUTE format(
        'UPDATE %s AS t
         SET deleted = true, version = r.version, observed_at = to_timestamp(r.observed_at),
             updated_at = clock_timestamp()
         FROM jsonb_to_recordset($1) AS r (
             id text, account text, livemode boolean, version bigint, observed_at bigint)
         WHERE t.%I = r.id AND t.stripe_account = r.account AND t.livemode = r.livemode',
        of.app_table, of.id_column) USING rows;
END $$;

-- Settles a slice: every change whose row is still what the caller has read, and every event that
-- is not settled yet. Returns the settlements that are in conflict and of which nothing was
-- written. All of it is one transaction: an error leaves nothing of any of them.
--
-- Its `SET`s: a session keeps the plans that it made while the tables were still empty, and those
-- would scan them whole for ever after. A slice is small, so an index is always right; and left to
-- itself, Postgres plans most of these statements anew each time, which costs as much as they do.
--
--   locks    names of what the slice touches: its objects, and the payments that they belong to
--   changes  [{settlement, account, livemode, kind, id, expected, observed_at, seen_by, deleted,
--              recorded, row, cause, transition: {from, to, kind}, facts: [{id, topic, payload}],
--              withheld}]; withheld says what becomes of facts that are not published: `add` these to them,
--              `drop` them, `keep` them
--   data     the object of each change, in their order; NULL for one that is gone. Beside `changes`, which
--            several statements expand, and an object is the largest part of a change.
--   events   [{settlement, id, ..., attempt: {...}, occurrences: [{id, topic, payload}]}]
--   lock_wait  milliseconds to wait for each lock, of whatever sort; then it is an error. NULL: as
--              long as the statement may take.
--   commands  [{settlement, id, runner, state, ...}], see quittance.end_turns
--   releases  [{settlement, account, livemode, kind, id, cause}], see quittance.release_withheld
CREATE FUNCTION quittance.apply(
    locks text[], changes jsonb, data jsonb[], events jsonb, lock_wait integer, commands jsonb,
    releases jsonb)
RETURNS integer[]
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
    won       integer[] := '{}';
    conflicts integer[] := '{}';
    befores   jsonb     := '{}'; -- settlement → what was recorded before, for the outbox
    batch     record;
    typed     quittance.kinds;
    written   bigint;
BEGIN
    -- The sums of a payment rely on each statement seeing what was committed before it got its
    -- lock; with one snapshot for the whole transaction they would be wrong without an error.
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'quittance.apply needs READ COMMITTED' USING ERRCODE = 'QT002';
    END IF;

    IF lock_wait IS NOT NULL THEN
        PERFORM set_config('lock_timeout', lock_wait::text, true);
    END IF;

    -- First all locks, in one order for everybody: whatever overlaps waits here, holding nothing
    -- that the other one needs, so no two slices can deadlock. They order the outbox of an
    -- object too: seq is drawn under its lock.
    PERFORM pg_advisory_xact_lock(sorted.key)
    FROM (SELECT DISTINCT hashtextextended('quittance:' || name, 0) AS key
          FROM unnest(locks) AS name ORDER BY key) AS sorted;

    IF jsonb_array_length(changes) > 0 THEN
        WITH wanted AS MATERIALIZED (
            -- One change an object; a second one of the same slice is in conflict with the first.
            SELECT DISTINCT ON (c.account, c.livemode, c.kind, c.id) c.*
            FROM ROWS FROM (
                jsonb_to_recordset(changes) AS (
                    settlement integer, account text, livemode boolean, kind text, id text,
                    expected bigint, observed_at bigint, seen_by bigint, deleted boolean,
                    recorded jsonb, cause text, facts jsonb, withheld text),
                unnest(data)
            ) AS c (settlement, account, livemode, kind, id, expected, observed_at, seen_by, deleted,
                    recorded, cause, facts, withheld, data)
            ORDER BY c.account, c.livemode, c.kind, c.id, c.settlement
        ),
        opened AS (
            INSERT INTO quittance.objects (
                account, livemode, kind, id, version, observed_at, seen_by, deleted, data, recorded,
                cause, withheld, withheld_at)
            SELECT w.account, w.livemode, w.kind, w.id, 1, to_timestamp(w.observed_at),
                   to_timestamp(w.seen_by), w.deleted, w.data, w.recorded, w.cause,
                   CASE WHEN w.withheld = 'add'
                        THEN jsonb_build_array(jsonb_build_object('before', NULL, 'facts', w.facts)) END,
                   CASE WHEN w.withheld = 'add' THEN to_timestamp(w.seen_by) END
            FROM wanted AS w
            WHERE w.expected = 0
            ON CONFLICT ON CONSTRAINT objects_pkey DO NOTHING
            RETURNING account, livemode, kind, id
        ),
        -- Its own table once more, for what it held before: RETURNING knows only what it holds now.
        -- The object's lock keeps the two from being of different versions.
        moved AS (
            UPDATE quittance.objects AS o
            SET version     = o.version + 1,
                observed_at = to_timestamp(w.observed_at),
                seen_by     = to_timestamp(w.seen_by),
                deleted     = w.deleted,
                data        = coalesce(w.data, o.data),
                recorded    = coalesce(w.recorded, o.recorded),
                cause       = w.cause,
                withheld    = CASE w.withheld
                    WHEN 'add' THEN coalesce(o.withheld, '[]')
                        || jsonb_build_object('before', old.recorded, 'facts', w.facts)
                    WHEN 'keep' THEN o.withheld END,
                withheld_at = CASE w.withheld
                    WHEN 'add' THEN to_timestamp(w.seen_by)
                    WHEN 'keep' THEN o.withheld_at END,
                updated_at  = clock_timestamp()
            FROM wanted AS w
            JOIN quittance.objects AS old USING (account, livemode, kind, id)
            WHERE o.account = w.account AND o.livemode = w.livemode
              AND o.kind = w.kind AND o.id = w.id
              AND o.version = w.expected                       -- as the caller has read it
              AND NOT o.deleted                                -- nothing resurrects a tombstone
              AND o.observed_at <= to_timestamp(w.observed_at) -- never backwards
            RETURNING w.settlement, old.recorded AS before
        )
        SELECT coalesce(array_agg(done.settlement), '{}'),
               coalesce(jsonb_object_agg(done.settlement, done.before), '{}')
        INTO won, befores
        FROM (SELECT w.settlement, NULL::jsonb AS before
              FROM opened JOIN wanted AS w USING (account, livemode, kind, id)
              UNION ALL
              SELECT m.settlement, m.before FROM moved AS m) AS done;

        IF cardinality(won) < jsonb_array_length(changes) THEN
            SELECT array_agg(c.settlement ORDER BY c.settlement) INTO conflicts
            FROM jsonb_to_recordset(changes) AS c (settlement integer)
            WHERE c.settlement <> ALL (won);
        END IF;

        FOR batch IN
            SELECT c ->> 'kind' AS kind, (c -> 'deleted')::boolean AS deleted,
                   jsonb_agg(c -> 'row') AS rows, count(*) AS total
            FROM jsonb_array_elements(changes) AS c
            WHERE (c -> 'settlement')::integer = ANY (won)
            GROUP BY 1, 2 ORDER BY 1, 2
        LOOP
            SELECT k.* INTO typed FROM quittance.kinds AS k WHERE k.kind = batch.kind;
            CONTINUE WHEN NOT FOUND; -- mirrored: quittance.objects is all there is of it
            IF batch.deleted THEN
                PERFORM quittance.bury(typed, batch.rows);
                CONTINUE;
            END IF;
            EXECUTE format('SELECT %s($1)', typed.writer) INTO written USING batch.rows;
            IF written IS DISTINCT FROM batch.total THEN
                RAISE EXCEPTION 'a % of this slice belongs to another account or mode', batch.kind
                    USING ERRCODE = 'QT001';
            END IF;
        END LOOP;
    END IF;

    -- Before the facts of this slice, which are newer.
    IF jsonb_array_length(releases) > 0 THEN
        PERFORM quittance.release_withheld(releases, conflicts);
    END IF;

    IF jsonb_array_length(changes) > 0 THEN
        WITH change AS MATERIALIZED (
            SELECT c.*
            FROM jsonb_to_recordset(changes) AS c (
                settlement integer, account text, livemode boolean, kind text, id text,
                expected bigint, observed_at bigint, cause text, transition jsonb, facts jsonb,
                withheld text)
            WHERE c.settlement = ANY (won)
        ),
        stepped AS (
            INSERT INTO app.transitions (
                object_kind, object_id, stripe_account, livemode, from_status, to_status, kind,
                because_of, version, observed_at)
            SELECT c.kind, c.id, c.account, c.livemode, c.transition ->> 'from',
                   c.transition ->> 'to', c.transition ->> 'kind', c.cause, c.expected + 1,
                   to_timestamp(c.observed_at)
            FROM change AS c
            WHERE c.transition IS NOT NULL
            ORDER BY c.settlement
        )
        INSERT INTO quittance.outbox (
            id, topic, sort, account, livemode, object_kind, object_id, cause, payload)
        SELECT f.id, f.topic, 'state', c.account, c.livemode, c.kind, c.id, c.cause,
               f.payload || jsonb_build_object('before', befores -> c.settlement::text)
        FROM change AS c
        CROSS JOIN LATERAL ROWS FROM (
            jsonb_to_recordset(c.facts) AS (id uuid, topic text, payload jsonb)
        ) WITH ORDINALITY AS f (id, topic, payload, nth)
        WHERE c.withheld <> 'add'
        ORDER BY c.settlement, f.nth
        ON CONFLICT ON CONSTRAINT outbox_id_key DO NOTHING;
    END IF;

    IF jsonb_array_length(events) > 0 THEN
        PERFORM quittance.settle(events, conflicts);
    END IF;
    IF jsonb_array_length(commands) > 0 THEN
        PERFORM quittance.end_turns(commands, conflicts);
    END IF;
    RETURN conflicts;
END $$;

-- Publishes what changes of objects did not: an event has arrived that was made before one of them was seen, so it
-- would have published the same had that change not been written without it. Its objects' locks are held.
CREATE FUNCTION quittance.release_withheld(releases jsonb, conflicts integer[]) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    WITH wanted AS MATERIALIZED (
        SELECT DISTINCT ON (r.account, r.livemode, r.kind, r.id) r.*
        FROM jsonb_to_recordset(releases) AS r (
            settlement integer, account text, livemode boolean, kind text, id text, cause text)
        WHERE r.settlement <> ALL (conflicts)
        ORDER BY r.account, r.livemode, r.kind, r.id, r.settlement
    ),
    -- Its own table once more: RETURNING knows only that nothing is withheld now.
    released AS (
        UPDATE quittance.objects AS o
        SET withheld = NULL, withheld_at = NULL
        FROM wanted AS w
        JOIN quittance.objects AS old USING (account, livemode, kind, id)
        WHERE o.account = w.account AND o.livemode = w.livemode AND o.kind = w.kind AND o.id = w.id
          AND o.withheld IS NOT NULL
        RETURNING o.account, o.livemode, o.kind, o.id, w.settlement, w.cause, old.withheld
    )
    INSERT INTO quittance.outbox (
        id, topic, sort, account, livemode, object_kind, object_id, cause, payload)
    SELECT f.id, f.topic, 'state', r.account, r.livemode, r.kind, r.id, r.cause,
           f.payload || jsonb_build_object('before', step.entry -> 'before')
    FROM released AS r
    CROSS JOIN LATERAL jsonb_array_elements(r.withheld) WITH ORDINALITY AS step (entry, nth)
    CROSS JOIN LATERAL ROWS FROM (
        jsonb_to_recordset(step.entry -> 'facts') AS (id uuid, topic text, payload jsonb)
    ) WITH ORDINALITY AS f (id, topic, payload, nth)
    ORDER BY r.settlement, step.nth, f.nth
    ON CONFLICT ON CONSTRAINT outbox_id_key DO NOTHING;
END $$;

-- The events' half of apply(): what hangs on an event hangs on its *newly* being settled.
CREATE FUNCTION quittance.settle(events jsonb, conflicts integer[]) RETURNS void LANGUAGE plpgsql
AS $$
DECLARE
    revived text[];
BEGIN
    WITH incoming AS MATERIALIZED (
        -- Locked in the order of their ids, like everywhere.
        SELECT DISTINCT ON (e.id) e.*
        FROM jsonb_to_recordset(events) AS e (
            settlement integer, id text, type text, api_version text, account text,
            livemode boolean, created bigint, endpoint text, source text, received_at_ms bigint,
            secret_index integer, object_kind text, object_id text, status text, outcome text,
            attempt jsonb, occurrences jsonb)
        WHERE e.settlement <> ALL (conflicts)
        ORDER BY e.id, e.settlement
    ),
    settled AS (
        INSERT INTO quittance.events AS l (
            id, type, api_version, account, livemode, stripe_created, endpoint, source, received_at,
            secret_index, object_kind, object_id, status, outcome, settled_at, attempts)
        SELECT i.id, i.type, i.api_version, i.account, i.livemode, to_timestamp(i.created),
               i.endpoint, i.source, to_timestamp(i.received_at_ms / 1000.0), i.secret_index, i.object_kind,
               i.object_id, i.status, i.outcome, clock_timestamp(),
               (i.attempt -> 'number')::integer
        FROM incoming AS i
        ON CONFLICT (id) DO UPDATE SET
            type           = excluded.type,
            api_version    = excluded.api_version,
            account        = excluded.account,
            livemode       = excluded.livemode,
            stripe_created = excluded.stripe_created,
            object_kind    = excluded.object_kind,
            object_id      = excluded.object_id,
            status         = excluded.status,
            outcome        = excluded.outcome,
            settled_at     = excluded.settled_at,
            attempts       = l.attempts + excluded.attempts
        WHERE l.status = 'dead' -- a settled event is settled once
        -- xmax is set where the row was there before: a dead event that settles after all.
        RETURNING l.id, l.xmax <> 0 AS was_dead
    ),
    tried AS (
        INSERT INTO quittance.attempts (
            event_id, number, started_at, duration_ms, worker, outcome, class, code, chain,
            request_id, trace_id)
        SELECT i.id, a.number, to_timestamp(a.started_at_ms / 1000.0), a.duration_ms, a.worker,
               i.outcome, a.class, a.code, a.chain, a.request_id, a.trace_id
        FROM incoming AS i
        JOIN settled USING (id)
        CROSS JOIN LATERAL jsonb_to_record(i.attempt) AS a (
            number integer, started_at_ms bigint, duration_ms bigint, worker text, class text,
            code text, chain text[], request_id text, trace_id text)
    ),
    told AS (
        INSERT INTO quittance.outbox (
            id, topic, sort, account, livemode, object_kind, object_id, cause, payload)
        SELECT o.id, o.topic, 'occurrence', i.account, i.livemode, i.object_kind, i.object_id, i.id,
               o.payload
        FROM incoming AS i
        JOIN settled USING (id)
        CROSS JOIN LATERAL ROWS FROM (
            jsonb_to_recordset(i.occurrences) AS (id uuid, topic text, payload jsonb)
        ) WITH ORDINALITY AS o (id, topic, payload, nth)
        ORDER BY i.settlement, i.id, o.nth
        ON CONFLICT ON CONSTRAINT outbox_id_key DO NOTHING
    )
    SELECT array_agg(id ORDER BY id) INTO revived FROM settled WHERE was_dead;

    -- A statement of its own: the one above may have waited for the transaction that wrote the
    -- letter, and then does not see it.
    IF revived IS NOT NULL THEN
        UPDATE quittance.dead_letters
        SET state = 'resolved', resolved_at = clock_timestamp(), updated_at = clock_timestamp()
        WHERE event_id = ANY (revived) AND state IN ('open', 'retrying');
    END IF;
END $$;

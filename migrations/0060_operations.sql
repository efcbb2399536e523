-- What ops does with dead letters: one, some, or all that a filter names.

-- The letters that a filter names; every key of it is optional. The one place that says what a
-- filter means. Postgres puts its text in the place of the call, and with a given filter nothing
-- but the conditions that it makes is left, so the indexes are used as if each had been written out.
CREATE FUNCTION quittance.letters_where(f jsonb) RETURNS SETOF quittance.dead_letters
LANGUAGE sql STABLE
AS $$
    SELECT d.*
    FROM quittance.dead_letters AS d
    WHERE (f ->> 'state' IS NULL
           OR d.state = CASE f ->> 'state' WHEN 'snoozed' THEN 'open' ELSE f ->> 'state' END)
      AND (f ->> 'state' IS DISTINCT FROM 'open'
           OR d.snoozed_until IS NULL OR d.snoozed_until <= now())
      AND (f ->> 'state' IS DISTINCT FROM 'snoozed' OR d.snoozed_until > now())
      AND (f ->> 'fingerprint' IS NULL OR d.fingerprint = f ->> 'fingerprint')
      AND (f ->> 'untyped'     IS NULL OR d.event_type IS NULL)
      AND (f ->> 'event_type'  IS NULL OR d.event_type = f ->> 'event_type')
      AND (f ->> 'object_kind' IS NULL OR d.object_kind = f ->> 'object_kind')
      AND (f ->> 'object_id'   IS NULL OR d.object_id = f ->> 'object_id')
      AND (f ->> 'customer'    IS NULL OR d.customer = f ->> 'customer')
      AND (f ->> 'account'     IS NULL OR d.account = f ->> 'account')
      AND (f ->> 'livemode'    IS NULL OR d.livemode = (f ->> 'livemode')::boolean)
      AND (f ->> 'endpoint'    IS NULL OR d.endpoint = f ->> 'endpoint')
      AND (f ->> 'source'      IS NULL OR d.source = f ->> 'source')
      AND (f ->> 'reason'      IS NULL OR d.reason = f ->> 'reason')
      AND (f ->> 'class'       IS NULL OR d.class = f ->> 'class')
      AND (f ->> 'code'        IS NULL OR d.code = f ->> 'code')
      AND (f ->> 'older_than'  IS NULL OR d.died_at < (f ->> 'older_than')::timestamptz)
      AND (f ->> 'newer_than'  IS NULL OR d.died_at > (f ->> 'newer_than')::timestamptz)
      AND (f ->> 'text'        IS NULL
           OR strpos(lower(d.message), lower(f ->> 'text')) > 0)
      AND (f ->> 'min_attempts' IS NULL OR d.attempts >= (f ->> 'min_attempts')::integer)
      AND (f -> 'ids' IS NULL
           OR d.id = ANY (ARRAY(SELECT jsonb_array_elements_text(f -> 'ids')::bigint)))
$$;

-- A bulk act: what was asked for, by whom, and how far it is. Never removed by itself: it says who
-- did what, like the audit log.
CREATE TABLE quittance.operations (
    id               BIGINT      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    verb             TEXT        NOT NULL,
    -- The filter; of refunds, the file; of a backfill, what is read. Letters after `upto` do not join; of refunds,
    -- their number. A backfill does not know its `total` before it has ended: it grows with what was read.
    selection        JSONB       NOT NULL,
    upto             BIGINT      NOT NULL,
    over_ms          BIGINT,
    until            TIMESTAMPTZ,
    actor            TEXT        NOT NULL,
    reason           TEXT,
    state            TEXT        NOT NULL DEFAULT 'running',
    total            BIGINT      NOT NULL,
    done             BIGINT      NOT NULL DEFAULT 0,
    failed           BIGINT      NOT NULL DEFAULT 0,
    -- The last letter that was looked at: where it goes on.
    reached          BIGINT      NOT NULL DEFAULT 0,
    -- Who runs it. One that was taken for dead and is not finds another name here, and ends.
    runner           UUID        NOT NULL,
    cancel_requested BOOLEAN     NOT NULL DEFAULT false,
    error            TEXT,
    created_at       TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    -- Moved with each page.
    heartbeat_at     TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    ended_at         TIMESTAMPTZ,

    CONSTRAINT operations_verb_check CHECK (verb IN ('retry', 'discard', 'snooze', 'undo', 'refund', 'backfill')),
    CONSTRAINT operations_state_check CHECK (state IN ('running', 'done', 'cancelled', 'interrupted')),
    CONSTRAINT operations_ended_check CHECK ((ended_at IS NULL) = (state = 'running')),
    CONSTRAINT operations_until_check CHECK ((until IS NOT NULL) = (verb = 'snooze')),
    CONSTRAINT operations_reason_check CHECK (verb <> 'discard' OR reason IS NOT NULL),
    CONSTRAINT operations_actor_check CHECK (actor ~ '\S')
);

-- What an operation did to each of its letters.
CREATE TABLE quittance.operation_results (
    operation BIGINT      NOT NULL REFERENCES quittance.operations ON DELETE CASCADE,
    letter    BIGINT      NOT NULL,
    ok        BOOLEAN     NOT NULL,
    result    TEXT        NOT NULL,
    at        TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT operation_results_pkey PRIMARY KEY (operation, letter)
);

-- What was done to one letter, by operations: shown with it. No foreign key to the letter, which
-- retention may remove.
CREATE INDEX operation_results_letter_idx ON quittance.operation_results (letter, operation);
-- What went wrong is looked at first.
CREATE INDEX operation_results_failed_idx ON quittance.operation_results (operation, letter)
    WHERE NOT ok;

-- Locks letters, and before them what they are about. Every writer of a letter locks in this order: the
-- ledger's rows of events, then deliveries of notifications, then letters, each in the order of their keys.
-- Who settles an event or delivers a notification comes to the letter last by itself (quittance.settle,
-- store/dead_letter/write.sql, store/outbox); who begins at the letter calls this. Whoever has the row that a
-- letter is about has the letter, so two of them never wait for each other.
--
-- Its `SET`s: as of quittance.apply, and here too there are few rows and an index for each.
CREATE FUNCTION quittance.lock_letters(ids bigint[]) RETURNS SETOF quittance.dead_letters
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
BEGIN
    PERFORM FROM quittance.events AS e
    WHERE e.id IN (SELECT d.event_id FROM quittance.dead_letters AS d
                   WHERE d.id = ANY (ids) AND d.source = 'event')
    ORDER BY e.id
    FOR NO KEY UPDATE OF e;
    PERFORM FROM quittance.outbox_deliveries AS o
    WHERE (o.id, o.destination) IN (SELECT d.notification, d.endpoint FROM quittance.dead_letters AS d
                                    WHERE d.id = ANY (ids) AND d.source = 'notification')
    ORDER BY o.id, o.destination
    FOR NO KEY UPDATE OF o;
    RETURN QUERY
        SELECT d.* FROM quittance.dead_letters AS d
        WHERE d.id = ANY (ids)
        ORDER BY d.id
        FOR UPDATE OF d;
END $$;

-- Makes the dead notifications of letters pending again, and returns the letters whose notification it was.
-- All of them in one statement: its trigger locks the rows of quittance.outbox_queues in the order of their
-- names. With a statement for each letter two bulk retries of the same objects' notifications would lock
-- those rows in the order of their letters, which differs, and wait for each other.
--
-- Its `SET`s: as of lock_letters(), which it calls first.
CREATE FUNCTION quittance.requeue_notifications(ids bigint[], waits bigint[]) RETURNS SETOF bigint
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
BEGIN
    PERFORM FROM quittance.lock_letters(ids);
    RETURN QUERY
        UPDATE quittance.outbox_deliveries AS o
        SET state = 'pending', ended_at = NULL, attempts = 0,
            due_at = clock_timestamp() + make_interval(secs => coalesce(w.wait, 0) / 1000.0)
        FROM unnest(ids, waits) AS w (id, wait)
        JOIN quittance.dead_letters AS d ON d.id = w.id
        WHERE d.source = 'notification' AND d.state IN ('open', 'retrying')
          AND o.id = d.notification AND o.destination = d.endpoint AND o.state = 'dead'
        RETURNING d.id;
END $$;

-- Acts on letters, each for itself, and says of each what came of it:
--   done       it was done
--   moved      retry: its job is in the queue, and the letter had moved by itself
--   open, snoozed, retrying, resolved, discarded   it is that, so there is nothing to do
--   settled    undo: what it is about has settled since
--   replaced   undo: a newer letter of the same event is open
--   gone       retry: its notification is kept no longer
--   unknown    there is no such letter
-- `seen` are the deaths of each letter when its job was made: one that has died again since waits
-- for a person, not for that job. `waits` are milliseconds.
CREATE FUNCTION quittance.act(
    verb text, ids bigint[], seen integer[], waits bigint[], until timestamptz, who text, why text)
RETURNS TABLE (letter bigint, event text, result text)
LANGUAGE plpgsql
AS $$
DECLARE
    requeued bigint[] := '{}';
    l        record;
BEGIN
    IF verb = 'retry' THEN
        requeued := ARRAY(SELECT r FROM quittance.requeue_notifications(ids, waits) AS r);
    END IF;
    FOR l IN
        SELECT d.id, d.event_id, w.seen
        FROM quittance.lock_letters(ids) AS d
        JOIN unnest(ids, seen) AS w (id, seen) ON w.id = d.id
        ORDER BY d.id
    LOOP
        letter := l.id;
        event := l.event_id;
        result := CASE verb
            WHEN 'retry'   THEN quittance.act_retry(l.id, l.seen, l.id = ANY (requeued))
            WHEN 'discard' THEN quittance.act_discard(l.id, who, why)
            WHEN 'snooze'  THEN quittance.act_snooze(l.id, until)
            WHEN 'undo'    THEN quittance.act_undo(l.id)
        END;
        RETURN NEXT;
    END LOOP;
    RETURN QUERY
        SELECT w.id, NULL::text, 'unknown'
        FROM unnest(ids) AS w (id)
        WHERE NOT EXISTS (SELECT FROM quittance.dead_letters AS d WHERE d.id = w.id);
END $$;

-- The verbs of act(), for one letter that lock_letters() has locked.

-- `requeued`: the letter is a notification's, and requeue_notifications() has put that back.
CREATE FUNCTION quittance.act_retry(of bigint, seen integer, requeued boolean) RETURNS text
LANGUAGE plpgsql
AS $$
DECLARE
    l record;
BEGIN
    SELECT d.source, d.notification, d.endpoint, d.state, d.deaths INTO l
    FROM quittance.dead_letters AS d WHERE d.id = of;
    IF l.source = 'notification' THEN
        IF l.state NOT IN ('open', 'retrying') THEN
            RETURN l.state;
        END IF;
        IF NOT requeued THEN
            PERFORM FROM quittance.outbox_deliveries AS o
            WHERE o.id = l.notification AND o.destination = l.endpoint;
            RETURN CASE WHEN FOUND THEN 'moved' ELSE 'gone' END;
        END IF;
    ELSIF l.state NOT IN ('open', 'retrying') OR l.deaths <> seen THEN
        RETURN 'moved';
    END IF;
    UPDATE quittance.dead_letters AS d
    SET state = 'retrying', retries = d.retries + 1, snoozed_until = NULL,
        updated_at = clock_timestamp()
    WHERE d.id = of;
    RETURN 'done';
END $$;

-- The delivery of a notification stays dead, and so does the ledger's row of an event. A retry that
-- waits in the queue is taken back.
CREATE FUNCTION quittance.act_discard(of bigint, who text, why text) RETURNS text
LANGUAGE plpgsql
AS $$
BEGIN
    UPDATE quittance.dead_letters AS d
    SET state = 'discarded', resolved_at = clock_timestamp(), updated_at = clock_timestamp(),
        snoozed_until = NULL, discarded_by = who, discard_reason = why, taken_back = d.retries
    WHERE d.id = of AND d.state IN ('open', 'retrying');
    IF FOUND THEN
        RETURN 'done';
    END IF;
    RETURN (SELECT d.state FROM quittance.dead_letters AS d WHERE d.id = of);
END $$;

CREATE FUNCTION quittance.act_snooze(of bigint, until timestamptz) RETURNS text
LANGUAGE plpgsql
AS $$
BEGIN
    UPDATE quittance.dead_letters AS d
    SET snoozed_until = until, updated_at = clock_timestamp()
    WHERE d.id = of AND d.state = 'open';
    IF FOUND THEN
        RETURN 'done';
    END IF;
    RETURN (SELECT d.state FROM quittance.dead_letters AS d WHERE d.id = of);
END $$;

CREATE FUNCTION quittance.act_undo(of bigint) RETURNS text LANGUAGE plpgsql
AS $$
DECLARE
    l record;
BEGIN
    SELECT d.source, d.event_id, d.notification, d.endpoint, d.state, d.snoozed_until INTO l
    FROM quittance.dead_letters AS d WHERE d.id = of;
    -- A snooze is undone, too.
    IF l.state = 'open' AND l.snoozed_until > clock_timestamp() THEN
        UPDATE quittance.dead_letters AS d
        SET snoozed_until = NULL, updated_at = clock_timestamp()
        WHERE d.id = of;
        RETURN 'done';
    ELSIF l.state <> 'discarded' THEN
        RETURN l.state;
    END IF;
    -- Locked by the caller: who settles or delivers it next finds the letter open, and resolves it.
    IF l.source = 'event' THEN
        PERFORM FROM quittance.events AS e WHERE e.id = l.event_id AND e.status = 'dead';
    ELSE
        PERFORM FROM quittance.outbox_deliveries AS o
        WHERE o.id = l.notification AND o.destination = l.endpoint AND o.state = 'dead';
    END IF;
    IF NOT FOUND THEN
        RETURN 'settled';
    END IF;
    UPDATE quittance.dead_letters AS d
    SET state = 'open', resolved_at = NULL, discarded_by = NULL, discard_reason = NULL,
        updated_at = clock_timestamp()
    WHERE d.id = of;
    RETURN 'done';
EXCEPTION
    WHEN unique_violation THEN -- dead_letters_one_open_idx
        RETURN 'replaced';
END $$;

-- A page of an operation: acts on letters, notes what came of each and how far it is. One
-- transaction, so that whoever goes on with it after a crash neither forgets nor repeats any.
-- `refused` are letters that were not acted on, [{letter, result}]. No row: somebody else runs it
-- now, or it has ended; then nothing was done.
CREATE FUNCTION quittance.operate(
    op bigint, mine uuid, ids bigint[], seen integer[], waits bigint[], refused jsonb, upto bigint)
RETURNS SETOF quittance.operations
LANGUAGE plpgsql
AS $$
DECLARE
    o       quittance.operations;
    results jsonb;
BEGIN
    SELECT * INTO o FROM quittance.operations
    WHERE id = op AND runner = mine AND state = 'running'
    FOR UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    WITH acted AS (
        SELECT a.letter, a.result, a.result IN ('done', 'moved') AS ok
        FROM quittance.act(o.verb, ids, seen, waits, o.until, o.actor, o.reason) AS a
        UNION ALL
        SELECT r.letter, r.result, false
        FROM jsonb_to_recordset(refused) AS r (letter bigint, result text)
    ),
    noted AS (
        INSERT INTO quittance.operation_results AS r (operation, letter, ok, result)
        SELECT op, a.letter, a.ok, a.result FROM acted AS a
        -- Resumed after a cancel, it comes once more to what the cancel took back.
        ON CONFLICT ON CONSTRAINT operation_results_pkey
            DO UPDATE SET ok = excluded.ok, result = excluded.result, at = clock_timestamp()
            WHERE r.result = 'taken_back'
        -- xmax is set where the row was there before.
        RETURNING ok, xmax <> 0 AS again
    )
    UPDATE quittance.operations AS p
    SET done         = p.done + n.done,
        failed       = p.failed + n.failed - n.again,
        reached      = operate.upto,
        heartbeat_at = clock_timestamp()
    FROM (SELECT count(*) FILTER (WHERE ok) AS done, count(*) FILTER (WHERE NOT ok) AS failed,
                 count(*) FILTER (WHERE again) AS again
          FROM noted) AS n
    WHERE p.id = op
    RETURNING p.* INTO o;
    RETURN NEXT o;
END $$;

-- The letters of a page that a retry has put back and that have not come to an end: what a cancel takes
-- back. Not those that another operation has retried since, and no notification that is on its way.
CREATE FUNCTION quittance.unfinished(op bigint, page bigint[]) RETURNS SETOF bigint
LANGUAGE sql STABLE
AS $$
    SELECT d.id
    FROM quittance.dead_letters AS d
    WHERE d.id = ANY (page) AND d.state = 'retrying'
      AND NOT EXISTS (SELECT FROM quittance.operation_results AS later
                      WHERE later.letter = d.id AND later.operation > op AND later.ok)
      AND (d.source = 'event'
           OR EXISTS (SELECT FROM quittance.outbox_deliveries AS o
                      WHERE o.id = d.notification AND o.destination = d.endpoint
                        AND o.state = 'pending' AND o.attempts = 0))
$$;

-- Takes back one page of the retries of an operation that is being cancelled: the letters are open again, and
-- what waits in the queue for them ends without an attempt. `after` is the last letter of the page before.
-- Returns the last letter of this page, NULL after the last page. No row: another process runs the operation
-- now, or it has ended; then nothing was done. A page is a transaction, so that its length does not depend on
-- the operation's; what is taken back says so in its result, and whoever goes on later passes over it.
CREATE FUNCTION quittance.take_back(op bigint, mine uuid, after bigint, most integer)
RETURNS TABLE (last bigint)
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
    page  bigint[];
    freed bigint[];
BEGIN
    PERFORM FROM quittance.operations AS o
    WHERE o.id = op AND o.runner = mine AND o.state = 'running'
    FOR UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    page := ARRAY(
        SELECT r.letter FROM quittance.operation_results AS r
        WHERE r.operation = op AND r.letter > after AND r.result = 'done'
        ORDER BY r.letter
        LIMIT most);
    PERFORM FROM quittance.lock_letters(page);
    -- After the locks: what has ended in the meantime is left as it is.
    freed := ARRAY(SELECT u FROM quittance.unfinished(op, page) AS u);
    UPDATE quittance.outbox_deliveries AS o
    SET state = 'dead', ended_at = clock_timestamp()
    FROM quittance.dead_letters AS d
    WHERE d.id = ANY (freed) AND d.source = 'notification'
      AND o.id = d.notification AND o.destination = d.endpoint;
    UPDATE quittance.dead_letters AS d
    SET state = 'open', taken_back = d.retries, updated_at = clock_timestamp()
    WHERE d.id = ANY (freed);
    UPDATE quittance.operation_results AS r
    SET ok = false, result = 'taken_back', at = clock_timestamp()
    WHERE r.operation = op AND r.letter = ANY (freed);
    UPDATE quittance.operations AS o
    SET done = o.done - cardinality(freed), failed = o.failed + cardinality(freed),
        heartbeat_at = clock_timestamp()
    WHERE o.id = op;
    last := page[cardinality(page)];
    RETURN NEXT;
END $$;

-- Asks for the end of an operation. Whoever runs it ends it before its next page, and takes back what a retry
-- has put into the queue. One that no process runs is given to the caller, `mine`, to do just that: its row
-- says so by its runner. No row: there is no such operation, or there is nothing left to cancel.
CREATE FUNCTION quittance.cancel_operation(op bigint, who text, why text, mine uuid)
RETURNS SETOF quittance.operations
LANGUAGE plpgsql
AS $$
DECLARE
    o quittance.operations;
BEGIN
    SELECT * INTO o FROM quittance.operations AS p WHERE p.id = op FOR UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF o.state IN ('done', 'cancelled') AND (
        o.verb <> 'retry'
        OR NOT EXISTS (SELECT FROM quittance.operation_results AS r
                       CROSS JOIN LATERAL quittance.unfinished(op, ARRAY[r.letter]) AS u
                       WHERE r.operation = op AND r.result = 'done'))
    THEN
        RETURN;
    END IF;
    IF o.state = 'running' AND o.heartbeat_at >= now() - interval '1 minute' THEN
        UPDATE quittance.operations AS p SET cancel_requested = true WHERE p.id = op
        RETURNING p.* INTO o;
    ELSE
        UPDATE quittance.operations AS p
        SET state = 'running', runner = mine, cancel_requested = true, error = NULL, ended_at = NULL,
            heartbeat_at = clock_timestamp()
        WHERE p.id = op
        RETURNING p.* INTO o;
    END IF;
    INSERT INTO quittance.audit_log (actor, verb, target, reason, count)
    VALUES (who, 'operation.cancel', 'operation:' || op, why, o.total - o.done - o.failed);
    RETURN NEXT o;
END $$;

-- Sessions of the operators' pages that were ended by a sign-out before their time: the cookie that names one
-- is signed and would be taken until it expires. Kept as long as that.
CREATE TABLE quittance.ended_sessions (
    id         TEXT        PRIMARY KEY,
    expires_at TIMESTAMPTZ NOT NULL
);

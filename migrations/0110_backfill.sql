-- Backfills: operations that read what Stripe lists of accounts, and record it.

-- What a backfill has to read: a list of one kind of object of one account, or the part of it that was created in
-- some range of time, with how far it has come. A page is recorded, and then noted here; a crash between the two
-- reads that page again, which is harmless.
CREATE TABLE quittance.backfill_ranges (
    id            BIGINT      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    operation     BIGINT      NOT NULL REFERENCES quittance.operations ON DELETE CASCADE,
    account       TEXT        NOT NULL,
    livemode      BOOLEAN     NOT NULL,
    kind          TEXT        NOT NULL,
    -- Which of the kind's lists, and with which of its filters. NULL: one object, by its id in `owner`.
    list          INTEGER,
    filter        TEXT        NOT NULL,
    -- Seconds of Stripe's clock: created from then, and before then.
    created_from  BIGINT,
    created_until BIGINT,
    -- It waits until the ranges of this kind are read: a list of each of those objects.
    after_kind    TEXT,
    -- It waits until then: objects become listable late.
    not_before    TIMESTAMPTZ,
    -- The object whose list was read last; the entry that was read last; when the oldest one was created.
    owner         TEXT,
    after         TEXT,
    reached       BIGINT,
    -- Pages read, and more of what cannot be read at once. Those with fewer come first, so that all accounts have
    -- their turns.
    turns         BIGINT      NOT NULL DEFAULT 0,
    state         TEXT        NOT NULL DEFAULT 'waiting',
    seen          BIGINT      NOT NULL DEFAULT 0,
    added         BIGINT      NOT NULL DEFAULT 0,
    renewed       BIGINT      NOT NULL DEFAULT 0,
    unreadable    BIGINT      NOT NULL DEFAULT 0,
    code          TEXT,
    error         TEXT,

    CONSTRAINT backfill_ranges_state_check CHECK (state IN ('waiting', 'done', 'failed')),
    CONSTRAINT backfill_ranges_code_check CHECK ((code IS NOT NULL) = (state = 'failed'))
);

-- What comes next.
CREATE INDEX backfill_ranges_waiting_idx ON quittance.backfill_ranges (operation, turns, id)
    WHERE state = 'waiting';
-- What is counted by kind, and whether the kind that one waits for has been read.
CREATE INDEX backfill_ranges_kind_idx ON quittance.backfill_ranges (operation, kind, account);

COMMENT ON TABLE quittance.backfill_ranges IS 'What backfills read, and how far they have come.';

-- One backfill at a time reads a kind of an account: the last one that did, and that counts for as long as it has
-- not ended.
CREATE TABLE quittance.backfill_claims (
    account   TEXT    NOT NULL,
    livemode  BOOLEAN NOT NULL,
    kind      TEXT    NOT NULL,
    operation BIGINT  NOT NULL REFERENCES quittance.operations ON DELETE CASCADE,

    CONSTRAINT backfill_claims_pkey PRIMARY KEY (account, livemode, kind)
);
CREATE INDEX backfill_claims_operation_idx ON quittance.backfill_claims (operation);

COMMENT ON TABLE quittance.backfill_claims IS 'Which backfill reads a kind of object of an account.';

-- Objects that a backfill could not read or write.
CREATE TABLE quittance.backfill_faults (
    operation BIGINT      NOT NULL REFERENCES quittance.operations ON DELETE CASCADE,
    account   TEXT        NOT NULL,
    kind      TEXT        NOT NULL,
    -- As Stripe wrote it; empty where it has none.
    object_id TEXT        NOT NULL,
    code      TEXT        NOT NULL,
    message   TEXT        NOT NULL,
    at        TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT backfill_faults_pkey PRIMARY KEY (operation, account, kind, object_id)
);

COMMENT ON TABLE quittance.backfill_faults IS 'Objects that a backfill could not read or write, and why.';

-- Takes a kind of an account for an operation, unless another one that has not ended has it. Returns the one that
-- has it now.
CREATE FUNCTION quittance.claim_backfill(
    op bigint, of_account text, of_livemode boolean, of_kind text) RETURNS bigint
LANGUAGE plpgsql
AS $$
BEGIN
    INSERT INTO quittance.backfill_claims AS c (account, livemode, kind, operation)
    VALUES (of_account, of_livemode, of_kind, op)
    ON CONFLICT ON CONSTRAINT backfill_claims_pkey DO UPDATE SET operation = excluded.operation
    WHERE NOT EXISTS (SELECT FROM quittance.operations AS o
                      WHERE o.id = c.operation AND o.state IN ('running', 'interrupted'));
    RETURN (SELECT c.operation FROM quittance.backfill_claims AS c
            WHERE c.account = of_account AND c.livemode = of_livemode AND c.kind = of_kind);
END $$;

-- Takes all that an operation reads for it, in the order of the keys, so that two that do so at once do not wait
-- for each other. Returns what another one has: then nothing was taken.
CREATE FUNCTION quittance.claim_ranges(op bigint, of_livemode boolean, ranges jsonb)
RETURNS TABLE (account text, kind text, operation bigint)
LANGUAGE plpgsql
AS $$
BEGIN
    RETURN QUERY
        SELECT taken.account, taken.kind, taken.owner
        FROM (
            SELECT w.account, w.kind,
                   quittance.claim_backfill(op, w.account, of_livemode, w.kind) AS owner
            FROM (SELECT DISTINCT r.account, r.kind
                  FROM jsonb_to_recordset(ranges) AS r (account text, kind text)
                  ORDER BY r.account, r.kind) AS w
        ) AS taken
        WHERE taken.owner <> op;
END $$;

-- Adds what an operation has to read.
CREATE FUNCTION quittance.add_backfill_ranges(op bigint, of_livemode boolean, ranges jsonb)
RETURNS void LANGUAGE sql
AS $$
    INSERT INTO quittance.backfill_ranges (
        operation, account, livemode, kind, list, filter, created_from, created_until, after_kind,
        not_before, owner, turns, state, code, error)
    SELECT op, r.account, of_livemode, r.kind, r.list, r.filter, r.created_from, r.created_until,
           r.after_kind, to_timestamp(r.not_before), r.owner,
           -- Behind all that can be read at once, so that what comes next is found without passing over them.
           CASE WHEN r.not_before IS NOT NULL THEN 1000000000
                WHEN r.after_kind IS NOT NULL THEN 1
                ELSE 0 END,
           coalesce(r.state, 'waiting'), r.code, r.error
    FROM jsonb_to_recordset(ranges) AS r (
        account text, kind text, list integer, filter text, created_from bigint,
        created_until bigint, after_kind text, not_before bigint, owner text, state text, code text,
        error text)
$$;

-- Begins a backfill. Returns its number; or no number, and a kind of an account that another one reads.
CREATE FUNCTION quittance.begin_backfill(
    selection jsonb, of_livemode boolean, ranges jsonb, who text, why text, runner uuid)
RETURNS TABLE (id bigint, busy_account text, busy_kind text, busy_operation bigint)
LANGUAGE plpgsql
AS $$
DECLARE
    op bigint;
BEGIN
    INSERT INTO quittance.operations AS n (verb, selection, upto, actor, reason, total, runner)
    VALUES ('backfill', begin_backfill.selection, 0, who, why, 0, begin_backfill.runner)
    RETURNING n.id INTO op;
    SELECT c.account, c.kind, c.operation INTO busy_account, busy_kind, busy_operation
    FROM quittance.claim_ranges(op, of_livemode, ranges) AS c
    LIMIT 1;
    IF FOUND THEN
        -- With its claims.
        DELETE FROM quittance.operations AS o WHERE o.id = op;
        RETURN NEXT;
        RETURN;
    END IF;
    PERFORM quittance.add_backfill_ranges(op, of_livemode, ranges);
    INSERT INTO quittance.audit_log (actor, verb, target, reason, count, details)
    VALUES (who, 'backfill', 'operation:' || op, why, 0,
            jsonb_build_object('selection', begin_backfill.selection));
    id := op;
    RETURN NEXT;
END $$;

-- Takes again what an operation that goes on has left to read. Returns a kind of an account that another one reads.
CREATE FUNCTION quittance.reclaim_backfill(op bigint)
RETURNS TABLE (account text, kind text, operation bigint)
LANGUAGE sql
AS $$
    SELECT taken.account, taken.kind, taken.owner
    FROM (
        SELECT w.account, w.kind, quittance.claim_backfill(op, w.account, w.livemode, w.kind) AS owner
        FROM (SELECT DISTINCT r.account, r.livemode, r.kind
              FROM quittance.backfill_ranges AS r
              WHERE r.operation = op AND r.state = 'waiting'
              ORDER BY r.account, r.livemode, r.kind) AS w
    ) AS taken
    WHERE taken.owner <> op
    LIMIT 1
$$;

-- Notes a page that was recorded: how far its range is, what became of its objects, and what there is to read
-- besides. False: another process runs the operation now, or it has ended; then nothing was noted.
--
--   page  {owner, after, reached, created_from, created_until, state, code, error, seen, added, renewed,
--          unreadable, faults: [{id, code, message}], ranges: [{account, kind, ...}]}
CREATE FUNCTION quittance.note_backfill_page(op bigint, mine uuid, of_range bigint, page jsonb)
RETURNS boolean
LANGUAGE plpgsql
AS $$
DECLARE
    r record;
    p record;
BEGIN
    PERFORM FROM quittance.operations AS o
    WHERE o.id = op AND o.runner = mine AND o.state = 'running'
    FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    SELECT * INTO p FROM jsonb_to_record(page) AS p (
        owner text, after text, reached bigint, created_from bigint, created_until bigint, state text,
        code text, error text, seen bigint, added bigint, renewed bigint, unreadable bigint,
        faults jsonb, ranges jsonb);
    UPDATE quittance.backfill_ranges AS b
    SET owner         = p.owner,
        after         = p.after,
        reached       = least(p.reached, b.reached),
        created_from  = p.created_from,
        created_until = p.created_until,
        state         = p.state,
        code          = p.code,
        error         = p.error,
        turns         = b.turns + 1,
        seen          = b.seen + p.seen,
        added         = b.added + p.added,
        renewed       = b.renewed + p.renewed,
        unreadable    = b.unreadable + p.unreadable
    WHERE b.id = of_range AND b.operation = op
    RETURNING b.account, b.livemode, b.kind INTO STRICT r;
    INSERT INTO quittance.backfill_faults (operation, account, kind, object_id, code, message)
    SELECT DISTINCT ON (f.id) op, r.account, r.kind, f.id, f.code, f.message
    FROM jsonb_to_recordset(p.faults) AS f (id text, code text, message text)
    ORDER BY f.id
    ON CONFLICT ON CONSTRAINT backfill_faults_pkey DO NOTHING;
    IF jsonb_array_length(p.ranges) > 0 THEN
        PERFORM quittance.add_backfill_ranges(op, r.livemode, (
            SELECT jsonb_agg(CASE WHEN c.operation IS NULL THEN w.range ELSE w.range || jsonb_build_object(
                       'state', 'failed', 'code', 'busy',
                       'error', format('operation %s reads it', c.operation)) END)
            FROM jsonb_array_elements(p.ranges) AS w (range)
            LEFT JOIN quittance.claim_ranges(op, r.livemode, p.ranges) AS c
                ON c.account = w.range ->> 'account' AND c.kind = w.range ->> 'kind'));
    END IF;
    UPDATE quittance.operations AS o
    SET total        = o.total + p.seen + (p.state = 'failed')::integer,
        done         = o.done + p.seen - p.unreadable,
        failed       = o.failed + p.unreadable + (p.state = 'failed')::integer,
        heartbeat_at = clock_timestamp()
    WHERE o.id = op;
    RETURN true;
END $$;

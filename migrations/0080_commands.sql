-- Commands: what clients ask of Stripe through Quittance, written before Stripe is called, so that another
-- process can finish what one has begun.

-- One row a command. Neither a client_secret nor card data is ever in it: the first is asked for again when
-- it is needed, the second is refused before a command is made.
CREATE TABLE quittance.commands (
    id              UUID        PRIMARY KEY,
    -- The token's name; 'local' where none is needed.
    caller          TEXT        NOT NULL,
    idempotency_key TEXT        NOT NULL,
    -- SHA-256 of kind, target and parameters, in hex: another request under the same key is refused.
    fingerprint     TEXT        NOT NULL,
    kind            TEXT        NOT NULL,
    livemode        BOOLEAN     NOT NULL,
    -- The payment that is confirmed, captured, cancelled or refunded; the checkout session that is expired; the
    -- subscription that is changed or cancelled; the customer whose portal is opened.
    target          TEXT,
    -- As the client sent them; a refund of all that is left has its amount filled in.
    parameters      JSONB       NOT NULL,
    amount          BIGINT,
    currency        TEXT,
    -- The client's own name for the purchase, and whether it is taken by this command.
    reference       TEXT,
    holds_reference BOOLEAN     NOT NULL DEFAULT false,
    state           TEXT        NOT NULL DEFAULT 'accepted',
    -- What Stripe gets as Idempotency-Key. Replaced only when it is proved that nothing was made with it.
    stripe_key      TEXT        NOT NULL,
    -- Since when Stripe may have received it; NULL while it is certain that it has not.
    sent_at         TIMESTAMPTZ,
    last_sent_at    TIMESTAMPTZ,
    -- Whether the same key would bring no other answer: then it is looked up instead.
    lookup          BOOLEAN     NOT NULL DEFAULT false,
    attempts        INTEGER     NOT NULL DEFAULT 0,
    -- Which process is at it, and when another may take it up: the end of a lease, or of a delay.
    runner          UUID,
    due_at          TIMESTAMPTZ NOT NULL,
    -- What was made or changed.
    object_id       TEXT,
    request_id      TEXT,
    -- Why it is not done, by a stable code, and in words.
    failure         TEXT,
    failure_detail  TEXT,
    -- The answer that each repetition gets: its HTTP status, and its body without what is secret.
    answer_status   INTEGER,
    answer          JSONB,
    created_at      TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    updated_at      TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    closed_at       TIMESTAMPTZ,

    CONSTRAINT commands_caller_key UNIQUE (caller, idempotency_key),
    CONSTRAINT commands_stripe_key UNIQUE (stripe_key),
    CONSTRAINT commands_state_check CHECK (
        state IN ('accepted', 'sent', 'unknown', 'done', 'refused', 'dead')),
    CONSTRAINT commands_closed_check CHECK ((closed_at IS NOT NULL) = (state IN ('done', 'refused'))),
    CONSTRAINT commands_answer_check CHECK ((answer IS NOT NULL) = (answer_status IS NOT NULL)),
    CONSTRAINT commands_never_sent_check CHECK (state <> 'accepted' OR sent_at IS NULL)
);

-- The business identity: one live purchase has a reference at a time. By caller, and for payments,
-- checkout sessions, subscriptions and customers apart.
CREATE UNIQUE INDEX commands_reference_idx ON quittance.commands (caller, kind, livemode, reference)
    WHERE holds_reference;
-- What is to be taken up next.
CREATE INDEX commands_due_idx ON quittance.commands (due_at)
    WHERE state IN ('accepted', 'sent', 'unknown');
-- What is under way of one payment: the refunds that are counted before Stripe has answered.
CREATE INDEX commands_target_idx ON quittance.commands (target) WHERE target IS NOT NULL;
-- Lists by state, newest first, and pruning.
CREATE INDEX commands_state_idx ON quittance.commands (state, created_at);
-- What a caller has asked for today.
CREATE INDEX commands_spent_idx ON quittance.commands (caller, currency, created_at)
    WHERE amount IS NOT NULL;

COMMENT ON TABLE quittance.commands IS 'What clients asked of Stripe through Quittance, each at most once.';

-- What is known of a payment's money: received, refunded, and under way by commands that Stripe has not
-- answered yet. A refund whose row is here already is not counted twice.
CREATE FUNCTION quittance.money_of(
    payment text, OUT received bigint, OUT refunded bigint, OUT under_way bigint)
LANGUAGE sql STABLE
AS $$
    SELECT p.amount_received,
           greatest(p.amount_refunded, (
               SELECT coalesce(sum(r.amount), 0) FROM app.refunds AS r
               WHERE r.payment_intent = payment AND NOT r.deleted
                 -- An authorisation that was released gave nothing back.
                 AND (r.balance_transaction IS NOT NULL OR r.status <> 'succeeded'
                      OR r.metadata ? 'quittance_command')
                 AND r.status NOT IN ('failed', 'canceled')))::bigint,
           (SELECT coalesce(sum(c.amount), 0) FROM quittance.commands AS c
            WHERE c.target = payment AND c.kind = 'create_refund'
              AND c.state IN ('accepted', 'sent', 'unknown', 'dead')
              AND NOT EXISTS (
                  SELECT FROM app.refunds AS r
                  WHERE r.payment_intent = payment
                    AND r.metadata ->> 'quittance_command' = c.id::text))::bigint
    FROM app.payments AS p
    WHERE p.stripe_payment_intent_id = payment
$$;

-- Writes a command, unless the caller has used its key before, another command has its reference, or the
-- money does not allow it. `outcome`:
--   new       it was written
--   existing  `command` is the command with this key
--   reference `command` is the command that has the reference
--   target    `command` changes the same subscription, and is not closed
--   exceeds   the refund is more than what is left; the money is what the rule is told
--   daily     the caller's highest amount for a day would be exceeded; `spent` is what it has used of it
--
-- A new command that names a runner is taken in the same transaction: its process need not commit twice before
-- it asks Stripe. `parameters`, `amount` and `at` are the new command's, as they were written.
--
--   c      {id, caller, key, fingerprint, kind, livemode, target, parameters, amount, currency, reference,
--           stripe_key, grace_ms, runner, actor, reason}; grace_ms: how long other processes leave it alone; the
--           last two of a command that a person gives by hand, which goes into the audit log with it
--   daily  the caller's highest amount for a day in this currency; NULL for none
CREATE FUNCTION quittance.accept_command(
    c jsonb, daily bigint,
    OUT outcome text, OUT command uuid, OUT received bigint, OUT refunded bigint, OUT under_way bigint,
    OUT spent bigint, OUT parameters jsonb, OUT amount bigint, OUT at timestamptz)
LANGUAGE plpgsql
AS $$
DECLARE
    is_refund CONSTANT boolean := c ->> 'kind' = 'create_refund';
    is_taken CONSTANT boolean := c ->> 'runner' IS NOT NULL;
    wanted bigint := (c ->> 'amount')::bigint;
    earliest timestamptz;
BEGIN
    parameters := c -> 'parameters';
    SELECT o.id INTO command FROM quittance.commands AS o
    WHERE o.caller = c ->> 'caller' AND o.idempotency_key = c ->> 'key';
    IF FOUND THEN
        outcome := 'existing';
        RETURN;
    END IF;

    -- The locks come in this order for everybody: money of a payment, a subscription, a caller's day. What
    -- they protect is read after them, by a snapshot that sees what the one before has committed.
    IF is_refund THEN
        PERFORM pg_advisory_xact_lock(hashtextextended('quittance:refund:' || (c ->> 'target'), 0));
        SELECT m.received, m.refunded, m.under_way INTO received, refunded, under_way
        FROM quittance.money_of(c ->> 'target') AS m;
        wanted := coalesce(wanted, received - refunded - under_way);
        IF wanted < 1 OR wanted > received - refunded - under_way THEN
            outcome := 'exceeds';
            RETURN;
        END IF;
        parameters := parameters || jsonb_build_object('amount', wanted);
    END IF;
    -- One change of a subscription at a time: one whose outcome is unknown is recognised by the metadata that it
    -- has left, which a later one would overwrite.
    IF c ->> 'kind' = 'update_subscription' THEN
        PERFORM pg_advisory_xact_lock(
            hashtextextended('quittance:subscription:' || (c ->> 'target'), 0));
        SELECT o.id INTO command FROM quittance.commands AS o
        WHERE o.target = c ->> 'target' AND o.kind = 'update_subscription'
          AND o.state IN ('accepted', 'sent', 'unknown', 'dead');
        IF FOUND THEN
            outcome := 'target';
            RETURN;
        END IF;
    END IF;
    IF daily IS NOT NULL AND wanted IS NOT NULL THEN
        PERFORM pg_advisory_xact_lock(
            hashtextextended('quittance:day:' || (c ->> 'caller') || ':' || (c ->> 'currency'), 0));
        -- Stripe's day and everybody's: UTC.
        earliest := date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC';
        SELECT coalesce(sum(o.amount), 0) INTO spent FROM quittance.commands AS o
        WHERE o.caller = c ->> 'caller' AND o.currency = c ->> 'currency'
          AND o.created_at >= earliest AND o.amount IS NOT NULL AND o.state <> 'refused';
        IF spent + wanted > daily THEN
            outcome := 'daily';
            RETURN;
        END IF;
    END IF;

    at := clock_timestamp();
    amount := wanted;
    BEGIN
        INSERT INTO quittance.commands AS o (
            id, caller, idempotency_key, fingerprint, kind, livemode, target, parameters, amount, currency,
            reference, holds_reference, stripe_key, due_at, state, runner, attempts, sent_at, last_sent_at,
            created_at, updated_at)
        VALUES (
            (c ->> 'id')::uuid, c ->> 'caller', c ->> 'key', c ->> 'fingerprint', c ->> 'kind',
            (c -> 'livemode')::boolean, c ->> 'target', parameters, wanted, c ->> 'currency',
            c ->> 'reference', c ->> 'reference' IS NOT NULL, c ->> 'stripe_key',
            at + make_interval(secs => (c -> 'grace_ms')::bigint / 1000.0),
            CASE WHEN is_taken THEN 'sent' ELSE 'accepted' END, (c ->> 'runner')::uuid,
            is_taken::integer, CASE WHEN is_taken THEN at END, CASE WHEN is_taken THEN at END, at, at);
        -- In the same transaction: there is no act by hand that the log does not have.
        IF c ->> 'actor' IS NOT NULL THEN
            INSERT INTO quittance.audit_log (actor, verb, target, reason, count, details)
            VALUES (c ->> 'actor', 'command.' || (c ->> 'kind'), 'command:' || (c ->> 'id'), c ->> 'reason', 1,
                    jsonb_strip_nulls(jsonb_build_object(
                        'caller', c ->> 'caller',
                        'payment', c ->> 'target',
                        'amount', coalesce(wanted, (parameters ->> 'amount_to_capture')::bigint),
                        'currency', c ->> 'currency')));
        END IF;
        outcome := 'new';
        command := (c ->> 'id')::uuid;
        RETURN;
    EXCEPTION WHEN unique_violation THEN
        -- Somebody else was faster, with this key or with this reference.
        NULL;
    END;
    SELECT o.id INTO command FROM quittance.commands AS o
    WHERE o.caller = c ->> 'caller' AND o.idempotency_key = c ->> 'key';
    IF FOUND THEN
        outcome := 'existing';
        RETURN;
    END IF;
    SELECT o.id INTO command FROM quittance.commands AS o
    WHERE o.caller = c ->> 'caller' AND o.kind = c ->> 'kind'
      AND o.livemode = (c -> 'livemode')::boolean AND o.reference = c ->> 'reference'
      AND o.holds_reference;
    -- Neither: the one that had the reference has just given it back, so the caller tries again.
    outcome := 'reference';
END $$;

-- Ends processes' turns at commands, but for those whose settlement is in conflict. A command that another
-- process has taken over meanwhile is left to it. Called by quittance.apply(), so that a command ends in the
-- transaction that writes what its answer shows; and alone, where the answer shows nothing.
--
--   ends  [{settlement, id, runner, state, object_id, request_id, failure, failure_detail, answer_status,
--           answer, holds_reference, lookup, forget_sent, due_in_ms}]
CREATE FUNCTION quittance.end_turns(ends jsonb, conflicts integer[]) RETURNS bigint
LANGUAGE sql
AS $$
    WITH ended AS (
        UPDATE quittance.commands AS c
        SET state           = e.state,
            runner          = NULL,
            object_id       = coalesce(e.object_id, c.object_id),
            request_id      = coalesce(e.request_id, c.request_id),
            failure         = e.failure,
            failure_detail  = e.failure_detail,
            answer_status   = e.answer_status,
            answer          = e.answer,
            holds_reference = c.holds_reference AND e.holds_reference,
            lookup          = e.lookup,
            sent_at         = CASE WHEN e.forget_sent THEN NULL ELSE c.sent_at END,
            due_at          = clock_timestamp() + make_interval(secs => e.due_in_ms / 1000.0),
            updated_at      = clock_timestamp(),
            closed_at       = CASE WHEN e.state IN ('done', 'refused') THEN clock_timestamp() END
        FROM jsonb_to_recordset(ends) AS e (
            settlement integer, id uuid, runner uuid, state text, object_id text, request_id text,
            failure text, failure_detail text, answer_status integer, answer jsonb,
            holds_reference boolean, lookup boolean, forget_sent boolean, due_in_ms bigint)
        WHERE c.id = e.id AND c.runner = e.runner AND c.state = 'sent'
          AND e.settlement <> ALL (conflicts)
        RETURNING c.id
    )
    SELECT count(*) FROM ended
$$;

-- The lines of a file of refunds: what a bulk refund (quittance.operations) has to do, and what came of each.
-- They are here so that any process can go on with it, which may not have the file.
CREATE TABLE quittance.operation_lines (
    operation      BIGINT  NOT NULL REFERENCES quittance.operations ON DELETE CASCADE,
    -- The line of the file.
    line           INTEGER NOT NULL,
    payment_intent TEXT    NOT NULL,
    -- In the currency's smallest unit; NULL for all that is left.
    amount         BIGINT,
    -- The currency that the payment must have, if the file says one.
    currency       TEXT,
    -- With the payment, what the command's idempotency key is made of.
    key            TEXT    NOT NULL,
    -- NULL until the line has come to its end.
    ok             BOOLEAN,
    -- refunded, earlier, the code of a refusal; `open` while what became of its command is not known.
    result         TEXT,
    detail         TEXT,
    command        UUID,
    refund         TEXT,
    at             TIMESTAMPTZ,

    CONSTRAINT operation_lines_pkey PRIMARY KEY (operation, line),
    CONSTRAINT operation_lines_key UNIQUE (operation, payment_intent, key),
    CONSTRAINT operation_lines_result_check CHECK (ok IS NULL OR result IS NOT NULL)
);

-- What is to be done next, and what is still open.
CREATE INDEX operation_lines_open_idx ON quittance.operation_lines (operation, line) WHERE ok IS NULL;
-- What went wrong is looked at first.
CREATE INDEX operation_lines_failed_idx ON quittance.operation_lines (operation, line) WHERE NOT ok;

COMMENT ON TABLE quittance.operation_lines IS 'The lines of bulk refunds, with what came of each.';

-- Begins a bulk refund: notes it with its lines and in the audit log, in one transaction.
--
--   file   {file, reason}: its name, and Stripe's reason of the refunds
--   lines  columns of the same length, one element a line
CREATE FUNCTION quittance.begin_refunds(
    file jsonb, who text, why text, over_ms bigint, mine uuid,
    lines integer[], payments text[], amounts bigint[], currencies text[], keys text[])
RETURNS SETOF quittance.operations
LANGUAGE plpgsql
AS $$
DECLARE
    o quittance.operations;
BEGIN
    INSERT INTO quittance.operations AS n (verb, selection, upto, over_ms, actor, reason, total, runner)
    VALUES ('refund', file, cardinality(lines), nullif(begin_refunds.over_ms, 0), who, why,
            cardinality(lines), mine)
    RETURNING n.* INTO o;
    INSERT INTO quittance.operation_lines (operation, line, payment_intent, amount, currency, key)
    SELECT o.id, l.*
    FROM unnest(lines, payments, amounts, currencies, keys) AS l (line, payment, amount, currency, key);
    INSERT INTO quittance.audit_log (actor, verb, target, reason, count, details)
    VALUES (who, 'payment.refund', 'operation:' || o.id, why, o.total,
            jsonb_strip_nulls(file || jsonb_build_object('over_ms', o.over_ms)));
    RETURN NEXT o;
END $$;

-- Notes what came of one line of a bulk refund, and counts it. A line that has come to its end stays as it is.
-- False: another process runs the operation now, or it has ended; then nothing was noted.
CREATE FUNCTION quittance.note_refund(
    op bigint, mine uuid, of_line integer, is_ok boolean, what text, in_words text, by_command uuid,
    made text)
RETURNS boolean
LANGUAGE plpgsql
AS $$
DECLARE
    is_noted boolean;
BEGIN
    PERFORM FROM quittance.operations AS o
    WHERE o.id = op AND o.runner = mine AND o.state = 'running'
    FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE quittance.operation_lines AS l
    SET ok = is_ok, result = what, detail = in_words, command = coalesce(by_command, l.command),
        refund = coalesce(made, l.refund), at = clock_timestamp()
    WHERE l.operation = op AND l.line = of_line AND l.ok IS NULL;
    is_noted := FOUND;
    UPDATE quittance.operations AS o
    SET done = o.done + (is_noted AND coalesce(is_ok, false))::integer,
        failed = o.failed + (is_noted AND NOT coalesce(is_ok, true))::integer,
        heartbeat_at = clock_timestamp()
    WHERE o.id = op;
    RETURN true;
END $$;

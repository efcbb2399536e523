-- The writers of the tables in `app`. One function a kind: rows in (a JSON array of objects), the number of
-- rows written out. None is written by hand: quittance.make_writer() reads the table and makes it. So a new
-- column needs an ALTER TABLE, a call of make_writer() in the same migration, and a field in the struct of
-- its kind.
--
-- A row of an id that belongs to another scope is not written, and so not counted:
-- quittance.apply() refuses the whole call then. PL/pgSQL rather than SQL, because only PL/pgSQL
-- keeps its plans from call to call. Called by quittance.apply() alone, under its settings and locks.

-- Makes the writer of a kind from its row in quittance.kinds and the columns of its table, or makes it anew.
-- The writer is static SQL (`\sf quittance.write_charges` shows it):
--   - a row's JSON has each column under its name; a time is in seconds since 1970; beside them are `id`,
--     `account`, `livemode`, `version` and `observed_at`;
--   - a default stands where the row has no value, or null;
--   - the conflict target is the unique key that holds Stripe's id; what of account and mode is not in it
--     must be as it was.
CREATE FUNCTION quittance.make_writer(of_kind text) RETURNS void LANGUAGE plpgsql
AS $make$
DECLARE
    it      quittance.kinds;
    target  text;
    name    text;
    made    text := '';
    after   text := '';
    key     text[];
    types   text;
    targets text;
    given   text;
    changes text;
    source  text;
    guard   text;
BEGIN
    SELECT k.* INTO STRICT it FROM quittance.kinds AS k WHERE k.kind = of_kind;
    -- Each name with its schema, whatever the search path is now.
    SELECT format('%I.%I', n.nspname, c.relname), format('quittance.%I', 'write_' || c.relname)
    INTO STRICT target, name
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.oid = it.app_table;
    IF it.computed_by IS NOT NULL THEN
        SELECT format(E'\n    CROSS JOIN LATERAL %I.%I(r.account, r.livemode, r.id) AS made',
                      n.nspname, p.proname) INTO STRICT made
        FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
        WHERE p.oid = it.computed_by;
    END IF;
    IF it.afterwards IS NOT NULL THEN
        SELECT format(E'\n    PERFORM %I.%I(rows);', n.nspname, p.proname) INTO STRICT after
        FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
        WHERE p.oid = it.afterwards;
    END IF;

    SELECT array_agg(a.attname::text ORDER BY k.nth) INTO STRICT key
    FROM pg_constraint AS c
    CROSS JOIN LATERAL unnest(c.conkey) WITH ORDINALITY AS k (attnum, nth)
    JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = k.attnum
    WHERE c.conrelid = it.app_table AND c.contype = 'u'
    GROUP BY c.oid
    HAVING it.id_column = ANY (array_agg(a.attname::text));

    SELECT string_agg(format('%I %s', c.name, CASE WHEN c.is_time THEN 'bigint' ELSE c.type END),
                      E',\n        ' ORDER BY c.nth) FILTER (WHERE NOT c.is_computed),
           string_agg(quote_ident(c.name), E',\n        ' ORDER BY c.nth),
           string_agg(CASE WHEN c.is_computed THEN format('made.%I', c.name)
                           WHEN c.fallback IS NULL THEN v.value
                           ELSE format('coalesce(%s, %s)', v.value, c.fallback) END,
                      E',\n        ' ORDER BY c.nth),
           string_agg(format('%I = excluded.%I', c.name, c.name), E',\n        ' ORDER BY c.nth)
    INTO types, targets, given, changes
    FROM (
        SELECT a.attname AS name, a.attnum AS nth, format_type(a.atttypid, a.atttypmod) AS type,
               a.atttypid = 'timestamptz'::regtype AS is_time, a.attname = ANY (it.computed) AS is_computed,
               pg_get_expr(d.adbin, d.adrelid) AS fallback
        FROM pg_attribute AS a
        LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE a.attrelid = it.app_table AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
          AND a.attname <> ALL (ARRAY[it.id_column, 'id', 'stripe_account', 'livemode', 'version',
                                      'observed_at', 'deleted', 'created_at', 'updated_at'])
    ) AS c
    CROSS JOIN LATERAL (
        SELECT format(CASE WHEN c.is_time THEN 'to_timestamp(r.%I)' ELSE 'r.%I' END, c.name) AS value
    ) AS of_row
    CROSS JOIN LATERAL (
        SELECT CASE WHEN it.partial
                    THEN format('CASE WHEN j.columns ? %L THEN %s ELSE old.%I END',
                                c.name, of_row.value, c.name)
                    ELSE of_row.value END AS value
    ) AS v;

    types := E'\n        id text, account text, livemode boolean, version bigint, observed_at bigint,\n        '
             || types;
    source := CASE WHEN it.partial
        THEN format('jsonb_array_elements(rows) AS j (columns)
    CROSS JOIN LATERAL jsonb_to_record(j.columns) AS r (%s)
    LEFT JOIN %s AS old
        ON old.%I = r.id AND old.stripe_account = r.account AND old.livemode = r.livemode',
                    types, target, it.id_column)
        ELSE format('jsonb_to_recordset(rows) AS r (%s)', types)
    END;
    SELECT coalesce(E'\n    WHERE ' || string_agg(format('t.%I = excluded.%I', c, c), ' AND ' ORDER BY c), '')
    INTO guard
    FROM unnest(ARRAY['stripe_account', 'livemode'] || it.fixed) AS c
    WHERE c <> ALL (key);

    EXECUTE format($format$
CREATE OR REPLACE FUNCTION %1$s(rows jsonb) RETURNS bigint LANGUAGE plpgsql
AS $writer$
DECLARE
    written bigint;
BEGIN
    INSERT INTO %2$s AS t (
        %3$I, stripe_account, livemode, version, observed_at,
        %4$s)
    SELECT
        r.id, r.account, r.livemode, r.version, to_timestamp(r.observed_at),
        %5$s
    FROM %6$s%11$s
    ON CONFLICT (%7$s) DO UPDATE SET
        %8$s,
        version = excluded.version,
        observed_at = excluded.observed_at,
        updated_at = clock_timestamp()%9$s;
    GET DIAGNOSTICS written = ROW_COUNT;%10$s
    RETURN written;
END $writer$ $format$,
        name, target, it.id_column, targets, given, source,
        (SELECT string_agg(quote_ident(c), ', ') FROM unnest(key) AS c), changes, guard,
        after, made);

    UPDATE quittance.kinds SET writer = name::regproc WHERE kind = of_kind;
END $make$;

-- The sums of a payment over its charges.
--
-- Whoever writes a payment or a charge holds the lock of the payment, so no charge of it can commit between
-- the sums that are taken and the row that they go to. One SELECT, so that Postgres puts it into the statement
-- that calls it.
CREATE FUNCTION quittance.payment_sums(account text, livemode boolean, id text)
RETURNS TABLE (amount_captured bigint, amount_refunded bigint) LANGUAGE sql STABLE
AS $$
    SELECT coalesce(sum(c.amount_captured), 0)::bigint, coalesce(sum(c.amount_returned), 0)::bigint
    FROM app.charges AS c
    WHERE c.payment_intent = payment_sums.id
      AND c.stripe_account = payment_sums.account AND c.livemode = payment_sums.livemode
$$;

-- Takes the sums of the payments of charges anew. A statement of its own after the write, so that it sees the
-- charges that were written and those that other transactions committed before this one got the lock of the
-- payment.
CREATE FUNCTION quittance.sum_payments_of_charges(rows jsonb) RETURNS void LANGUAGE plpgsql
AS $$
BEGIN
    UPDATE app.payments AS p
    SET amount_captured = sums.amount_captured,
        amount_refunded = sums.amount_refunded,
        updated_at      = clock_timestamp()
    FROM (
        SELECT DISTINCT r.payment_intent, r.account, r.livemode
        FROM jsonb_to_recordset(rows) AS r (payment_intent text, account text, livemode boolean)
        WHERE r.payment_intent IS NOT NULL
    ) AS touched
    CROSS JOIN LATERAL quittance.payment_sums(
        touched.account, touched.livemode, touched.payment_intent) AS sums
    WHERE p.stripe_payment_intent_id = touched.payment_intent
      AND p.stripe_account = touched.account AND p.livemode = touched.livemode
      AND (p.amount_captured, p.amount_refunded)
          IS DISTINCT FROM (sums.amount_captured, sums.amount_refunded);
END $$;

INSERT INTO quittance.kinds (kind, app_table, id_column, computed, computed_by, afterwards) VALUES
    ('payment_intent', 'app.payments', 'stripe_payment_intent_id',
     '{amount_captured, amount_refunded}', 'quittance.payment_sums', NULL),
    ('charge', 'app.charges', 'stripe_charge_id', '{}', NULL, 'quittance.sum_payments_of_charges'),
    ('refund', 'app.refunds', 'stripe_refund_id', '{}', NULL, NULL);
SELECT quittance.make_writer(kind) FROM unnest('{payment_intent, charge, refund}'::text[]) AS kind;

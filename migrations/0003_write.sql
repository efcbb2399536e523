-- One function a kind: rows in (a JSON array of objects), the number of rows written out.
--
-- A row of an id that belongs to another scope is not written, and so not counted:
-- quittance.apply() refuses the whole call then. PL/pgSQL rather than SQL, because only PL/pgSQL
-- keeps its plans from call to call. Called by quittance.apply() alone, under its settings and locks.

CREATE FUNCTION quittance.write_payment_intents(rows jsonb) RETURNS bigint LANGUAGE plpgsql
AS $$
DECLARE
    written bigint;
BEGIN
    -- The caller holds the lock of each payment's family, so no charge of it can commit between
    -- the sums that are taken here and the row that they go to.
    INSERT INTO app.payments AS p (
        stripe_payment_intent_id, stripe_account, livemode, amount, currency, status,
        amount_capturable, amount_received, amount_captured, amount_refunded, customer,
        payment_method, latest_charge, capture_method, failure_code, failure_decline_code,
        failure_message, cancellation_reason, canceled_at, next_action, transfer_destination,
        application_fee_amount, on_behalf_of, description, metadata, stripe_created, version,
        observed_at)
    SELECT
        r.id, r.account, r.livemode, r.amount, r.currency, r.status,
        r.amount_capturable, r.amount_received, sums.captured, sums.refunded, r.customer,
        r.payment_method, r.latest_charge, r.capture_method, r.failure_code, r.failure_decline_code,
        r.failure_message, r.cancellation_reason, to_timestamp(r.canceled_at), r.next_action,
        r.transfer_destination, r.application_fee_amount, r.on_behalf_of, r.description,
        r.metadata, to_timestamp(r.created), r.version, to_timestamp(r.observed_at)
    FROM jsonb_to_recordset(rows) AS r (
        id text, account text, livemode boolean, version bigint, observed_at bigint,
        amount bigint, currency text, status text, amount_capturable bigint, amount_received bigint,
        customer text, payment_method text, latest_charge text, capture_method text,
        failure_code text, failure_decline_code text, failure_message text,
        cancellation_reason text, canceled_at bigint, next_action text, transfer_destination text,
        application_fee_amount bigint, on_behalf_of text, description text, metadata jsonb,
        created bigint)
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(c.amount_captured), 0)::bigint AS captured,
               coalesce(sum(c.amount_returned), 0)::bigint AS refunded
        FROM app.charges AS c
        WHERE c.payment_intent = r.id AND c.stripe_account = r.account AND c.livemode = r.livemode
    ) AS sums
    ON CONFLICT (stripe_payment_intent_id) DO UPDATE SET
        amount                 = excluded.amount,
        currency               = excluded.currency,
        status                 = excluded.status,
        amount_capturable      = excluded.amount_capturable,
        amount_received        = excluded.amount_received,
        amount_captured        = excluded.amount_captured,
        amount_refunded        = excluded.amount_refunded,
        customer               = excluded.customer,
        payment_method         = excluded.payment_method,
        latest_charge          = excluded.latest_charge,
        capture_method         = excluded.capture_method,
        failure_code           = excluded.failure_code,
        failure_decline_code   = excluded.failure_decline_code,
        failure_message        = excluded.failure_message,
        cancellation_reason    = excluded.cancellation_reason,
        canceled_at            = excluded.canceled_at,
        next_action            = excluded.next_action,
        transfer_destination   = excluded.transfer_destination,
        application_fee_amount = excluded.application_fee_amount,
        on_behalf_of           = excluded.on_behalf_of,
        description            = excluded.description,
        metadata               = excluded.metadata,
        stripe_created         = excluded.stripe_created,
        version                = excluded.version,
        observed_at            = excluded.observed_at,
        updated_at             = clock_timestamp()
    WHERE p.stripe_account = excluded.stripe_account AND p.livemode = excluded.livemode;
    GET DIAGNOSTICS written = ROW_COUNT;
    RETURN written;
END $$;

CREATE FUNCTION quittance.write_charges(rows jsonb) RETURNS bigint LANGUAGE plpgsql
AS $$
DECLARE
    written bigint;
BEGIN
    INSERT INTO app.charges AS c (
        stripe_charge_id, stripe_account, livemode, amount, currency, status, amount_captured,
        amount_refunded, captured, refunded, disputed, payment_intent, customer, payment_method,
        failure_code, failure_decline_code, failure_message, outcome, transfer_destination,
        application_fee_amount, balance_transaction, metadata, stripe_created, version, observed_at)
    SELECT
        r.id, r.account, r.livemode, r.amount, r.currency, r.status, r.amount_captured,
        r.amount_refunded, r.captured, r.refunded, r.disputed, r.payment_intent, r.customer,
        r.payment_method, r.failure_code, r.failure_decline_code, r.failure_message, r.outcome,
        r.transfer_destination, r.application_fee_amount, r.balance_transaction, r.metadata,
        to_timestamp(r.created), r.version, to_timestamp(r.observed_at)
    FROM jsonb_to_recordset(rows) AS r (
        id text, account text, livemode boolean, version bigint, observed_at bigint,
        amount bigint, currency text, status text, amount_captured bigint, amount_refunded bigint,
        captured boolean, refunded boolean, disputed boolean, payment_intent text, customer text,
        payment_method text, failure_code text, failure_decline_code text, failure_message text,
        outcome text, transfer_destination text, application_fee_amount bigint,
        balance_transaction text, metadata jsonb, created bigint)
    ON CONFLICT (stripe_charge_id) DO UPDATE SET
        amount                 = excluded.amount,
        currency               = excluded.currency,
        status                 = excluded.status,
        amount_captured        = excluded.amount_captured,
        amount_refunded        = excluded.amount_refunded,
        captured               = excluded.captured,
        refunded               = excluded.refunded,
        disputed               = excluded.disputed,
        payment_intent         = excluded.payment_intent,
        customer               = excluded.customer,
        payment_method         = excluded.payment_method,
        failure_code           = excluded.failure_code,
        failure_decline_code   = excluded.failure_decline_code,
        failure_message        = excluded.failure_message,
        outcome                = excluded.outcome,
        transfer_destination   = excluded.transfer_destination,
        application_fee_amount = excluded.application_fee_amount,
        balance_transaction    = excluded.balance_transaction,
        metadata               = excluded.metadata,
        stripe_created         = excluded.stripe_created,
        version                = excluded.version,
        observed_at            = excluded.observed_at,
        updated_at             = clock_timestamp()
    WHERE c.stripe_account = excluded.stripe_account AND c.livemode = excluded.livemode;
    GET DIAGNOSTICS written = ROW_COUNT;

    -- A statement of its own, so that it sees the charges written above and those that other
    -- transactions committed before this one got the lock of the family.
    UPDATE app.payments AS p
    SET amount_captured = sums.captured,
        amount_refunded = sums.refunded,
        updated_at      = clock_timestamp()
    FROM (
        SELECT DISTINCT r.payment_intent, r.account, r.livemode
        FROM jsonb_to_recordset(rows) AS r (payment_intent text, account text, livemode boolean)
        WHERE r.payment_intent IS NOT NULL
    ) AS touched
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(c.amount_captured), 0)::bigint AS captured,
               coalesce(sum(c.amount_returned), 0)::bigint AS refunded
        FROM app.charges AS c
        WHERE c.payment_intent = touched.payment_intent
          AND c.stripe_account = touched.account AND c.livemode = touched.livemode
    ) AS sums
    WHERE p.stripe_payment_intent_id = touched.payment_intent
      AND p.stripe_account = touched.account AND p.livemode = touched.livemode
      AND (p.amount_captured, p.amount_refunded) IS DISTINCT FROM (sums.captured, sums.refunded);
    RETURN written;
END $$;

CREATE FUNCTION quittance.write_refunds(rows jsonb) RETURNS bigint LANGUAGE plpgsql
AS $$
DECLARE
    written bigint;
BEGIN
    INSERT INTO app.refunds AS f (
        stripe_refund_id, stripe_account, livemode, amount, currency, status, charge,
        payment_intent, reason, failure_reason, balance_transaction, metadata, stripe_created,
        version, observed_at)
    SELECT
        r.id, r.account, r.livemode, r.amount, r.currency, r.status, r.charge,
        r.payment_intent, r.reason, r.failure_reason, r.balance_transaction, r.metadata,
        to_timestamp(r.created), r.version, to_timestamp(r.observed_at)
    FROM jsonb_to_recordset(rows) AS r (
        id text, account text, livemode boolean, version bigint, observed_at bigint,
        amount bigint, currency text, status text, charge text, payment_intent text, reason text,
        failure_reason text, balance_transaction text, metadata jsonb, created bigint)
    ON CONFLICT (stripe_refund_id) DO UPDATE SET
        amount              = excluded.amount,
        currency            = excluded.currency,
        status              = excluded.status,
        charge              = excluded.charge,
        payment_intent      = excluded.payment_intent,
        reason              = excluded.reason,
        failure_reason      = excluded.failure_reason,
        balance_transaction = excluded.balance_transaction,
        metadata            = excluded.metadata,
        stripe_created      = excluded.stripe_created,
        version             = excluded.version,
        observed_at         = excluded.observed_at,
        updated_at          = clock_timestamp()
    WHERE f.stripe_account = excluded.stripe_account AND f.livemode = excluded.livemode;
    GET DIAGNOSTICS written = ROW_COUNT;
    RETURN written;
END $$;

INSERT INTO quittance.kinds (kind, app_table, id_column, writer) VALUES
    ('payment_intent', 'app.payments', 'stripe_payment_intent_id', 'quittance.write_payment_intents'),
    ('charge',         'app.charges',  'stripe_charge_id',         'quittance.write_charges'),
    ('refund',         'app.refunds',  'stripe_refund_id',         'quittance.write_refunds');

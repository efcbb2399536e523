-- One row an Invoice.
CREATE TABLE app.invoices (
    id                   UUID        PRIMARY KEY DEFAULT gen_random_uuid(),
    stripe_invoice_id    TEXT        NOT NULL,
    -- NULL where Stripe gives none, which it documents as possible.
    status               TEXT,
    customer             TEXT,
    subscription         TEXT,
    payment_intent       TEXT,
    currency             TEXT        NOT NULL,
    amount_due           BIGINT      NOT NULL,
    amount_paid          BIGINT      NOT NULL,
    amount_remaining     BIGINT      NOT NULL,
    subtotal             BIGINT      NOT NULL,
    total                BIGINT      NOT NULL,
    attempt_count        BIGINT      NOT NULL,
    next_payment_attempt TIMESTAMPTZ,
    billing_reason       TEXT,
    collection_method    TEXT        NOT NULL,
    number               TEXT,
    paid_out_of_band     BOOLEAN     NOT NULL,
    due_date             TIMESTAMPTZ,
    period_start         TIMESTAMPTZ NOT NULL,
    period_end           TIMESTAMPTZ NOT NULL,
    finalized_at         TIMESTAMPTZ,
    paid_at              TIMESTAMPTZ,
    metadata             JSONB       NOT NULL DEFAULT '{}',
    stripe_account       TEXT        NOT NULL DEFAULT '',
    livemode             BOOLEAN     NOT NULL,
    stripe_created       TIMESTAMPTZ NOT NULL,
    deleted              BOOLEAN     NOT NULL DEFAULT false,
    version              BIGINT      NOT NULL,
    observed_at          TIMESTAMPTZ NOT NULL,
    created_at           TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    updated_at           TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),

    -- Stripe makes each of these ids once, across accounts and modes; also the conflict target of each
    -- write.
    CONSTRAINT invoices_stripe_invoice_id_key UNIQUE (stripe_invoice_id),
    CONSTRAINT invoices_currency_check CHECK (currency ~ '^[a-z]{3}$'),
    -- Any word: Stripe may add one, and owns the state. app.transitions shows what our rules do not know.
    CONSTRAINT invoices_status_check CHECK (status ~ '^[A-Za-z0-9_.-]{1,64}$')
);

-- "Which invoice belongs to order 42?": metadata @> '{"order_id": "42"}'
CREATE INDEX invoices_metadata_idx ON app.invoices USING gin (metadata jsonb_path_ops);
-- "What was billed to this customer, and for this subscription, and by which payment was it paid?"
CREATE INDEX invoices_customer_idx ON app.invoices (customer) WHERE customer IS NOT NULL;
CREATE INDEX invoices_subscription_idx ON app.invoices (subscription) WHERE subscription IS NOT NULL;
CREATE INDEX invoices_payment_intent_idx ON app.invoices (payment_intent) WHERE payment_intent IS NOT NULL;

COMMENT ON TABLE  app.invoices IS 'One row an Invoice. Amounts are in the currency''s smallest unit. A draft that was deleted stays, with deleted = true.';
COMMENT ON COLUMN app.invoices.status IS 'Stripe''s status. paid also where it was paid out of band.';
COMMENT ON COLUMN app.invoices.subscription IS 'stripe_subscription_id of the subscription that it bills. No foreign key: either may be seen first.';
COMMENT ON COLUMN app.invoices.payment_intent IS 'stripe_payment_intent_id of the payment that paid it, or of the one that is to. NULL also where nothing was to be paid.';
COMMENT ON COLUMN app.invoices.period_start IS 'Stripe''s period of the invoice, which for a subscription is the one before: what is bought is in app.subscription_items.';
COMMENT ON COLUMN app.invoices.stripe_account IS 'The connected account; empty for our own.';

CREATE FUNCTION quittance.write_invoices(rows jsonb) RETURNS bigint LANGUAGE plpgsql
AS $$
DECLARE
    written bigint;
BEGIN
    INSERT INTO app.invoices AS i (
        stripe_invoice_id, stripe_account, livemode, status, customer, subscription,
        payment_intent, currency, amount_due, amount_paid, amount_remaining, subtotal, total,
        attempt_count, next_payment_attempt, billing_reason, collection_method, number,
        paid_out_of_band, due_date, period_start, period_end, finalized_at, paid_at, metadata,
        stripe_created, version, observed_at)
    SELECT
        r.id, r.account, r.livemode, r.status, r.customer, r.subscription, r.payment_intent,
        r.currency, r.amount_due, r.amount_paid, r.amount_remaining, r.subtotal, r.total,
        r.attempt_count, to_timestamp(r.next_payment_attempt), r.billing_reason,
        r.collection_method, r.number, r.paid_out_of_band, to_timestamp(r.due_date),
        to_timestamp(r.period_start), to_timestamp(r.period_end), to_timestamp(r.finalized_at),
        to_timestamp(r.paid_at), r.metadata, to_timestamp(r.created), r.version,
        to_timestamp(r.observed_at)
    FROM jsonb_to_recordset(rows) AS r (
        id text, account text, livemode boolean, version bigint, observed_at bigint, status text,
        customer text, subscription text, payment_intent text, currency text, amount_due bigint,
        amount_paid bigint, amount_remaining bigint, subtotal bigint, total bigint,
        attempt_count bigint, next_payment_attempt bigint, billing_reason text,
        collection_method text, number text, paid_out_of_band boolean, due_date bigint,
        period_start bigint, period_end bigint, finalized_at bigint, paid_at bigint,
        metadata jsonb, created bigint)
    ON CONFLICT (stripe_invoice_id) DO UPDATE SET
        status               = excluded.status,
        customer             = excluded.customer,
        subscription         = excluded.subscription,
        payment_intent       = excluded.payment_intent,
        currency             = excluded.currency,
        amount_due           = excluded.amount_due,
        amount_paid          = excluded.amount_paid,
        amount_remaining     = excluded.amount_remaining,
        subtotal             = excluded.subtotal,
        total                = excluded.total,
        attempt_count        = excluded.attempt_count,
        next_payment_attempt = excluded.next_payment_attempt,
        billing_reason       = excluded.billing_reason,
        collection_method    = excluded.collection_method,
        number               = excluded.number,
        paid_out_of_band     = excluded.paid_out_of_band,
        due_date             = excluded.due_date,
        period_start         = excluded.period_start,
        period_end           = excluded.period_end,
        finalized_at         = excluded.finalized_at,
        paid_at              = excluded.paid_at,
        metadata             = excluded.metadata,
        stripe_created       = excluded.stripe_created,
        version              = excluded.version,
        observed_at          = excluded.observed_at,
        updated_at           = clock_timestamp()
    WHERE i.stripe_account = excluded.stripe_account AND i.livemode = excluded.livemode;
    GET DIAGNOSTICS written = ROW_COUNT;
    RETURN written;
END $$;

INSERT INTO quittance.kinds (kind, app_table, id_column, writer) VALUES
    ('invoice', 'app.invoices', 'stripe_invoice_id', 'quittance.write_invoices');

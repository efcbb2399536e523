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

INSERT INTO quittance.kinds (kind, app_table, id_column) VALUES
    ('invoice', 'app.invoices', 'stripe_invoice_id');
SELECT quittance.make_writer('invoice');

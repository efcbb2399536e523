-- One row a PaymentMethod that was attached at some time. Never a number, and no fingerprint.
--
-- The id is unique within account and mode only: Stripe keeps the ids of payment methods, cards, bank
-- accounts and sources when it copies them to another account with their customers ("PAN data copy").
-- Cards, bank accounts and sources of their own are mirrored in quittance.objects, whose key says the
-- same.

CREATE TABLE app.payment_methods (
    id                       UUID        PRIMARY KEY DEFAULT gen_random_uuid(),
    stripe_payment_method_id TEXT        NOT NULL,
    status                   TEXT        NOT NULL,
    customer                 TEXT,
    type                     TEXT        NOT NULL,
    brand                    TEXT,
    last4                    TEXT,
    exp_month                BIGINT,
    exp_year                 BIGINT,
    stripe_account           TEXT        NOT NULL DEFAULT '',
    livemode                 BOOLEAN     NOT NULL,
    metadata                 JSONB       NOT NULL DEFAULT '{}',
    stripe_created           TIMESTAMPTZ NOT NULL,
    created_at               TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    deleted                  BOOLEAN     NOT NULL DEFAULT false,
    version                  BIGINT      NOT NULL,
    observed_at              TIMESTAMPTZ NOT NULL,
    updated_at               TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT payment_methods_stripe_payment_method_id_key UNIQUE (stripe_payment_method_id, stripe_account, livemode),
    CONSTRAINT payment_methods_status_check CHECK (status IN ('attached', 'detached')),
    CONSTRAINT payment_methods_customer_check CHECK ((status = 'attached') = (customer IS NOT NULL)),
    -- Whatever else may be put here by mistake, it is no card number.
    CONSTRAINT payment_methods_last4_check CHECK (length(last4) <= 4)
);

-- "What can this customer be charged with?"
CREATE INDEX payment_methods_customer_idx ON app.payment_methods (customer) WHERE customer IS NOT NULL;
-- The team's own link.
CREATE INDEX payment_methods_metadata_idx ON app.payment_methods USING gin (metadata jsonb_path_ops);

COMMENT ON TABLE  app.payment_methods IS 'One row a PaymentMethod that was attached at some time. Stripe tells no event of one that never was.';
COMMENT ON COLUMN app.payment_methods.stripe_payment_method_id IS 'Unique within account and mode only: Stripe keeps it when customers are copied to another account.';
COMMENT ON COLUMN app.payment_methods.status IS 'attached: a customer has it. detached: nobody has, and it cannot be charged again.';
COMMENT ON COLUMN app.payment_methods.customer IS 'stripe_customer_id, in the same account and mode; NULL once it is detached. May name a customer that is deleted: see app.customers.deleted.';
COMMENT ON COLUMN app.payment_methods.type IS 'card, us_bank_account, sepa_debit, ...';
COMMENT ON COLUMN app.payment_methods.last4 IS 'The last four digits of a card or a bank account.';
COMMENT ON COLUMN app.payment_methods.exp_year IS 'Follows a new card from the bank, where the network tells (payment_method.automatically_updated).';
COMMENT ON COLUMN app.payment_methods.stripe_account IS 'The connected account; empty for our own.';

CREATE FUNCTION quittance.write_payment_methods(rows jsonb) RETURNS bigint LANGUAGE plpgsql
AS $$
DECLARE
    written bigint;
BEGIN
    INSERT INTO app.payment_methods AS m (
        stripe_payment_method_id, stripe_account, livemode, status, customer, type, brand,
        last4, exp_month, exp_year, metadata, stripe_created, version, observed_at)
    SELECT
        r.id, r.account, r.livemode, r.status, r.customer, r.type, r.brand, r.last4,
        r.exp_month, r.exp_year, r.metadata, to_timestamp(r.created), r.version,
        to_timestamp(r.observed_at)
    FROM jsonb_to_recordset(rows) AS r (
        id text, account text, livemode boolean, version bigint, observed_at bigint,
        status text, customer text, type text, brand text, last4 text, exp_month bigint,
        exp_year bigint, metadata jsonb, created bigint)
    ON CONFLICT ON CONSTRAINT payment_methods_stripe_payment_method_id_key DO UPDATE SET
        status         = excluded.status,
        customer       = excluded.customer,
        type           = excluded.type,
        brand          = excluded.brand,
        last4          = excluded.last4,
        exp_month      = excluded.exp_month,
        exp_year       = excluded.exp_year,
        metadata       = excluded.metadata,
        stripe_created = excluded.stripe_created,
        version        = excluded.version,
        observed_at    = excluded.observed_at,
        updated_at     = clock_timestamp();
    GET DIAGNOSTICS written = ROW_COUNT;
    RETURN written;
END $$;

INSERT INTO quittance.kinds (kind, app_table, id_column, writer) VALUES
    ('payment_method', 'app.payment_methods', 'stripe_payment_method_id',
     'quittance.write_payment_methods');

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

INSERT INTO quittance.kinds (kind, app_table, id_column) VALUES
    ('payment_method', 'app.payment_methods', 'stripe_payment_method_id');
SELECT quittance.make_writer('payment_method');

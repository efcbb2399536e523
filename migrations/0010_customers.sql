-- One row a Customer. Deletable: a deleted one keeps its row, with `deleted` set. Name, e-mail, phone and
-- addresses are personal data and in no column.
--
-- The id is unique within account and mode only. People may choose it (docs.stripe.com, "Create a
-- customer"), and Stripe's own copies keep it: of a customer that is copied to another account ("PAN
-- data copy") or shared within an organisation.

CREATE TABLE app.customers (
    id                     UUID        PRIMARY KEY DEFAULT gen_random_uuid(),
    stripe_customer_id     TEXT        NOT NULL,
    delinquent             BOOLEAN     NOT NULL,
    balance                BIGINT,
    currency               TEXT,
    default_payment_method TEXT,
    stripe_account         TEXT        NOT NULL DEFAULT '',
    livemode               BOOLEAN     NOT NULL,
    metadata               JSONB       NOT NULL DEFAULT '{}',
    stripe_created         TIMESTAMPTZ NOT NULL,
    created_at             TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    deleted                BOOLEAN     NOT NULL DEFAULT false,
    version                BIGINT      NOT NULL,
    observed_at            TIMESTAMPTZ NOT NULL,
    updated_at             TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT customers_stripe_customer_id_key UNIQUE (stripe_customer_id, stripe_account, livemode),
    CONSTRAINT customers_currency_check CHECK (currency ~ '^[a-z]{3}$')
);

-- "Which customer is our user 42?": metadata @> '{"user_id": "42"}' is the team's own link.
CREATE INDEX customers_metadata_idx ON app.customers USING gin (metadata jsonb_path_ops);

COMMENT ON TABLE  app.customers IS 'One row a Customer.';
COMMENT ON COLUMN app.customers.stripe_customer_id IS 'Unique within account and mode only: people may choose it, and Stripe keeps it when customers are copied to another account.';
COMMENT ON COLUMN app.customers.delinquent IS 'Stripe''s word for owing money: the latest invoice could not be charged, or is past due.';
COMMENT ON COLUMN app.customers.balance IS 'What the next invoice begins with, in the currency''s smallest unit; negative is a credit.';
COMMENT ON COLUMN app.customers.currency IS 'NULL before the first invoice or balance.';
COMMENT ON COLUMN app.customers.default_payment_method IS 'stripe_payment_method_id of what invoices are charged to.';
COMMENT ON COLUMN app.customers.metadata IS 'Your own link to your rows, as set on the Customer.';
COMMENT ON COLUMN app.customers.deleted IS 'Deleted at Stripe; the rest is what was last seen.';
COMMENT ON COLUMN app.customers.stripe_account IS 'The connected account; empty for our own.';

INSERT INTO quittance.kinds (kind, app_table, id_column) VALUES
    ('customer', 'app.customers', 'stripe_customer_id');
SELECT quittance.make_writer('customer');

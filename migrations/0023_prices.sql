-- One row a Price.
CREATE TABLE app.prices (
    id                       UUID        PRIMARY KEY DEFAULT gen_random_uuid(),
    stripe_price_id          TEXT        NOT NULL,
    active                   BOOLEAN     NOT NULL,
    product                  TEXT        NOT NULL,
    currency                 TEXT        NOT NULL,
    unit_amount              BIGINT,
    unit_amount_decimal      TEXT,
    billing_scheme           TEXT        NOT NULL,
    recurring_interval       TEXT,
    recurring_interval_count BIGINT,
    recurring_usage_type     TEXT,
    nickname                 TEXT,
    lookup_key               TEXT,
    metadata                 JSONB       NOT NULL DEFAULT '{}',
    stripe_account           TEXT        NOT NULL DEFAULT '',
    livemode                 BOOLEAN     NOT NULL,
    stripe_created           TIMESTAMPTZ NOT NULL,
    deleted                  BOOLEAN     NOT NULL DEFAULT false,
    version                  BIGINT      NOT NULL,
    observed_at              TIMESTAMPTZ NOT NULL,
    created_at               TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    updated_at               TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),

    -- A price that was made from a plan has the id that the team chose for the plan, and two accounts, or
    -- two modes, may have the same one.
    CONSTRAINT prices_stripe_price_id_key UNIQUE (stripe_account, livemode, stripe_price_id),
    CONSTRAINT prices_currency_check CHECK (currency ~ '^[a-z]{3}$')
);

-- "What are the prices of this product?"
CREATE INDEX prices_product_idx ON app.prices (product);
-- "What is the present price of this name?"
CREATE INDEX prices_lookup_key_idx ON app.prices (lookup_key) WHERE lookup_key IS NOT NULL;
-- "Which price is this of our catalogue?": metadata @> '{"sku": "42"}'
CREATE INDEX prices_metadata_idx ON app.prices USING gin (metadata jsonb_path_ops);

COMMENT ON TABLE  app.prices IS 'One row a Price. Amounts are in the currency''s smallest unit.';
COMMENT ON COLUMN app.prices.stripe_price_id IS 'Unique within account and mode only: a price that was made from an old plan has the id that the team chose.';
COMMENT ON COLUMN app.prices.product IS 'stripe_product_id of its product. No foreign key: either may be seen first.';
COMMENT ON COLUMN app.prices.unit_amount IS 'NULL where tiers or the customer decide, or where it is a fraction of the smallest unit: see unit_amount_decimal.';
COMMENT ON COLUMN app.prices.recurring_interval IS 'day, week, month, year; NULL: paid once.';
COMMENT ON COLUMN app.prices.stripe_account IS 'The connected account; empty for our own.';

INSERT INTO quittance.kinds (kind, app_table, id_column) VALUES
    ('price', 'app.prices', 'stripe_price_id');
SELECT quittance.make_writer('price');

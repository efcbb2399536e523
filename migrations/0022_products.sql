-- One row a Product.
CREATE TABLE app.products (
    id                UUID        PRIMARY KEY DEFAULT gen_random_uuid(),
    stripe_product_id TEXT        NOT NULL,
    active            BOOLEAN     NOT NULL,
    -- NULL where the settings drop it.
    name              TEXT,
    description       TEXT,
    default_price     TEXT,
    unit_label        TEXT,
    metadata          JSONB       NOT NULL DEFAULT '{}',
    stripe_account    TEXT        NOT NULL DEFAULT '',
    livemode          BOOLEAN     NOT NULL,
    stripe_created    TIMESTAMPTZ NOT NULL,
    deleted           BOOLEAN     NOT NULL DEFAULT false,
    version           BIGINT      NOT NULL,
    observed_at       TIMESTAMPTZ NOT NULL,
    created_at        TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    updated_at        TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),

    -- A team may choose these ids itself, so two accounts may have the same one; and Stripe keeps the id
    -- of a product that is copied from test to live mode.
    CONSTRAINT products_stripe_product_id_key UNIQUE (stripe_account, livemode, stripe_product_id)
);

-- "Which product is this of ours?": metadata @> '{"sku": "42"}'
CREATE INDEX products_metadata_idx ON app.products USING gin (metadata jsonb_path_ops);

COMMENT ON TABLE  app.products IS 'One row a Product.';
COMMENT ON COLUMN app.products.stripe_product_id IS 'Unique within account and mode only: teams may choose these ids.';
COMMENT ON COLUMN app.products.active IS 'Whether it can be bought. In app.transitions: active, inactive.';
COMMENT ON COLUMN app.products.stripe_account IS 'The connected account; empty for our own.';

INSERT INTO quittance.kinds (kind, app_table, id_column) VALUES
    ('product', 'app.products', 'stripe_product_id');
SELECT quittance.make_writer('product');

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

CREATE FUNCTION quittance.write_products(rows jsonb) RETURNS bigint LANGUAGE plpgsql
AS $$
DECLARE
    written bigint;
BEGIN
    INSERT INTO app.products AS p (
        stripe_product_id, stripe_account, livemode, active, name, description, default_price,
        unit_label, metadata, stripe_created, version, observed_at)
    SELECT
        r.id, r.account, r.livemode, r.active, r.name, r.description, r.default_price,
        r.unit_label, r.metadata, to_timestamp(r.created), r.version, to_timestamp(r.observed_at)
    FROM jsonb_to_recordset(rows) AS r (
        id text, account text, livemode boolean, version bigint, observed_at bigint,
        active boolean, name text, description text, default_price text, unit_label text,
        metadata jsonb, created bigint)
    ON CONFLICT (stripe_account, livemode, stripe_product_id) DO UPDATE SET
        active         = excluded.active,
        name           = excluded.name,
        description    = excluded.description,
        default_price  = excluded.default_price,
        unit_label     = excluded.unit_label,
        metadata       = excluded.metadata,
        stripe_created = excluded.stripe_created,
        version        = excluded.version,
        observed_at    = excluded.observed_at,
        updated_at     = clock_timestamp();
    GET DIAGNOSTICS written = ROW_COUNT;
    RETURN written;
END $$;

INSERT INTO quittance.kinds (kind, app_table, id_column, writer) VALUES
    ('product', 'app.products', 'stripe_product_id', 'quittance.write_products');

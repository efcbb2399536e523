-- One row a SetupIntent: a payment method on its way to being kept.

CREATE TABLE app.setup_intents (
    id                     UUID        PRIMARY KEY DEFAULT gen_random_uuid(),
    stripe_setup_intent_id TEXT        NOT NULL,
    status                 TEXT        NOT NULL,
    customer               TEXT,
    payment_method         TEXT,
    usage                  TEXT        NOT NULL,
    failure_code           TEXT,
    failure_decline_code   TEXT,
    failure_message        TEXT,
    cancellation_reason    TEXT,
    next_action            TEXT,
    mandate                TEXT,
    on_behalf_of           TEXT,
    description            TEXT,
    stripe_account         TEXT        NOT NULL DEFAULT '',
    livemode               BOOLEAN     NOT NULL,
    metadata               JSONB       NOT NULL DEFAULT '{}',
    stripe_created         TIMESTAMPTZ NOT NULL,
    created_at             TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    deleted                BOOLEAN     NOT NULL DEFAULT false,
    version                BIGINT      NOT NULL,
    observed_at            TIMESTAMPTZ NOT NULL,
    updated_at             TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),

    -- Stripe makes each of these ids once, across accounts and modes.
    CONSTRAINT setup_intents_stripe_setup_intent_id_key UNIQUE (stripe_setup_intent_id),
    -- Any word: Stripe may add one, and owns the state. app.transitions shows what our rules do not know.
    CONSTRAINT setup_intents_status_check CHECK (status ~ '^[A-Za-z0-9_.-]{1,64}$')
);

-- "What did this customer try to save?"
CREATE INDEX setup_intents_customer_idx ON app.setup_intents (customer) WHERE customer IS NOT NULL;
-- The team's own link.
CREATE INDEX setup_intents_metadata_idx ON app.setup_intents USING gin (metadata jsonb_path_ops);

COMMENT ON TABLE  app.setup_intents IS 'One row a SetupIntent: a payment method on its way to being kept.';
COMMENT ON COLUMN app.setup_intents.status IS 'Stripe''s status. A failed attempt goes back to requires_payment_method: see failure_code.';
COMMENT ON COLUMN app.setup_intents.customer IS 'stripe_customer_id. No foreign key: either may be seen first.';
COMMENT ON COLUMN app.setup_intents.usage IS 'off_session or on_session: how the method is meant to be used.';
COMMENT ON COLUMN app.setup_intents.failure_code IS 'Code of the last failed attempt (last_setup_error). NULL after a success.';
COMMENT ON COLUMN app.setup_intents.next_action IS 'What the customer has to do next: redirect_to_url, use_stripe_sdk, ...';
COMMENT ON COLUMN app.setup_intents.stripe_account IS 'The connected account; empty for our own.';

INSERT INTO quittance.kinds (kind, app_table, id_column) VALUES
    ('setup_intent', 'app.setup_intents', 'stripe_setup_intent_id');
SELECT quittance.make_writer('setup_intent');

-- One row a Checkout Session, with links to all that came of it.

CREATE TABLE app.checkout_sessions (
    id                         UUID        PRIMARY KEY DEFAULT gen_random_uuid(),
    stripe_checkout_session_id TEXT        NOT NULL,
    -- NULL where Stripe gives none, which it documents as possible.
    status                     TEXT,
    payment_status             TEXT        NOT NULL,
    mode                       TEXT        NOT NULL,
    client_reference_id        TEXT,
    customer                   TEXT,
    payment_intent             TEXT,
    setup_intent               TEXT,
    subscription               TEXT,
    invoice                    TEXT,
    amount_total               BIGINT,
    currency                   TEXT,
    expires_at                 TIMESTAMPTZ NOT NULL,
    stripe_account             TEXT        NOT NULL DEFAULT '',
    livemode                   BOOLEAN     NOT NULL,
    metadata                   JSONB       NOT NULL DEFAULT '{}',
    stripe_created             TIMESTAMPTZ NOT NULL,
    created_at                 TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    deleted                    BOOLEAN     NOT NULL DEFAULT false,
    version                    BIGINT      NOT NULL,
    observed_at                TIMESTAMPTZ NOT NULL,
    updated_at                 TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),

    -- Stripe makes each of these ids once, across accounts and modes.
    CONSTRAINT checkout_sessions_stripe_checkout_session_id_key UNIQUE (stripe_checkout_session_id),
    -- Any word: Stripe may add one, and owns the state. app.transitions shows what our rules do not know.
    CONSTRAINT checkout_sessions_status_check CHECK (status ~ '^[A-Za-z0-9_.-]{1,64}$'),
    CONSTRAINT checkout_sessions_payment_status_check CHECK (
        payment_status ~ '^[A-Za-z0-9_.-]{1,64}$'),
    CONSTRAINT checkout_sessions_currency_check CHECK (currency ~ '^[a-z]{3}$')
);

-- "What became of our cart 42?": the two links that a team sets itself.
CREATE INDEX checkout_sessions_client_reference_id_idx ON app.checkout_sessions (client_reference_id)
    WHERE client_reference_id IS NOT NULL;
CREATE INDEX checkout_sessions_metadata_idx ON app.checkout_sessions USING gin (metadata jsonb_path_ops);
-- "What has this customer bought?"
CREATE INDEX checkout_sessions_customer_idx ON app.checkout_sessions (customer)
    WHERE customer IS NOT NULL;
-- "Which checkout did this payment come from?"
CREATE INDEX checkout_sessions_payment_intent_idx ON app.checkout_sessions (payment_intent)
    WHERE payment_intent IS NOT NULL;

COMMENT ON TABLE  app.checkout_sessions IS 'One row a Checkout Session. Stripe tells no event when one is opened, so a row appears when it completes or expires.';
COMMENT ON COLUMN app.checkout_sessions.status IS 'Stripe''s status. complete says that the customer is through, not that there is money: see payment_status. app.transitions has both in one word: complete/unpaid, complete/paid, ...';
COMMENT ON COLUMN app.checkout_sessions.payment_status IS 'unpaid beside complete: a delayed method, whose money comes days later or not at all.';
COMMENT ON COLUMN app.checkout_sessions.mode IS 'payment, setup or subscription.';
COMMENT ON COLUMN app.checkout_sessions.client_reference_id IS 'Your own reference: a cart, an order.';
COMMENT ON COLUMN app.checkout_sessions.payment_intent IS 'stripe_payment_intent_id. No foreign key: either may be seen first.';
COMMENT ON COLUMN app.checkout_sessions.amount_total IS 'After discounts and taxes, in the currency''s smallest unit.';
COMMENT ON COLUMN app.checkout_sessions.stripe_account IS 'The connected account; empty for our own.';

INSERT INTO quittance.kinds (kind, app_table, id_column) VALUES
    ('checkout.session', 'app.checkout_sessions', 'stripe_checkout_session_id');
SELECT quittance.make_writer('checkout.session');

-- Payouts: money on its way from a Stripe balance to a bank account.

-- One row a Payout; keyed like app.disputes.
CREATE TABLE app.payouts (
    id                   UUID        PRIMARY KEY DEFAULT gen_random_uuid(),
    stripe_payout_id     TEXT        NOT NULL,
    amount               BIGINT      NOT NULL,
    currency             TEXT        NOT NULL,
    status               TEXT        NOT NULL,
    created_at           TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    arrival_date         TIMESTAMPTZ NOT NULL,
    automatic            BOOLEAN     NOT NULL,
    method               TEXT        NOT NULL,
    destination_type     TEXT        NOT NULL,
    destination          TEXT,
    balance_transaction  TEXT,
    failure_code         TEXT,
    failure_message      TEXT,
    statement_descriptor TEXT,
    stripe_account       TEXT        NOT NULL DEFAULT '',
    livemode             BOOLEAN     NOT NULL,
    metadata             JSONB       NOT NULL DEFAULT '{}',
    stripe_created       TIMESTAMPTZ NOT NULL,
    deleted              BOOLEAN     NOT NULL DEFAULT false,
    version              BIGINT      NOT NULL,
    observed_at          TIMESTAMPTZ NOT NULL,
    updated_at           TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT payouts_stripe_payout_id_key UNIQUE (stripe_payout_id, stripe_account, livemode),
    CONSTRAINT payouts_currency_check CHECK (currency ~ '^[a-z]{3}$'),
    -- Any word: Stripe may add one, and owns the state. app.transitions shows what our rules do not know.
    CONSTRAINT payouts_status_check CHECK (status ~ '^[A-Za-z0-9_.-]{1,64}$')
);

-- "When does this account's money arrive?"
CREATE INDEX payouts_account_idx ON app.payouts (stripe_account, arrival_date);
-- "Which payout settles our statement 42?": metadata @> '{"statement_id": "42"}'
CREATE INDEX payouts_metadata_idx ON app.payouts USING gin (metadata jsonb_path_ops);

COMMENT ON TABLE  app.payouts IS 'One row a Payout.';
COMMENT ON COLUMN app.payouts.amount IS 'In the currency''s smallest unit; below zero where a balance is made up for.';
COMMENT ON COLUMN app.payouts.status IS 'Stripe''s status. paid is not the end: a bank may send the money back, and then it is failed.';
COMMENT ON COLUMN app.payouts.arrival_date IS 'When the bank is expected to have it.';
COMMENT ON COLUMN app.payouts.stripe_account IS 'The connected account; empty for our own.';

INSERT INTO quittance.kinds (kind, app_table, id_column) VALUES
    ('payout', 'app.payouts', 'stripe_payout_id');
SELECT quittance.make_writer('payout');

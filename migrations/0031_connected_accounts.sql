-- Connected accounts: what Stripe lets them do, and what stands in the way.

-- One row a connected account and mode: the same account has a life of its own in each.
-- What follows from the account and its capabilities together (can_..., why_..., deadline) is
-- derived in account/standing.rs of the domain and written with them; nothing here is taken from an event.
CREATE TABLE app.connected_accounts (
    id                   UUID        PRIMARY KEY DEFAULT gen_random_uuid(),
    stripe_account_id    TEXT        NOT NULL,
    status               TEXT        NOT NULL,
    can_charge           BOOLEAN     NOT NULL,
    can_receive_payouts  BOOLEAN     NOT NULL,
    can_receive_payments BOOLEAN     NOT NULL,
    why_not              TEXT,
    why_no_payments      TEXT,
    deadline             TIMESTAMPTZ,
    created_at           TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    charges_enabled      BOOLEAN     NOT NULL DEFAULT false,
    payouts_enabled      BOOLEAN     NOT NULL DEFAULT false,
    details_submitted    BOOLEAN     NOT NULL DEFAULT false,
    currently_due        TEXT[]      NOT NULL DEFAULT '{}',
    past_due             TEXT[]      NOT NULL DEFAULT '{}',
    disabled_reason      TEXT,
    current_deadline     TIMESTAMPTZ,
    card_payments        TEXT,
    transfers            TEXT,
    account_type         TEXT,
    country              TEXT,
    default_currency     TEXT,
    stripe_account       TEXT        NOT NULL,
    livemode             BOOLEAN     NOT NULL,
    metadata             JSONB       NOT NULL DEFAULT '{}',
    stripe_created       TIMESTAMPTZ,
    deauthorized_at      TIMESTAMPTZ GENERATED ALWAYS AS (
                             CASE WHEN status = 'deauthorized' THEN observed_at END) STORED,
    deleted              BOOLEAN     NOT NULL DEFAULT false,
    version              BIGINT      NOT NULL,
    observed_at          TIMESTAMPTZ NOT NULL,
    updated_at           TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT connected_accounts_stripe_account_id_key UNIQUE (stripe_account_id, livemode),
    -- So that it joins like every other table of one account.
    CONSTRAINT connected_accounts_account_check CHECK (stripe_account = stripe_account_id),
    CONSTRAINT connected_accounts_status_check CHECK (status IN (
        'onboarding', 'restricted', 'enabled', 'rejected', 'deauthorized')),
    CONSTRAINT connected_accounts_card_payments_check CHECK (
        card_payments ~ '^[A-Za-z0-9_.-]{1,64}$'),
    CONSTRAINT connected_accounts_transfers_check CHECK (
        transfers ~ '^[A-Za-z0-9_.-]{1,64}$'),
    -- A refusal without a reason helps nobody.
    CONSTRAINT connected_accounts_why_not_check CHECK (
        (can_charge AND can_receive_payouts) = (why_not IS NULL)),
    CONSTRAINT connected_accounts_why_no_payments_check CHECK (
        can_receive_payments = (why_no_payments IS NULL))
);

-- "Whose onboarding has to be chased, and until when?"
CREATE INDEX connected_accounts_deadline_idx ON app.connected_accounts (deadline) WHERE deadline IS NOT NULL;
-- "Which account is our seller 42?": metadata @> '{"seller_id": "42"}'
CREATE INDEX connected_accounts_metadata_idx ON app.connected_accounts USING gin (metadata jsonb_path_ops);

COMMENT ON TABLE  app.connected_accounts IS 'One row a connected account and mode. Ask app.can_receive_payments() before a destination charge.';
COMMENT ON COLUMN app.connected_accounts.status IS 'Ours, derived: onboarding, restricted, enabled (all that it asked for works), rejected, deauthorized (it took our access back; the rest is what was last seen).';
COMMENT ON COLUMN app.connected_accounts.can_charge IS 'charges_enabled and card_payments active: direct charges, and charges on_behalf_of it.';
COMMENT ON COLUMN app.connected_accounts.can_receive_payouts IS 'payouts_enabled and transfers active: money that reaches it comes out again at its bank.';
COMMENT ON COLUMN app.connected_accounts.can_receive_payments IS 'can_receive_payouts and charges_enabled: a destination charge to it works to its end.';
COMMENT ON COLUMN app.connected_accounts.why_not IS 'What stands in the way of can_charge or can_receive_payouts; NULL when nothing does.';
COMMENT ON COLUMN app.connected_accounts.why_no_payments IS 'What stands in the way of can_receive_payments; NULL when nothing does.';
COMMENT ON COLUMN app.connected_accounts.deadline IS 'The first deadline of the account''s and its capabilities'' requirements.';
COMMENT ON COLUMN app.connected_accounts.card_payments IS 'Status of the capability; NULL when it was not requested.';
COMMENT ON COLUMN app.connected_accounts.transfers IS 'Status of the capability; NULL when it was not requested.';
COMMENT ON COLUMN app.connected_accounts.deauthorized_at IS 'When it took our access back; NULL while we have it.';

-- An account that took our access back was not looked at: its row has no columns of what Stripe says, and
-- what was last seen stays.
INSERT INTO quittance.kinds (kind, app_table, id_column, partial) VALUES
    ('account', 'app.connected_accounts', 'stripe_account_id', true);
SELECT quittance.make_writer('account');

-- The answer that a platform needs before a destination charge. Always one row; not allowed when we
-- know nothing. as_of says how old the answer is: everything before that second is in it.
CREATE FUNCTION app.can_receive_payments(
    account text, live boolean DEFAULT true,
    OUT allowed boolean, OUT why_not text, OUT as_of timestamptz)
LANGUAGE sql STABLE
AS $$
    SELECT coalesce(a.can_receive_payments AND NOT a.deleted, false),
           CASE WHEN a.id IS NULL THEN 'unknown: this account was never seen in this mode'
                WHEN a.deleted    THEN 'deleted: Stripe no longer has this account'
                ELSE a.why_no_payments
           END,
           a.observed_at
    FROM (VALUES (true)) AS always
    LEFT JOIN app.connected_accounts AS a
        ON a.stripe_account_id = can_receive_payments.account
       AND a.livemode = can_receive_payments.live
$$;

COMMENT ON FUNCTION app.can_receive_payments IS 'Whether a destination charge to this connected account works to its end, why not, and as of when (NULL: never seen).';

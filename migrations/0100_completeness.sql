-- Whether everything that Stripe has is here: background duties, the sweep over Stripe's list of events, and the
-- certificates of comparisons.

-- One row for each background duty. One process at a time has it, for as long as it renews its lease; times are
-- of this database's clock, which all processes share.
CREATE TABLE quittance.duties (
    name        TEXT        PRIMARY KEY,
    every_ms    BIGINT      NOT NULL,
    next_at     TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    -- Who runs it now, until when; NULL: nobody does.
    holder      TEXT,
    lease_until TIMESTAMPTZ,
    -- Rises with each run. A runner that was silent for too long finds another number, and does no more.
    run         BIGINT      NOT NULL DEFAULT 0,
    started_at  TIMESTAMPTZ,
    -- Of the last run that came to an end.
    worker      TEXT,
    finished_at TIMESTAMPTZ,
    duration_ms BIGINT,
    result      TEXT,
    detail      TEXT,
    succeeded_at TIMESTAMPTZ,
    failures    BIGINT      NOT NULL DEFAULT 0,

    CONSTRAINT duties_lease_check CHECK ((holder IS NULL) = (lease_until IS NULL)),
    CONSTRAINT duties_result_check CHECK (result IN ('succeeded', 'failed')),
    CONSTRAINT duties_end_check CHECK (
        (finished_at IS NULL) = (result IS NULL) AND (finished_at IS NULL) = (duration_ms IS NULL)
        AND (finished_at IS NULL) = (worker IS NULL))
);

-- How far the sweep is with each account. `since`, `complete_until`, `listed_until` and what is in `ranges` are of
-- Stripe's clock; the others of this database's.
CREATE TABLE quittance.sweep_accounts (
    account        TEXT        NOT NULL,
    livemode       BOOLEAN     NOT NULL,
    -- Where the claim begins; NULL until the first look.
    since          TIMESTAMPTZ,
    complete_until TIMESTAMPTZ,
    listed_until   TIMESTAMPTZ,
    -- [{from, until, fingerprint, events, open, due_at, closed}], the ranges after complete_until. Read and written
    -- with the row alone.
    ranges         JSONB       NOT NULL DEFAULT '[]',
    -- Demanded by each write: of two sweepers with one state, one writes.
    version        BIGINT      NOT NULL DEFAULT 1,
    looked_at      TIMESTAMPTZ,
    next_at        TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    wait_ms        BIGINT      NOT NULL DEFAULT 0,
    -- Why the last look came to no end, and since when none has.
    error          TEXT,
    failing_since  TIMESTAMPTZ,
    -- Stripe says that the account is not, or no longer, ours to read.
    no_access      BOOLEAN     NOT NULL DEFAULT false,

    CONSTRAINT sweep_accounts_pkey PRIMARY KEY (account, livemode),
    CONSTRAINT sweep_accounts_claim_check CHECK (
        (since IS NULL) = (complete_until IS NULL) AND (since IS NULL) = (listed_until IS NULL)),
    CONSTRAINT sweep_accounts_order_check CHECK (since <= complete_until AND complete_until <= listed_until)
);
-- What is due.
CREATE INDEX sweep_accounts_next_idx ON quittance.sweep_accounts (livemode, next_at);
-- The furthest behind.
CREATE INDEX sweep_accounts_until_idx ON quittance.sweep_accounts (livemode, complete_until);

COMMENT ON TABLE  quittance.sweep_accounts IS 'Complete until: every event that Stripe lists of the account from since up to complete_until is settled, ignored or dead-lettered.';

-- Time that Stripe listed no longer before it was found complete. The claims of its account begin after it.
CREATE TABLE quittance.sweep_gaps (
    id       BIGINT      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account  TEXT        NOT NULL,
    livemode BOOLEAN     NOT NULL,
    from_at  TIMESTAMPTZ NOT NULL,
    until_at TIMESTAMPTZ NOT NULL,
    found_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp()
);

-- Events that Stripe listed, and that were neither in the ledger nor in the queue although an endpoint of Stripe's
-- leads here. The sweep put them on the queue.
CREATE TABLE quittance.missed_events (
    id             TEXT        PRIMARY KEY,
    account        TEXT        NOT NULL,
    livemode       BOOLEAN     NOT NULL,
    type           TEXT        NOT NULL,
    stripe_created TIMESTAMPTZ NOT NULL,
    reason         TEXT        NOT NULL,
    found_at       TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    -- More than once where the queue lost it again.
    times          INTEGER     NOT NULL DEFAULT 1,
    last_found_at  TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT missed_events_reason_check CHECK (
        reason IN ('not_enabled', 'disabled', 'pending', 'not_pending', 'unknown'))
);
-- Those of the last day, and those that are old enough to be removed.
CREATE INDEX missed_events_found_idx ON quittance.missed_events (last_found_at);

COMMENT ON COLUMN quittance.missed_events.reason IS 'not_enabled: no endpoint that leads here is sent this type. disabled: each that is, is disabled. pending: Stripe still tries to deliver it. not_pending: Stripe has delivered it, or given up; what was acknowledged was lost here. unknown: the endpoints could not be read.';

-- What a comparison of Stripe's list of events with the ledger found. One row a run.
CREATE TABLE quittance.event_certificates (
    id          BIGINT      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    actor       TEXT        NOT NULL,
    -- own, connected, all, or an account.
    accounts    TEXT        NOT NULL,
    livemode    BOOLEAN     NOT NULL,
    -- The range of `created`, by Stripe's clock.
    from_at     TIMESTAMPTZ NOT NULL,
    until_at    TIMESTAMPTZ NOT NULL,
    compared    BIGINT      NOT NULL,
    -- Accounts that could not be read, and why: [{account, error}].
    unread      JSONB       NOT NULL DEFAULT '[]',
    listed      BIGINT      NOT NULL,
    held        BIGINT      NOT NULL,
    waiting     BIGINT      NOT NULL,
    fresh       BIGINT      NOT NULL,
    missing     BIGINT      NOT NULL,
    -- The first thousand: [{id, account, type, created}].
    missing_events JSONB    NOT NULL DEFAULT '[]',
    duration_ms BIGINT      NOT NULL,

    CONSTRAINT event_certificates_sum_check CHECK (listed = held + waiting + fresh + missing)
);
-- Newest first.
CREATE INDEX event_certificates_at_idx ON quittance.event_certificates (at);

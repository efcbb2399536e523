-- One row a Subscription Schedule.
CREATE TABLE app.subscription_schedules (
    id                              UUID        PRIMARY KEY DEFAULT gen_random_uuid(),
    stripe_subscription_schedule_id TEXT        NOT NULL,
    status                          TEXT        NOT NULL,
    customer                        TEXT        NOT NULL,
    subscription                    TEXT,
    released_subscription           TEXT,
    end_behavior                    TEXT        NOT NULL,
    current_phase_start             TIMESTAMPTZ,
    current_phase_end               TIMESTAMPTZ,
    canceled_at                     TIMESTAMPTZ,
    completed_at                    TIMESTAMPTZ,
    released_at                     TIMESTAMPTZ,
    metadata                        JSONB       NOT NULL DEFAULT '{}',
    stripe_account                  TEXT        NOT NULL DEFAULT '',
    livemode                        BOOLEAN     NOT NULL,
    stripe_created                  TIMESTAMPTZ NOT NULL,
    deleted                         BOOLEAN     NOT NULL DEFAULT false,
    version                         BIGINT      NOT NULL,
    observed_at                     TIMESTAMPTZ NOT NULL,
    created_at                      TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    updated_at                      TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),

    -- Stripe makes each of these ids once, across accounts and modes; also the conflict target of each
    -- write.
    CONSTRAINT subscription_schedules_stripe_subscription_schedule_id_key UNIQUE (stripe_subscription_schedule_id),
    -- Any word: Stripe may add one, and owns the state. app.transitions shows what our rules do not know.
    CONSTRAINT subscription_schedules_status_check CHECK (status ~ '^[A-Za-z0-9_.-]{1,64}$')
);

-- "What will become of this subscription?"
CREATE INDEX subscription_schedules_subscription_idx ON app.subscription_schedules (subscription) WHERE subscription IS NOT NULL;
-- "What is planned for this customer?"
CREATE INDEX subscription_schedules_customer_idx ON app.subscription_schedules (customer);
-- "Which schedule carries out our contract 42?": metadata @> '{"contract_id": "42"}'
CREATE INDEX subscription_schedules_metadata_idx ON app.subscription_schedules USING gin (metadata jsonb_path_ops);

COMMENT ON TABLE  app.subscription_schedules IS 'One row a Subscription Schedule. Its phases: quittance.objects.';
COMMENT ON COLUMN app.subscription_schedules.subscription IS 'The subscription that it drives; NULL before it has made one, and after it let it go.';
COMMENT ON COLUMN app.subscription_schedules.stripe_account IS 'The connected account; empty for our own.';

CREATE FUNCTION quittance.write_subscription_schedules(rows jsonb) RETURNS bigint LANGUAGE plpgsql
AS $$
DECLARE
    written bigint;
BEGIN
    INSERT INTO app.subscription_schedules AS s (
        stripe_subscription_schedule_id, stripe_account, livemode, status, customer, subscription,
        released_subscription, end_behavior, current_phase_start, current_phase_end, canceled_at,
        completed_at, released_at, metadata, stripe_created, version, observed_at)
    SELECT
        r.id, r.account, r.livemode, r.status, r.customer, r.subscription, r.released_subscription,
        r.end_behavior, to_timestamp(r.current_phase_start), to_timestamp(r.current_phase_end),
        to_timestamp(r.canceled_at), to_timestamp(r.completed_at), to_timestamp(r.released_at),
        r.metadata, to_timestamp(r.created), r.version, to_timestamp(r.observed_at)
    FROM jsonb_to_recordset(rows) AS r (
        id text, account text, livemode boolean, version bigint, observed_at bigint, status text,
        customer text, subscription text, released_subscription text, end_behavior text,
        current_phase_start bigint, current_phase_end bigint, canceled_at bigint,
        completed_at bigint, released_at bigint, metadata jsonb, created bigint)
    ON CONFLICT (stripe_subscription_schedule_id) DO UPDATE SET
        status                = excluded.status,
        customer              = excluded.customer,
        subscription          = excluded.subscription,
        released_subscription = excluded.released_subscription,
        end_behavior          = excluded.end_behavior,
        current_phase_start   = excluded.current_phase_start,
        current_phase_end     = excluded.current_phase_end,
        canceled_at           = excluded.canceled_at,
        completed_at          = excluded.completed_at,
        released_at           = excluded.released_at,
        metadata              = excluded.metadata,
        stripe_created        = excluded.stripe_created,
        version               = excluded.version,
        observed_at           = excluded.observed_at,
        updated_at            = clock_timestamp()
    WHERE s.stripe_account = excluded.stripe_account AND s.livemode = excluded.livemode;
    GET DIAGNOSTICS written = ROW_COUNT;
    RETURN written;
END $$;

INSERT INTO quittance.kinds (kind, app_table, id_column, writer) VALUES
    ('subscription_schedule', 'app.subscription_schedules', 'stripe_subscription_schedule_id', 'quittance.write_subscription_schedules');

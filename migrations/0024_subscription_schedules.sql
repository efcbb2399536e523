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

INSERT INTO quittance.kinds (kind, app_table, id_column) VALUES
    ('subscription_schedule', 'app.subscription_schedules', 'stripe_subscription_schedule_id');
SELECT quittance.make_writer('subscription_schedule');

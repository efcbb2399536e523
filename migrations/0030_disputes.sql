-- Disputes: a customer asks the bank for the money back.

-- One row a Dispute. The key holds account and mode beside Stripe's id, as that of quittance.objects
-- does.
CREATE TABLE app.disputes (
    id                   UUID        PRIMARY KEY DEFAULT gen_random_uuid(),
    stripe_dispute_id    TEXT        NOT NULL,
    amount               BIGINT      NOT NULL,
    currency             TEXT        NOT NULL,
    status               TEXT        NOT NULL,
    created_at           TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    reason               TEXT        NOT NULL,
    charge               TEXT,
    payment_intent       TEXT,
    stripe_account       TEXT        NOT NULL DEFAULT '',
    livemode             BOOLEAN     NOT NULL,
    evidence_due_by      TIMESTAMPTZ,
    evidence_past_due    BOOLEAN     NOT NULL,
    has_evidence         BOOLEAN     NOT NULL,
    submission_count     BIGINT      NOT NULL,
    is_charge_refundable BOOLEAN     NOT NULL,
    metadata             JSONB       NOT NULL DEFAULT '{}',
    stripe_created       TIMESTAMPTZ NOT NULL,
    deleted              BOOLEAN     NOT NULL DEFAULT false,
    version              BIGINT      NOT NULL,
    observed_at          TIMESTAMPTZ NOT NULL,
    updated_at           TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT disputes_stripe_dispute_id_key UNIQUE (stripe_dispute_id, stripe_account, livemode),
    CONSTRAINT disputes_currency_check CHECK (currency ~ '^[a-z]{3}$'),
    -- Any word: Stripe may add one, and owns the state. app.transitions shows what our rules do not know.
    CONSTRAINT disputes_status_check CHECK (status ~ '^[A-Za-z0-9_.-]{1,64}$')
);

-- "Is this payment disputed?"
CREATE INDEX disputes_payment_intent_idx ON app.disputes (payment_intent) WHERE payment_intent IS NOT NULL;
CREATE INDEX disputes_charge_idx ON app.disputes (charge) WHERE charge IS NOT NULL;
-- "Which disputes does our case 42 answer?": metadata @> '{"case_id": "42"}'
CREATE INDEX disputes_metadata_idx ON app.disputes USING gin (metadata jsonb_path_ops);
-- "What has to be answered, and until when?": few rows, looked at every day.
CREATE INDEX disputes_evidence_due_idx ON app.disputes (evidence_due_by)
    WHERE status IN ('needs_response', 'warning_needs_response');

COMMENT ON TABLE  app.disputes IS 'One row a Dispute, inquiries (warning_...) included.';
COMMENT ON COLUMN app.disputes.amount IS 'What is disputed, in the currency''s smallest unit; may differ from what was charged.';
COMMENT ON COLUMN app.disputes.evidence_due_by IS 'Until when evidence counts. NULL where the bank takes none.';
COMMENT ON COLUMN app.disputes.is_charge_refundable IS 'Whether giving the money back still ends it.';
COMMENT ON COLUMN app.disputes.stripe_account IS 'The connected account; empty for our own.';

INSERT INTO quittance.kinds (kind, app_table, id_column) VALUES
    ('dispute', 'app.disputes', 'stripe_dispute_id');
SELECT quittance.make_writer('dispute');

-- Schema `app`: what the product team reads. Stable: columns are added, never renamed or retyped.
--
-- The columns that every table of an object shares:
--   stripe_account   the connected account, or '' for the account that owns the API key. Not NULL,
--                    so that it can be joined and compared with `=` and be part of a key.
--   version          raised by one with each write; the compare-and-set token of `quittance.objects`.
--   observed_at      Stripe's clock when the fetch behind this row began, floored to the second.
--   deleted          Stripe says that the object is gone; the rest of the row is what was last seen.
--
-- What makes a Stripe id unique depends on the kind:
--   - where people may choose it (customers, products, prices that were plans) or Stripe's copies keep it
--     (customers, payment methods): the id together with account and mode;
--   - where Stripe makes it, once (payments, charges, refunds, setup intents, checkout sessions,
--     subscriptions and their items and schedules, invoices): the id alone. The same one from another
--     account or mode means that an endpoint is set up for the wrong one, and is refused;
--   - disputes, payouts and connected accounts: with account and mode, as quittance.objects has it.

CREATE SCHEMA IF NOT EXISTS quittance;
CREATE SCHEMA app;

COMMENT ON SCHEMA app IS 'Stripe''s objects as plain tables, kept true by Quittance. Read-only for everybody else.';
COMMENT ON SCHEMA quittance IS 'Quittance''s own bookkeeping. Not a stable interface, except quittance.outbox.';

-- One row a PaymentIntent: the smallest useful table first, then what a payments team asks for.
CREATE TABLE app.payments (
    id                       UUID        PRIMARY KEY DEFAULT gen_random_uuid(),
    stripe_payment_intent_id TEXT        NOT NULL,
    amount                   BIGINT      NOT NULL,
    currency                 TEXT        NOT NULL,
    status                   TEXT        NOT NULL,
    created_at               TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    amount_capturable        BIGINT      NOT NULL,
    amount_received          BIGINT      NOT NULL,
    amount_captured          BIGINT      NOT NULL DEFAULT 0,
    amount_refunded          BIGINT      NOT NULL DEFAULT 0,
    customer                 TEXT,
    stripe_account           TEXT        NOT NULL DEFAULT '',
    livemode                 BOOLEAN     NOT NULL,
    payment_method           TEXT,
    latest_charge            TEXT,
    capture_method           TEXT        NOT NULL,
    failure_code             TEXT,
    failure_decline_code     TEXT,
    failure_message          TEXT,
    cancellation_reason      TEXT,
    canceled_at              TIMESTAMPTZ,
    next_action              TEXT,
    transfer_destination     TEXT,
    application_fee_amount   BIGINT,
    on_behalf_of             TEXT,
    description              TEXT,
    metadata                 JSONB       NOT NULL DEFAULT '{}',
    stripe_created           TIMESTAMPTZ NOT NULL,
    deleted                  BOOLEAN     NOT NULL DEFAULT false,
    version                  BIGINT      NOT NULL,
    observed_at              TIMESTAMPTZ NOT NULL,
    updated_at               TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),

    -- Stripe makes each of these ids once, across accounts and modes; also the conflict target of each
    -- write.
    CONSTRAINT payments_stripe_payment_intent_id_key UNIQUE (stripe_payment_intent_id),
    CONSTRAINT payments_currency_check CHECK (currency ~ '^[a-z]{3}$'),
    -- Any word: Stripe may add one, and owns the state. app.transitions shows what our rules do not know.
    CONSTRAINT payments_status_check CHECK (status ~ '^[A-Za-z0-9_.-]{1,64}$')
);

-- "Which payment belongs to order 42?": metadata @> '{"order_id": "42"}' is the team's own link.
CREATE INDEX payments_metadata_idx ON app.payments USING gin (metadata jsonb_path_ops);
-- "What has this customer paid?"
CREATE INDEX payments_customer_idx ON app.payments (customer) WHERE customer IS NOT NULL;

COMMENT ON TABLE  app.payments IS 'One row a PaymentIntent. Amounts are in the currency''s smallest unit: cents for EUR, whole yen for JPY, thousandths for KWD.';
COMMENT ON COLUMN app.payments.id IS 'Ours, made at first sight, never changed.';
COMMENT ON COLUMN app.payments.status IS 'Stripe''s status. A failed attempt goes back to requires_payment_method (see failure_code); a refund leaves it at succeeded (see amount_refunded).';
COMMENT ON COLUMN app.payments.created_at IS 'When this row was made. When Stripe made the payment: stripe_created.';
COMMENT ON COLUMN app.payments.amount_received IS 'Stripe''s amount_received: what has been received, not lowered by refunds.';
COMMENT ON COLUMN app.payments.amount_captured IS 'Sum over app.charges of this payment: 0 until an event of its charge has come. What the payment itself says: amount_received.';
COMMENT ON COLUMN app.payments.amount_refunded IS 'What went back of the money that was taken: the sum of amount_returned over app.charges of this payment. Falls again when a refund fails.';
COMMENT ON COLUMN app.payments.stripe_account IS 'The connected account; empty for our own.';
COMMENT ON COLUMN app.payments.failure_code IS 'Code of the last failed attempt: card_declined, authentication_required, ... NULL after a success.';
COMMENT ON COLUMN app.payments.failure_decline_code IS 'The bank''s finer word: insufficient_funds, lost_card, ...';
COMMENT ON COLUMN app.payments.failure_message IS 'Stripe''s sentence for people.';
COMMENT ON COLUMN app.payments.next_action IS 'What the customer has to do next: redirect_to_url, use_stripe_sdk, ...';
COMMENT ON COLUMN app.payments.metadata IS 'Your own link to your rows, as set on the PaymentIntent.';
COMMENT ON COLUMN app.payments.deleted IS 'Stripe no longer has it; the rest is what was last seen.';
COMMENT ON COLUMN app.payments.version IS 'Raised by one with each write.';
COMMENT ON COLUMN app.payments.observed_at IS 'Stripe''s clock when it was last asked: everything before that second is in this row.';

-- One row a Charge: each attempt to move money, and how much of it went back.
CREATE TABLE app.charges (
    id                       UUID        PRIMARY KEY DEFAULT gen_random_uuid(),
    stripe_charge_id         TEXT        NOT NULL,
    amount                   BIGINT      NOT NULL,
    currency                 TEXT        NOT NULL,
    status                   TEXT        NOT NULL,
    created_at               TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    amount_captured          BIGINT      NOT NULL,
    amount_refunded          BIGINT      NOT NULL,
    -- Stripe also counts as refunded what was only authorised and then released (a cancelled
    -- authorisation, the rest of a partial capture). Nobody's money moved there. More can be
    -- captured than was authorised: then nothing was released.
    amount_returned          BIGINT      NOT NULL GENERATED ALWAYS AS (
                                 greatest(amount_refunded - greatest(amount - amount_captured, 0), 0)) STORED,
    captured                 BOOLEAN     NOT NULL,
    refunded                 BOOLEAN     NOT NULL,
    disputed                 BOOLEAN     NOT NULL,
    payment_intent           TEXT,
    customer                 TEXT,
    stripe_account           TEXT        NOT NULL DEFAULT '',
    livemode                 BOOLEAN     NOT NULL,
    payment_method           TEXT,
    failure_code             TEXT,
    failure_decline_code     TEXT,
    failure_message          TEXT,
    outcome                  TEXT,
    transfer_destination     TEXT,
    application_fee_amount   BIGINT,
    balance_transaction      TEXT,
    metadata                 JSONB       NOT NULL DEFAULT '{}',
    stripe_created           TIMESTAMPTZ NOT NULL,
    deleted                  BOOLEAN     NOT NULL DEFAULT false,
    version                  BIGINT      NOT NULL,
    observed_at              TIMESTAMPTZ NOT NULL,
    updated_at               TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT charges_stripe_charge_id_key UNIQUE (stripe_charge_id),
    CONSTRAINT charges_currency_check CHECK (currency ~ '^[a-z]{3}$'),
    -- Any word: Stripe may add one, and owns the state. app.transitions shows what our rules do not know.
    CONSTRAINT charges_status_check CHECK (status ~ '^[A-Za-z0-9_.-]{1,64}$')
);

-- The sums of a payment over its charges are taken with each write of either.
CREATE INDEX charges_payment_intent_idx ON app.charges (payment_intent) WHERE payment_intent IS NOT NULL;
-- "What was tried for this customer?"
CREATE INDEX charges_customer_idx ON app.charges (customer) WHERE customer IS NOT NULL;
-- "What was tried for order 42?": a charge gets the metadata of its payment when it is made.
CREATE INDEX charges_metadata_idx ON app.charges USING gin (metadata jsonb_path_ops);

COMMENT ON TABLE  app.charges IS 'One row a Charge: an attempt to move money.';
COMMENT ON COLUMN app.charges.payment_intent IS 'stripe_payment_intent_id of its payment. No foreign key: a charge may be seen first.';
COMMENT ON COLUMN app.charges.amount_refunded IS 'As Stripe counts: what went back so far, and what was authorised and never captured. Falls again when a refund fails.';
COMMENT ON COLUMN app.charges.amount_returned IS 'What went back of the money that was taken.';
COMMENT ON COLUMN app.charges.refunded IS 'Stripe''s word for "all of it went back".';
COMMENT ON COLUMN app.charges.outcome IS 'authorized, issuer_declined, blocked, ...';
COMMENT ON COLUMN app.charges.stripe_account IS 'The connected account; empty for our own.';

-- One row a Refund: state of its own, that can fail after it had succeeded.
CREATE TABLE app.refunds (
    id                       UUID        PRIMARY KEY DEFAULT gen_random_uuid(),
    stripe_refund_id         TEXT        NOT NULL,
    amount                   BIGINT      NOT NULL,
    currency                 TEXT        NOT NULL,
    status                   TEXT        NOT NULL,
    created_at               TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    charge                   TEXT,
    payment_intent           TEXT,
    stripe_account           TEXT        NOT NULL DEFAULT '',
    livemode                 BOOLEAN     NOT NULL,
    reason                   TEXT,
    failure_reason           TEXT,
    balance_transaction      TEXT,
    metadata                 JSONB       NOT NULL DEFAULT '{}',
    stripe_created           TIMESTAMPTZ NOT NULL,
    deleted                  BOOLEAN     NOT NULL DEFAULT false,
    version                  BIGINT      NOT NULL,
    observed_at              TIMESTAMPTZ NOT NULL,
    updated_at               TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT refunds_stripe_refund_id_key UNIQUE (stripe_refund_id),
    CONSTRAINT refunds_currency_check CHECK (currency ~ '^[a-z]{3}$'),
    -- Any word: Stripe may add one, and owns the state. app.transitions shows what our rules do not know.
    CONSTRAINT refunds_status_check CHECK (status ~ '^[A-Za-z0-9_.-]{1,64}$')
);

-- "What was given back of this payment, and why?"
CREATE INDEX refunds_payment_intent_idx ON app.refunds (payment_intent) WHERE payment_intent IS NOT NULL;
CREATE INDEX refunds_charge_idx ON app.refunds (charge) WHERE charge IS NOT NULL;
-- "Did our return 42 go through?": metadata @> '{"return_id": "42"}'
CREATE INDEX refunds_metadata_idx ON app.refunds USING gin (metadata jsonb_path_ops);

COMMENT ON TABLE  app.refunds IS 'One row a Refund.';
COMMENT ON COLUMN app.refunds.status IS 'Stripe''s status. succeeded is not the end: a bank may send the money back, and then it is failed.';
COMMENT ON COLUMN app.refunds.balance_transaction IS 'The movement of our balance. NULL where none moved: an authorisation that was released, which Stripe records as a refund, too.';
COMMENT ON COLUMN app.refunds.stripe_account IS 'The connected account; empty for our own.';

-- What changed, from, to, because of which event, when. Only real changes of a status.
CREATE TABLE app.transitions (
    id             BIGINT      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    object_kind    TEXT        NOT NULL,
    object_id      TEXT        NOT NULL,
    stripe_account TEXT        NOT NULL DEFAULT '',
    livemode       BOOLEAN     NOT NULL,
    from_status    TEXT,
    to_status      TEXT        NOT NULL,
    kind           TEXT        NOT NULL,
    because_of     TEXT,
    version        BIGINT      NOT NULL,
    observed_at    TIMESTAMPTZ NOT NULL,
    at             TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT transitions_kind_check CHECK (kind IN ('opened', 'expected', 'anomalous'))
);

-- The history of one object, in order.
CREATE INDEX transitions_object_idx ON app.transitions (object_id, id);
-- Ops looks at the anomalies, which are few: moves that our state machine thinks impossible.
CREATE INDEX transitions_anomalous_idx ON app.transitions (id) WHERE kind = 'anomalous';
-- `status` counts those of the last day.
CREATE INDEX transitions_anomalous_at_idx ON app.transitions (at) WHERE kind = 'anomalous';

COMMENT ON TABLE  app.transitions IS 'Every change of a status that was seen. States that came and went between two looks are not in it.';
COMMENT ON COLUMN app.transitions.from_status IS 'NULL at first sight of the object.';
COMMENT ON COLUMN app.transitions.to_status IS 'As Stripe says it, also where our state machine does not know the word: then the step is anomalous. null where Stripe gives no status.';
COMMENT ON COLUMN app.transitions.because_of IS 'The event that made us look; NULL when no event did.';
COMMENT ON COLUMN app.transitions.version IS 'The version of the object''s row that this change made.';
COMMENT ON COLUMN app.transitions.at IS 'When it was recorded. Stripe''s clock when it was seen: observed_at.';

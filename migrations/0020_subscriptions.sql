-- Subscriptions and their items.

-- One row a Subscription.
CREATE TABLE app.subscriptions (
    id                     UUID        PRIMARY KEY DEFAULT gen_random_uuid(),
    stripe_subscription_id TEXT        NOT NULL,
    status                 TEXT        NOT NULL,
    customer               TEXT        NOT NULL,
    currency               TEXT        NOT NULL,
    collection_method      TEXT        NOT NULL,
    current_period_start   TIMESTAMPTZ,
    current_period_end     TIMESTAMPTZ,
    trial_start            TIMESTAMPTZ,
    trial_end              TIMESTAMPTZ,
    cancel_at_period_end   BOOLEAN     NOT NULL,
    cancel_at              TIMESTAMPTZ,
    canceled_at            TIMESTAMPTZ,
    ended_at               TIMESTAMPTZ,
    pause_collection       TEXT,
    pause_resumes_at       TIMESTAMPTZ,
    default_payment_method TEXT,
    latest_invoice         TEXT,
    schedule               TEXT,
    metadata               JSONB       NOT NULL DEFAULT '{}',
    stripe_account         TEXT        NOT NULL DEFAULT '',
    livemode               BOOLEAN     NOT NULL,
    stripe_created         TIMESTAMPTZ NOT NULL,
    deleted                BOOLEAN     NOT NULL DEFAULT false,
    version                BIGINT      NOT NULL,
    observed_at            TIMESTAMPTZ NOT NULL,
    created_at             TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    updated_at             TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),

    -- Stripe makes each of these ids once, across accounts and modes; also the conflict target of each
    -- write.
    CONSTRAINT subscriptions_stripe_subscription_id_key UNIQUE (stripe_subscription_id),
    CONSTRAINT subscriptions_currency_check CHECK (currency ~ '^[a-z]{3}$'),
    -- Any word: Stripe may add one, and owns the state. app.transitions shows what our rules do not know.
    CONSTRAINT subscriptions_status_check CHECK (status ~ '^[A-Za-z0-9_.-]{1,64}$')
);

-- "Which subscription belongs to order 42?": metadata @> '{"order_id": "42"}'
CREATE INDEX subscriptions_metadata_idx ON app.subscriptions USING gin (metadata jsonb_path_ops);
-- "What is this customer subscribed to?"
CREATE INDEX subscriptions_customer_idx ON app.subscriptions (customer);

COMMENT ON TABLE  app.subscriptions IS 'One row a Subscription. Its items: app.subscription_items.';
COMMENT ON COLUMN app.subscriptions.status IS 'Stripe''s status. Whether invoices are collected at present is not part of it: see pause_collection.';
COMMENT ON COLUMN app.subscriptions.current_period_start IS 'Of the item whose period ends first: items can have periods of their own.';
COMMENT ON COLUMN app.subscriptions.current_period_end IS 'When money is next due: the earliest end over its items.';
COMMENT ON COLUMN app.subscriptions.canceled_at IS 'When the end was asked for. When it came: ended_at.';
COMMENT ON COLUMN app.subscriptions.pause_collection IS 'keep_as_draft, mark_uncollectible or void: what becomes of invoices while collection is paused. NULL: it is not paused.';
COMMENT ON COLUMN app.subscriptions.stripe_account IS 'The connected account; empty for our own.';

-- One row an item. The rows of a subscription are those that its last observation had, all of them
-- and no others: an item that was taken out of the subscription has no row.
CREATE TABLE app.subscription_items (
    id                          UUID        PRIMARY KEY DEFAULT gen_random_uuid(),
    stripe_subscription_item_id TEXT        NOT NULL,
    subscription                TEXT        NOT NULL,
    price                       TEXT        NOT NULL,
    product                     TEXT        NOT NULL,
    quantity                    BIGINT,
    current_period_start        TIMESTAMPTZ NOT NULL,
    current_period_end          TIMESTAMPTZ NOT NULL,
    metadata                    JSONB       NOT NULL DEFAULT '{}',
    stripe_account              TEXT        NOT NULL DEFAULT '',
    livemode                    BOOLEAN     NOT NULL,
    stripe_created              TIMESTAMPTZ NOT NULL,
    version                     BIGINT      NOT NULL,
    observed_at                 TIMESTAMPTZ NOT NULL,
    created_at                  TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    updated_at                  TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT subscription_items_stripe_subscription_item_id_key UNIQUE (stripe_subscription_item_id)
);

-- Each write of a subscription looks for the items that it no longer has.
CREATE INDEX subscription_items_subscription_idx ON app.subscription_items (subscription);
-- "Which item is our seat or licence 42?": metadata @> '{"licence_id": "42"}'
CREATE INDEX subscription_items_metadata_idx ON app.subscription_items USING gin (metadata jsonb_path_ops);

COMMENT ON TABLE  app.subscription_items IS 'What is subscribed to at present: the items of each subscription as of its last observation.';
COMMENT ON COLUMN app.subscription_items.subscription IS 'stripe_subscription_id of its subscription.';
COMMENT ON COLUMN app.subscription_items.quantity IS 'NULL where use is metered.';
COMMENT ON COLUMN app.subscription_items.version IS 'The version of its subscription that wrote it.';
COMMENT ON COLUMN app.subscription_items.stripe_account IS 'The connected account; empty for our own.';

-- Replaces the items of subscriptions. They go by the decision about their subscription: whatever is not
-- in the observation that won is not there any more.
CREATE FUNCTION quittance.replace_subscription_items(rows jsonb) RETURNS void LANGUAGE plpgsql
AS $$
DECLARE
    items jsonb;
BEGIN
    DELETE FROM app.subscription_items AS i
    USING jsonb_to_recordset(rows) AS r (id text, account text, livemode boolean, items jsonb)
    WHERE i.subscription = r.id AND i.stripe_account = r.account AND i.livemode = r.livemode
      AND NOT EXISTS (
          SELECT FROM jsonb_to_recordset(r.items) AS k (id text)
          WHERE k.id = i.stripe_subscription_item_id);

    SELECT coalesce(jsonb_agg(item || jsonb_build_object(
               'subscription', r -> 'id', 'account', r -> 'account', 'livemode', r -> 'livemode',
               'version', r -> 'version', 'observed_at', r -> 'observed_at')), '[]')
    INTO items
    FROM jsonb_array_elements(rows) AS r
    CROSS JOIN LATERAL jsonb_array_elements(r -> 'items') AS item;

    IF quittance.write_subscription_items(items) <> jsonb_array_length(items) THEN
        RAISE EXCEPTION 'an item of this slice belongs to another subscription, account or mode'
            USING ERRCODE = 'QT001';
    END IF;
END $$;

-- An item is written with its subscription and has no kind of its own in the queue.
INSERT INTO quittance.kinds (kind, app_table, id_column, fixed, afterwards) VALUES
    ('subscription_item', 'app.subscription_items', 'stripe_subscription_item_id', '{subscription}', NULL),
    ('subscription', 'app.subscriptions', 'stripe_subscription_id', '{}',
     'quittance.replace_subscription_items');
SELECT quittance.make_writer('subscription_item');
SELECT quittance.make_writer('subscription');

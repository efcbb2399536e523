WITH these AS (
    SELECT 'payment_intent' AS kind, stripe_payment_intent_id AS id, stripe_account,
           livemode, stripe_created
    FROM app.payments WHERE customer = $1
    UNION ALL
    SELECT 'charge', stripe_charge_id, stripe_account, livemode, stripe_created
    FROM app.charges WHERE customer = $1
    UNION ALL
    SELECT 'setup_intent', stripe_setup_intent_id, stripe_account, livemode,
           stripe_created
    FROM app.setup_intents WHERE customer = $1
    UNION ALL
    SELECT 'checkout.session', stripe_checkout_session_id, stripe_account, livemode,
           stripe_created
    FROM app.checkout_sessions WHERE customer = $1
    UNION ALL
    SELECT 'payment_method', stripe_payment_method_id, stripe_account, livemode,
           stripe_created
    FROM app.payment_methods WHERE customer = $1
    UNION ALL
    SELECT 'subscription', stripe_subscription_id, stripe_account, livemode,
           stripe_created
    FROM app.subscriptions WHERE customer = $1
    UNION ALL
    SELECT 'subscription_schedule', stripe_subscription_schedule_id, stripe_account,
           livemode, stripe_created
    FROM app.subscription_schedules WHERE customer = $1
    UNION ALL
    SELECT 'invoice', stripe_invoice_id, stripe_account, livemode, stripe_created
    FROM app.invoices WHERE customer = $1
    UNION ALL
    SELECT 'customer', stripe_customer_id, stripe_account, livemode, stripe_created
    FROM app.customers WHERE stripe_customer_id = $1
)
SELECT o.kind, o.id, o.account, o.livemode, o.recorded ->> 'status' AS status,
       o.deleted, o.data ->> 'customer' AS customer,
       CASE WHEN jsonb_typeof(o.data -> 'amount') = 'number'
            THEN (o.data -> 'amount')::numeric::bigint END AS amount,
       o.data ->> 'currency' AS currency, t.stripe_created AS created,
       o.observed_at, o.updated_at, o.version
FROM these AS t
JOIN quittance.objects AS o
  ON o.account = t.stripe_account AND o.livemode = t.livemode AND o.kind = t.kind
 AND o.id = t.id
WHERE ($2::jsonb IS NULL OR o.data -> 'metadata' @> $2)
  AND ($3::text IS NULL OR o.kind = $3)
  AND ($4::text IS NULL OR o.account = $4)
  AND ($5::boolean IS NULL OR o.livemode = $5)
  AND ($6::text IS NULL
       OR (t.stripe_created, o.kind, o.id, o.account, o.livemode) < (
           SELECT p.stripe_created, p.kind, p.id, p.stripe_account, p.livemode
           FROM these AS p
           WHERE p.kind = $6 AND p.id = $7 AND p.stripe_account = $8 AND p.livemode = $9))
ORDER BY t.stripe_created DESC, o.kind DESC, o.id DESC, o.account DESC, o.livemode DESC
LIMIT $10

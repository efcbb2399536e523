-- What one settled event leaves behind, in one statement.
WITH n AS (
    SELECT lpad(nextval('number')::text, 14, '0') AS n
),
ledger AS (
    INSERT INTO quittance.events (
        id, type, api_version, account, livemode, stripe_created, endpoint, received_at,
        secret_index, object_kind, object_id, status, outcome, settled_at, attempts)
    SELECT 'evt_' || n, 'payment_intent.succeeded', '2026-09-30.endive', '', false, now(), 'default',
           now(), 0, 'payment_intent', 'pi_' || n, 'settled', 'applied', clock_timestamp(), 1
    FROM n
),
object AS (
    INSERT INTO quittance.objects (
        account, livemode, kind, id, version, observed_at, seen_by, data, recorded, cause)
    SELECT '', false, 'payment_intent', 'pi_' || n, 1, now(), now(), payment,
           '{"status": "succeeded", "amount": 2000, "amount_received": 2000}', 'evt_' || n
    FROM n, given
),
payment AS (
    INSERT INTO app.payments (
        stripe_payment_intent_id, stripe_account, livemode, amount, currency, status,
        amount_capturable, amount_received, amount_captured, amount_refunded, customer,
        latest_charge, capture_method, description, metadata, stripe_created, version, observed_at)
    SELECT 'pi_' || n, '', false, 2000, 'eur', 'succeeded', 0, 2000, 0, 0, 'cus_9s6XKzkNRiz8i3',
           'ch_' || n, 'automatic', 'Order 4711 of a shop that sells what people need',
           '{"order_id": "4711"}', now(), 1, now()
    FROM n
),
transition AS (
    INSERT INTO app.transitions (
        object_kind, object_id, stripe_account, livemode, from_status, to_status, kind, because_of,
        version, observed_at)
    SELECT 'payment_intent', 'pi_' || n, '', false, NULL, 'succeeded', 'opened', 'evt_' || n, 1, now()
    FROM n
),
attempt AS (
    INSERT INTO quittance.attempts (
        event_id, number, started_at, duration_ms, worker, outcome, request_id, trace_id)
    SELECT 'evt_' || n, 1, now(), 5, 'bench', 'applied', 'req_canned',
           '4bf92f3577b34da6a3ce929d0e0e4736'
    FROM n
)
INSERT INTO quittance.outbox (
    id, topic, sort, account, livemode, object_kind, object_id, cause, payload)
SELECT gen_random_uuid(), 'payment.succeeded', 'state', '', false, 'payment_intent', 'pi_' || n,
       'evt_' || n,
       '{"v": 1, "occurred": 1700000000, "version": 1, "before": null,
         "after": {"status": "succeeded"}, "data": {"amount": 2000, "currency": "eur"}}'
FROM n;

-- $COUNT dead letters of three causes, one of them with a very long message.
WITH made AS (
    INSERT INTO quittance.dead_letters (
        event_id, event_type, object_kind, object_id, customer, account, livemode, endpoint, lane,
        received_at, reason, class, code, message, cause, fingerprint, payload, body_sha256,
        body_bytes, first_failed_at, created_at, died_at, attempts)
    SELECT 'evt_given_up_' || n,
           (ARRAY['payment_intent.succeeded', 'charge.failed', 'invoice.paid'])[1 + n % 3],
           (ARRAY['payment_intent', 'charge', 'invoice'])[1 + n % 3],
           (ARRAY['pi_', 'ch_', 'in_'])[1 + n % 3] || 'given_up_' || n,
           'cus_' || n % 100, '', false, 'default', 'live',
           now() - make_interval(mins => n), 'permanent', 'permanent',
           (ARRAY['not_found', 'permission_denied', 'decode'])[1 + n % 3],
           (ARRAY[
               'Stripe has no such object: No such payment_intent: ''pi_given_up_' || n || '''',
               'the key may not read this: missing the permission rak_charge_read',
               'the answer could not be read: lines.data[0].price.product: invalid type: map, '
                   || 'expected a string at line 1 column 20481; ' || repeat('and so on and on, ', 40)
           ])[1 + n % 3],
           (ARRAY[
               'Stripe has no such object: No such payment_intent: …',
               'the key may not read this: missing the permission rak_charge_read',
               'the answer could not be read: lines.data[…].price.product: invalid type: map'
           ])[1 + n % 3],
           (ARRAY['aaaaaaaaaaaa', 'bbbbbbbbbbbb', 'cccccccccccc'])[1 + n % 3],
           jsonb_build_object('id', 'evt_given_up_' || n, 'object', 'event', 'data',
               jsonb_build_object('object', jsonb_build_object('metadata',
                   jsonb_build_object('order', '<b>payload of ' || n || '</b>')))),
           repeat('0', 64), 900, now() - make_interval(mins => n),
           now() - make_interval(mins => n), now() - make_interval(mins => n), 1 + n % 12
    FROM generate_series(1, $COUNT) AS n
    RETURNING event_id, event_type, object_kind, object_id, received_at, attempts
)
INSERT INTO quittance.events (
    id, type, account, livemode, endpoint, received_at, object_kind, object_id, status, attempts)
SELECT event_id, event_type, '', false, 'default', received_at, object_kind, object_id, 'dead',
       attempts
FROM made;

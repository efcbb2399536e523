SELECT o.kind, o.id, o.account, o.livemode, o.recorded ->> 'status' AS status,
       o.deleted, o.data ->> 'customer' AS customer,
       CASE WHEN jsonb_typeof(o.data -> 'amount') = 'number'
            THEN (o.data -> 'amount')::numeric::bigint END AS amount,
       o.data ->> 'currency' AS currency,
       CASE WHEN jsonb_typeof(o.data -> 'created') = 'number'
            THEN to_timestamp((o.data -> 'created')::numeric::bigint) END AS created,
       o.observed_at, o.updated_at, o.version
FROM quittance.objects AS o
WHERE o.kind = $1
  AND ($2::text IS NULL OR o.data ->> 'customer' = $2)
  AND ($3::jsonb IS NULL OR o.data -> 'metadata' @> $3)
  AND ($4::text IS NULL OR o.account = $4)
  AND ($5::boolean IS NULL OR o.livemode = $5)
  -- The first part is what the index can do; the same id can be in several accounts and modes.
  AND ($6::text IS NULL
       OR (o.id <= $6 AND (o.id, o.account, o.livemode) < ($6, $7, $8::boolean)))
ORDER BY o.id DESC, o.account DESC, o.livemode DESC
LIMIT $9

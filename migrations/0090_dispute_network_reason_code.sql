-- The code under which the card network files a dispute. What counts as evidence depends on it.
ALTER TABLE app.disputes ADD COLUMN network_reason_code TEXT;

COMMENT ON COLUMN app.disputes.network_reason_code IS 'The card network''s own code for the reason: 4853, 13.1, ... What counts as evidence depends on it. NULL where the network gives none, and for other methods than cards.';

SELECT quittance.make_writer('dispute');

-- What is known already, from the JSON that is kept.
UPDATE app.disputes AS d
SET network_reason_code = o.data #>> '{payment_method_details,card,network_reason_code}'
FROM quittance.objects AS o
WHERE o.kind = 'dispute' AND o.id = d.stripe_dispute_id AND o.account = d.stripe_account
  AND o.livemode = d.livemode;

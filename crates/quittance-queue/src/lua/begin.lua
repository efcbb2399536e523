-- Counts the delivery of a job that was taken over, now that it begins.
-- KEYS: lane stream. ARGV: group, me, id. Returns the deliveries, this one included; 0 when the job
-- is no longer mine.
local stream, group, me, id = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local pending = redis.call('XPENDING', stream, group, id, id, 1, me)[1]
if not pending then return 0 end
local deliveries = pending[4] + 1
redis.call('XCLAIM', stream, group, me, 0, id, 'RETRYCOUNT', deliveries, 'JUSTID')
return deliveries

-- Counts that a job begins. The count of Redis is one more than ours, because it counts the fetch, and
-- what was only fetched has not begun.
-- KEYS: lane stream. ARGV: group, me, id. Returns how many workers began it, this one included; 0 when
-- the job is no longer mine.
local stream, group, me, id = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local pending = redis.call('XPENDING', stream, group, id, id, 1, me)[1]
if not pending then return 0 end
local begun = math.max(1, pending[4])
redis.call('XCLAIM', stream, group, me, 0, id, 'RETRYCOUNT', begun + 1, 'JUSTID')
return begun

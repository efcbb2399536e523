-- Removes myself from the group, if nothing of mine is pending any more.
-- KEYS: lane stream. ARGV: group, me. Returns how many jobs are still pending under my name.
local mine = redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2])
if #mine == 0 then redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2]) end
return #mine

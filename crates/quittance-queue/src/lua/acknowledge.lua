-- Removes finished jobs. An id that is gone already is passed over. As one step: an entry that is no
-- longer pending but not deleted would be counted as waiting for ever. Not as MULTI, which a full Redis
-- refuses whatever is in it; and it is by this that it gets room.
-- KEYS: lane stream. ARGV: group, ids (at most 1000). Returns how many were there.
local ids = {}
for i = 2, #ARGV do ids[#ids + 1] = ARGV[i] end
redis.call('XACK', KEYS[1], ARGV[1], unpack(ids))
return redis.call('XDEL', KEYS[1], unpack(ids))

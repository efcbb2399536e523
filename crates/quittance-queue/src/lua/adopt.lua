-- Reads again what Redis delivered to me on a connection that broke before the answer came.
-- KEYS: lane stream. ARGV: group, me, first id (inclusive), limit (at most 100).
-- Returns {last id seen, {{id, deliveries, meta, body}, ...}}. Costs no delivery: no worker died.
local stream, group, me = KEYS[1], ARGV[1], ARGV[2]
local last, jobs = '', {}
for _, pending in ipairs(redis.call('XPENDING', stream, group, ARGV[3], '+', ARGV[4], me)) do
  local id = pending[1]
  last = id
  local entry = redis.call('XCLAIM', stream, group, me, 0, id, 'RETRYCOUNT', pending[4])[1]
  if entry then
    local meta, body = '', ''
    for i = 1, #entry[2], 2 do
      if entry[2][i] == 'm' then meta = entry[2][i + 1] end
      if entry[2][i] == 'b' then body = entry[2][i + 1] end
    end
    jobs[#jobs + 1] = {id, pending[4], meta, body}
  else
    redis.call('XACK', stream, group, id)
  end
end
return {last, jobs}

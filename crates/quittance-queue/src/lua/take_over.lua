-- Takes over jobs whose worker has been silent for a lease.
-- KEYS: lane stream. ARGV: group, me, lease (ms), cursor, limit (at most 100).
-- Returns {next cursor, {{id, deliveries, meta, body}, ...}}. Bounded: XAUTOCLAIM looks at no more
-- than ten entries for each one asked for.
local stream, group, me = KEYS[1], ARGV[1], ARGV[2]
-- JUSTID, because Redis 6.2 answers a deleted entry with a nil that does not say which id it was.
local claimed = redis.call('XAUTOCLAIM', stream, group, me, ARGV[3], ARGV[4],
                           'COUNT', ARGV[5], 'JUSTID')
local jobs = {}
for _, id in ipairs(claimed[2]) do
  -- Not counted as a delivery yet: most of what a dead worker had was only waiting in its buffer, and
  -- must not be taken for what killed it. `begin.lua` counts.
  local pending = redis.call('XPENDING', stream, group, id, id, 1)[1]
  local count = pending and pending[4] or 1
  local entry = redis.call('XCLAIM', stream, group, me, 0, id, 'RETRYCOUNT', count)[1]
  if entry then
    local meta, body = '', ''
    for i = 1, #entry[2], 2 do
      if entry[2][i] == 'm' then meta = entry[2][i + 1] end
      if entry[2][i] == 'b' then body = entry[2][i + 1] end
    end
    jobs[#jobs + 1] = {id, count, meta, body}
  else
    -- Pending, but its payload is gone: nobody can work it, and it must not spoil the batch.
    redis.call('XACK', stream, group, id)
  end
end
return {claimed[1], jobs}

-- Takes over jobs that workers have returned, or whose worker has been silent for a lease.
-- KEYS: lane stream. ARGV: group, me, lease (ms), cursor, limit (at most 100), consumer of
-- returned jobs, 'returned' for returned jobs alone, or 'all'.
-- Returns {next cursor, {{id, count, meta, body}, ...}}. Bounded: XAUTOCLAIM looks at no more than
-- ten entries for each one asked for.
local stream, group, me = KEYS[1], ARGV[1], ARGV[2]
local cursor, ids = '0-0', {}
if ARGV[7] == 'returned' then
  for _, one in ipairs(redis.call('XPENDING', stream, group, '-', '+', ARGV[5], ARGV[6])) do
    ids[#ids + 1] = one[1]
  end
else
  -- JUSTID, because Redis 6.2 answers a deleted entry with a nil that does not say which id it was.
  local claimed = redis.call('XAUTOCLAIM', stream, group, me, ARGV[3], ARGV[4],
                             'COUNT', ARGV[5], 'JUSTID')
  cursor, ids = claimed[1], claimed[2]
end
local jobs = {}
for _, id in ipairs(ids) do
  -- The count stays as it is: most of what a dead worker had was only waiting in its buffer, and must
  -- not be taken for what killed it. `begin.lua` counts.
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
    -- Pending, but its payload is gone: it cannot be run, and it must not spoil the batch.
    redis.call('XACK', stream, group, id)
  end
end
return {cursor, jobs}

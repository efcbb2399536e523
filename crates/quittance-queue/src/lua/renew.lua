-- Renews the lease of the jobs that are still mine; says which ones another worker has.
-- KEYS: lane stream. ARGV: group, me, the consumer of returned jobs, ids (at most 100).
-- A plain XCLAIM would steal back a job that another worker took over in the meantime.
local stream, group, me, unassigned = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local taken = {}
for i = 4, #ARGV do
  local id = ARGV[i]
  local pending = redis.call('XPENDING', stream, group, id, id, 1)[1]
  if pending then
    if pending[2] == me then
      redis.call('XCLAIM', stream, group, me, 0, id, 'JUSTID')
    elseif pending[2] ~= unassigned then
      -- An unassigned job was returned by this worker while this command was on its way.
      taken[#taken + 1] = id
    end
  elseif redis.call('XRANGE', stream, id, id)[1] then
    -- Unfinished, and on no pending list: my name was deleted from the group by hand. It has begun, as
    -- far as is known.
    redis.call('XCLAIM', stream, group, me, 0, id, 'RETRYCOUNT', 2, 'FORCE', 'JUSTID')
  end
end
return taken

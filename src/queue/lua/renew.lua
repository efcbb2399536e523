-- Renews the lease of the jobs that are still mine; says which ones another worker has.
-- KEYS: lane stream. ARGV: group, me, ids (at most 100).
-- A plain XCLAIM would steal back a job that another worker took over in the meantime.
local stream, group, me = KEYS[1], ARGV[1], ARGV[2]
local taken = {}
for i = 3, #ARGV do
  local id = ARGV[i]
  local pending = redis.call('XPENDING', stream, group, id, id, 1)[1]
  if pending then
    if pending[2] == me then
      redis.call('XCLAIM', stream, group, me, 0, id, 'JUSTID')
    else
      taken[#taken + 1] = id
    end
  end
end
return taken

-- Returns unfinished jobs: the next sweep of any worker claims them.
-- KEYS: lane stream. ARGV: group, me, lease (ms), the consumer of returned jobs, and for each job (at most 100) its
-- id after '-' where it had begun, which is taken back, after '=' where it had not.
-- Returns how many were mine to give. They go to the consumer of returned jobs, which is no worker, so
-- that they count as waiting.
local stream, group, me, lease, unassigned = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local given = 0
for i = 5, #ARGV do
  local id, count = string.sub(ARGV[i], 2), 0
  if string.sub(ARGV[i], 1, 1) == '-' then count = 1 end
  local pending = redis.call('XPENDING', stream, group, id, id, 1, me)[1]
  if pending then
    redis.call('XCLAIM', stream, group, unassigned, 0, id, 'IDLE', lease,
               'RETRYCOUNT', math.max(1, pending[4] - count), 'JUSTID')
    given = given + 1
  end
end
return given

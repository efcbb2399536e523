-- Finds jobs that were delivered and are on no pending list, and returns them to the queue:
-- A manual XGROUP DELCONSUMER leaves such jobs, and Redis would never deliver them again.
-- KEYS: lane stream. ARGV: group, consumer of returned jobs, lease (ms), id to go on after, limit.
-- Returns {id to go on after ('' at the end), how many were found}. Bounded: looks at no more pending
-- jobs than the limit, and reads the payload of orphans alone.
local stream, group, unassigned, lease = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local limit = tonumber(ARGV[5])
local delivered
for _, info in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
  local one = {}
  for i = 1, #info, 2 do one[info[i]] = info[i + 1] end
  if one.name == group then delivered = one['last-delivered-id'] end
end
if not delivered or delivered == '0-0' then return {'', 0} end
local found, after = 0, ARGV[4]
-- Between two neighbours on the pending list there are no entries, unless they are orphans.
local function between(last, with_last)
  local upto = with_last and last or '(' .. last
  for _, entry in ipairs(redis.call('XRANGE', stream, '(' .. after, upto, 'COUNT', limit - found)) do
    redis.call('XCLAIM', stream, group, unassigned, 0, entry[1], 'IDLE', lease, 'RETRYCOUNT', 1,
               'FORCE', 'JUSTID')
    after = entry[1]
    found = found + 1
  end
  return found < limit
end
local pending = redis.call('XPENDING', stream, group, '(' .. after, '+', limit)
for _, one in ipairs(pending) do
  if not between(one[1], false) then return {after, found} end
  after = one[1]
end
if #pending == limit then return {after, found} end
if between(delivered, true) then after = '' end
return {after, found}

-- Looks at the first jobs of a lane that wait, or that workers have. Changes nothing.
-- KEYS: lane stream. ARGV: group, consumer of returned jobs, 'waiting' or 'in_hand', limit
-- (at most 100). Returns {now (ms), {{id, holder, ms since its delivery, deliveries, meta, body}}}.
local stream, group, unassigned, limit = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[4])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local jobs = {}
local function add(entry, holder, idle, deliveries)
  local meta, body = '', ''
  for i = 1, #entry[2], 2 do
    if entry[2][i] == 'm' then meta = entry[2][i + 1] end
    if entry[2][i] == 'b' then body = entry[2][i + 1] end
  end
  jobs[#jobs + 1] = {entry[1], holder, idle, deliveries, meta, body}
end
-- All the pages of the pending list that it may take to find the limit, but no more than ten.
local from, pages = '-', 0
local pending = {}
while #jobs < limit and pages < 10 do
  local wanted = {'XPENDING', stream, group, from, '+', 100}
  if ARGV[3] == 'waiting' then wanted[7] = unassigned end
  pending = redis.pcall(unpack(wanted))
  -- No group yet: no worker was ever here, so all of it waits.
  if pending.err or #pending == 0 then break end
  for _, one in ipairs(pending) do
    local mine = (one[2] == unassigned) == (ARGV[3] == 'waiting')
    if mine and #jobs < limit then
      local entry = redis.call('XRANGE', stream, one[1], one[1])[1]
      local holder, idle = one[2], one[3]
      if holder == unassigned then holder, idle = '', 0 end
      -- Redis also counts the fetch, before which no worker has begun it.
      if entry then add(entry, holder, idle, math.max(0, one[4] - 1)) end
    end
  end
  from, pages = '(' .. pending[#pending][1], pages + 1
end
if ARGV[3] == 'waiting' and #jobs < limit then
  local last = '-'
  local groups = redis.pcall('XINFO', 'GROUPS', stream)
  for _, info in ipairs(groups) do
    local one = {}
    for i = 1, #info, 2 do one[info[i]] = info[i + 1] end
    if one.name == group then last = '(' .. one['last-delivered-id'] end
  end
  for _, entry in ipairs(redis.call('XRANGE', stream, last, '+', 'COUNT', limit - #jobs)) do
    add(entry, '', 0, 0)
  end
end
return {now, jobs}

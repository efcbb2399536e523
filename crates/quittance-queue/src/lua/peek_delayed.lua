-- Looks at the jobs of a lane that are due next. Changes nothing.
-- KEYS: delayed set, delayed payloads. ARGV: lane, limit (at most 100).
-- Returns {now (ms), {{id, '', ms until it is due, 0, meta, body}, ...}}.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local jobs, from, lane = {}, 0, ARGV[1] .. ':'
local limit = tonumber(ARGV[2])
-- Both lanes share the set, so it may take a few pages to find one lane's jobs; ten at most.
while #jobs < limit and from < 1000 do
  local page = redis.call('ZRANGE', KEYS[1], from, from + 99, 'WITHSCORES')
  if #page == 0 then break end
  for i = 1, #page, 2 do
    local token = page[i]
    if #jobs < limit and string.sub(token, 1, #lane) == lane then
      local job = redis.call('HMGET', KEYS[2], token .. ':m', token .. ':b')
      local due = math.max(0, page[i + 1] - now)
      jobs[#jobs + 1] = {string.sub(token, #lane + 1), '', due, 0, job[1] or '', job[2] or ''}
    end
  end
  from = from + 100
end
return {now, jobs}

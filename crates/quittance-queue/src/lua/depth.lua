-- Counts the queue. KEYS: live stream, backfill stream, delayed set. ARGV: group, consumer of returned
-- jobs.
-- Returns {live waiting, live claimed, age of the oldest in ms or -1, the same for backfill, delayed}.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local answer = {}
for lane = 1, 2 do
  local length = redis.call('XLEN', KEYS[lane])
  -- No group yet means that no worker was ever here, so no job is claimed.
  local pending = redis.pcall('XPENDING', KEYS[lane], ARGV[1])
  local in_hand = 0
  if not pending.err and pending[1] > 0 then
    in_hand = pending[1]
    for _, holder in ipairs(pending[4]) do
      if holder[1] == ARGV[2] then in_hand = in_hand - holder[2] end
    end
  end
  -- Finished jobs are deleted, so the first entry is the oldest unfinished one; its id is a time.
  local first = redis.call('XRANGE', KEYS[lane], '-', '+', 'COUNT', 1)[1]
  local age = -1
  if first then age = math.max(0, now - tonumber(string.match(first[1], '^%d+'))) end
  answer[#answer + 1] = math.max(0, length - in_hand)
  answer[#answer + 1] = in_hand
  answer[#answer + 1] = age
end
answer[#answer + 1] = redis.call('ZCARD', KEYS[3])
return answer

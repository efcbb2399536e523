-- Lists the workers, those first that reported themselves last.
-- KEYS: sorted set of when each reported itself, hash of their entries.
-- ARGV: how long an entry is kept (ms), limit. Returns {{id, ms since its report, entry}, ...}.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local oldest = string.format('(%.0f', now - ARGV[1])
-- A full Redis keeps what it has (`report.lua`).
if redis.call('PTTL', KEYS[1]) > tonumber(ARGV[1]) then oldest = '-inf' end
local found = redis.call('ZREVRANGEBYSCORE', KEYS[1], '+inf', oldest, 'WITHSCORES',
                         'LIMIT', 0, ARGV[2])
local answer = {}
for i = 1, #found, 2 do
  local card = redis.call('HGET', KEYS[2], found[i])
  answer[#answer + 1] = {found[i], math.max(0, now - found[i + 1]), card or ''}
end
return answer

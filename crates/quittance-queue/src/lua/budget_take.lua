-- One token of each of some buckets, or none of any. On Redis' own clock, so that workers with different
-- clocks share one budget.
-- Those who wait are served in the order in which they came: each is given a place, which is the time at
-- which there will be a token for it, and who has none waits behind all of them.
-- KEYS: the buckets, and last the list of the buckets in use.
-- ARGV: the caller's place ('' for none), how long it would wait at most (microseconds), the time ('' for
-- that of Redis); then of each bucket its tokens a second, its capacity and its name.
-- Returns {0 to go, else how long to wait in microseconds, the place}.
local place, patience = tonumber(ARGV[1]), tonumber(ARGV[2])
local now = tonumber(ARGV[3])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end
local wait, buckets = 0, {}
-- What is missing by the rounding of what is stored is there.
local one = 1 - 0.000001
for i = 1, #KEYS - 1 do
  local at = 3 * i + 1
  local capacity = tonumber(ARGV[at + 1])
  local state = redis.call('HMGET', KEYS[i], 'tokens', 'at', 'share', 'slowed', 'turn')
  -- After a 429 the rate is a share of itself, which grows back to all of it within 30 s.
  local share = 1
  if state[3] then share = math.min(1, state[3] + (now - state[4]) / 30000000) end
  local rate = ARGV[at] * share / 1000000
  local tokens = capacity
  if state[1] then tokens = math.min(capacity, state[1] + math.max(0, now - state[2]) * rate) end
  -- The last place that was given.
  local turn = tonumber(state[5] or 0)
  local next = 0
  if place then
    -- Its time has come, but another's token came late.
    if tokens < one then next = now + (1 - tokens) / rate end
  elseif tokens < one or turn > now then
    next = math.max(turn + 1 / rate, now + (1 - tokens) / rate)
  end
  if next > 0 then wait = math.max(wait, 1, math.ceil(next - now)) end
  buckets[i] = { tokens = tokens, turn = math.max(turn, next), was = turn }
end
-- Who would wait too long does not wait at all, and takes no place.
local stays = wait <= patience
for i, bucket in ipairs(buckets) do
  local at = 3 * i + 1
  local tokens, turn = bucket.tokens, bucket.was
  if wait == 0 then tokens = tokens - 1 end
  if stays then turn = bucket.turn end
  redis.call('HSET', KEYS[i], 'tokens', string.format('%.6f', tokens),
             'at', string.format('%.0f', now), 'turn', string.format('%.0f', turn),
             'rate', ARGV[at], 'capacity', ARGV[at + 1])
  redis.call('PEXPIRE', KEYS[i], 60000)
  -- For the status page, which shows how much is left.
  redis.call('ZADD', KEYS[#KEYS], string.format('%.0f', now / 1000), ARGV[at + 2])
end
-- A bucket that expires leaves its place on the list, too.
redis.call('ZREMRANGEBYSCORE', KEYS[#KEYS], '-inf', string.format('%.0f', now / 1000 - 60000))
redis.call('PEXPIRE', KEYS[#KEYS], 60000)
return {wait, now + wait}

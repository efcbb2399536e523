-- A token bucket on Redis' own clock, so that workers with different clocks share one budget.
-- KEYS: bucket, list of the buckets in use. ARGV: tokens a second, capacity, name of the bucket.
-- Returns 0 to go, else how long to wait, in microseconds.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local state = redis.call('HMGET', KEYS[1], 'tokens', 'at', 'share', 'slowed', 'turn')
local capacity = tonumber(ARGV[2])
-- After a 429 the rate is a share of itself, which grows back to all of it within 30 s.
local share = 1
if state[3] then share = math.min(1, state[3] + (now - state[4]) / 30000000) end
local rate = ARGV[1] * share / 1000000
local tokens = capacity
if state[1] then tokens = math.min(capacity, state[1] + math.max(0, now - state[2]) * rate) end
local wait, turn = 0, tonumber(state[5] or 0)
if tokens >= 1 then
  tokens = tokens - 1
else
  -- Each one who is refused is told a later time, or all of them would come back at once.
  turn = math.max(turn + 1 / rate, now + (1 - tokens) / rate)
  turn = math.min(turn, now + math.max(5000000, 1 / rate))
  wait = math.max(1, math.ceil(turn - now))
end
redis.call('HSET', KEYS[1], 'tokens', string.format('%.6f', tokens),
           'at', string.format('%.0f', now), 'turn', string.format('%.0f', turn),
           'rate', ARGV[1], 'capacity', ARGV[2])
redis.call('PEXPIRE', KEYS[1], 60000)
-- For whoever wants to see how much is left; a bucket that expires leaves its place on the list, too.
redis.call('ZADD', KEYS[2], string.format('%.0f', now / 1000), ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', now / 1000 - 60000))
redis.call('PEXPIRE', KEYS[2], 60000)
return wait

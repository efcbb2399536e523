-- One token of each of some buckets, or none of any. On Redis' own clock, so that workers with different
-- clocks share one budget.
-- KEYS: the buckets, and last the list of the buckets in use.
-- ARGV: of each bucket its tokens a second, its capacity and its name.
-- Returns 0 to go, else how long to wait, in microseconds.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local wait, buckets = 0, {}
for i = 1, #KEYS - 1 do
  local capacity = tonumber(ARGV[3 * i - 1])
  local state = redis.call('HMGET', KEYS[i], 'tokens', 'at', 'share', 'slowed', 'turn')
  -- After a 429 the rate is a share of itself, which grows back to all of it within 30 s.
  local share = 1
  if state[3] then share = math.min(1, state[3] + (now - state[4]) / 30000000) end
  local rate = ARGV[3 * i - 2] * share / 1000000
  local tokens = capacity
  if state[1] then tokens = math.min(capacity, state[1] + math.max(0, now - state[2]) * rate) end
  local turn = tonumber(state[5] or 0)
  if tokens < 1 then
    -- Each one who is refused is told a later time, or all of them would come back at once.
    turn = math.max(turn + 1 / rate, now + (1 - tokens) / rate)
    turn = math.min(turn, now + math.max(5000000, 1 / rate))
    wait = math.max(wait, 1, math.ceil(turn - now))
  end
  buckets[i] = { tokens = tokens, turn = turn }
end
for i, bucket in ipairs(buckets) do
  local tokens = bucket.tokens
  if wait == 0 then tokens = tokens - 1 end
  redis.call('HSET', KEYS[i], 'tokens', string.format('%.6f', tokens),
             'at', string.format('%.0f', now), 'turn', string.format('%.0f', bucket.turn),
             'rate', ARGV[3 * i - 2], 'capacity', ARGV[3 * i - 1])
  redis.call('PEXPIRE', KEYS[i], 60000)
  -- For whoever wants to see how much is left.
  redis.call('ZADD', KEYS[#KEYS], string.format('%.0f', now / 1000), ARGV[3 * i])
end
-- A bucket that expires leaves its place on the list, too.
redis.call('ZREMRANGEBYSCORE', KEYS[#KEYS], '-inf', string.format('%.0f', now / 1000 - 60000))
redis.call('PEXPIRE', KEYS[#KEYS], 60000)
return wait

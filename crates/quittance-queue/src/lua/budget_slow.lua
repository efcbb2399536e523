-- Halves the rate of a bucket, after Stripe answered 429. KEYS: bucket, list of the buckets in use.
-- Returns 1 if it was halved. Requests in flight are limited together: within one second their
-- answers count as one.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local state = redis.call('HMGET', KEYS[1], 'share', 'slowed', 'tokens')
local share = 1
if state[1] then
  if now - state[2] < 1000000 then return 0 end
  share = math.min(1, state[1] + (now - state[2]) / 30000000)
end
redis.call('HSET', KEYS[1], 'share', string.format('%.6f', math.max(0.05, share / 2)),
           'slowed', string.format('%.0f', now), 'at', string.format('%.0f', now),
           'tokens', string.format('%.6f', math.min(0, tonumber(state[3] or 0))))
redis.call('PEXPIRE', KEYS[1], 60000)
return 1

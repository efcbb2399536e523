-- Writes a worker's entry in the roster, and drops those that have not been renewed.
-- KEYS: sorted set of when each reported itself, hash of their entries.
-- ARGV: id, entry (JSON), how long an entry is kept (ms).
local seen, cards, keep = KEYS[1], KEYS[2], ARGV[3]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local gone = redis.call('ZRANGEBYSCORE', seen, '-inf', string.format('%.0f', now - keep),
                        'LIMIT', 0, 100)
for _, id in ipairs(gone) do
  redis.call('ZREM', seen, id)
  redis.call('HDEL', cards, id)
end
-- The bound is far beyond any real number of workers: it stops a loop that restarts one for ever.
if redis.call('ZCARD', seen) < 1000 or redis.call('ZSCORE', seen, ARGV[1]) then
  redis.call('ZADD', seen, string.format('%.0f', now), ARGV[1])
  redis.call('HSET', cards, ARGV[1], ARGV[2])
end
-- When the last worker is gone, so is the roster.
redis.call('PEXPIRE', seen, keep)
redis.call('PEXPIRE', cards, keep)

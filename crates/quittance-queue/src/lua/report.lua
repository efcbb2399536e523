-- Writes a worker's entry in the roster, and drops those that have not been renewed.
-- KEYS: sorted set of when each reported itself, hash of their entries.
-- ARGV: id, entry (JSON), how long an entry is kept (ms). Returns 1; 0 when Redis is full: then the
-- roster is kept as it is, for it is wanted most when something is wrong.
local seen, cards, keep = KEYS[1], KEYS[2], ARGV[3]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local written = 1
-- The bound is far beyond any real number of workers: it stops a loop that restarts one for ever.
if redis.call('ZCARD', seen) < 1000 or redis.call('ZSCORE', seen, ARGV[1]) then
  local added = redis.pcall('ZADD', seen, string.format('%.0f', now), ARGV[1])
  if type(added) == 'table' then
    if not string.find(added.err, 'OOM', 1, true) then return added end
    written = 0
  else
    redis.call('HSET', cards, ARGV[1], ARGV[2])
  end
end
if written == 1 then
  local gone = redis.call('ZRANGEBYSCORE', seen, '-inf', string.format('%.0f', now - keep),
                          'LIMIT', 0, 100)
  for _, id in ipairs(gone) do
    redis.call('ZREM', seen, id)
    redis.call('HDEL', cards, id)
  end
end
-- When the last worker is gone, so is the roster. A longer time says that it could not be written.
if written == 0 then keep = 2 * keep end
redis.call('PEXPIRE', seen, keep)
redis.call('PEXPIRE', cards, keep)
return written

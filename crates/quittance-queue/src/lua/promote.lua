-- Moves due jobs from the delayed set to the tail of their lane, payload included.
-- KEYS: delayed set, delayed payloads, live stream, backfill stream, marker. ARGV: limit (at most 100).
-- Returns {jobs looked at, ms until the next one is due or -1, jobs whose payload was gone}.
local delayed, payloads, marker = KEYS[1], KEYS[2], KEYS[5]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local due = redis.call('ZRANGEBYSCORE', delayed, '-inf', string.format('%.0f', now),
                       'LIMIT', 0, ARGV[1])
local bare = 0
for _, token in ipairs(due) do
  local meta, body, lane = token .. ':m', token .. ':b', token .. ':l'
  local job = redis.call('HMGET', payloads, meta, body, lane)
  if job[2] then
    local stream = KEYS[3]
    if job[3] == 'backfill' then stream = KEYS[4] end
    redis.call('XADD', stream, '*', 'm', job[1] or '', 'b', job[2])
  else
    bare = bare + 1
  end
  redis.call('HDEL', payloads, meta, body, lane)
  redis.call('ZREM', delayed, token)
end
-- Only once there is a marker: what it counts began with it.
if #due > 0 and redis.call('HEXISTS', marker, 'epoch') == 1 then
  redis.call('HINCRBY', marker, 'delayed', -#due)
  if bare > 0 then
    -- `establish.lua` says that they are lost, unless it has said so before.
    local known = math.min(bare, tonumber(redis.call('HGET', marker, 'bare') or 0))
    redis.call('HINCRBY', marker, 'bare', -known)
    redis.call('HINCRBY', marker, 'promoted_bare', bare - known)
  end
end
local upcoming = redis.call('ZRANGE', delayed, 0, 0, 'WITHSCORES')
local wait = -1
if upcoming[2] then wait = math.max(0, upcoming[2] - now) end
return {#due, wait, bare}

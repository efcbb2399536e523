-- Puts jobs into the delayed set, payload included. KEYS: delayed set, delayed payloads, marker.
-- ARGV: lane, then (token, delay in ms, meta, body) for each job (at most 100).
-- A repeated call, when the first answer was lost, writes the same tokens again.
local delayed, payloads, marker = KEYS[1], KEYS[2], KEYS[3]
local added = 0
local lane = ARGV[1]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i = 2, #ARGV, 4 do
  local token = ARGV[i]
  -- In this order: a token without a payload would be a job that is lost.
  redis.call('HSET', payloads, token .. ':m', ARGV[i + 2], token .. ':b', ARGV[i + 3],
             token .. ':l', lane)
  added = added + redis.call('ZADD', delayed, string.format('%.0f', now + ARGV[i + 1]), token)
end
if added > 0 and redis.call('HEXISTS', marker, 'epoch') == 1 then
  redis.call('HINCRBY', marker, 'delayed', added)
end
return (#ARGV - 1) / 4

-- Moves jobs of this worker to the delayed set, payload included, as one step.
-- KEYS: lane stream, delayed set, delayed payloads, marker.
-- ARGV: group, me, lane, then (id, delay in ms, new meta) for each job (at most 50).
-- Returns how many were moved. A job that another worker took over is not mine to schedule: it is
-- left alone. That also makes a repeated call harmless, when the first answer was lost.
local stream, delayed, payloads, marker = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local group, me, lane = ARGV[1], ARGV[2], ARGV[3]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local moved, added = 0, 0
for i = 4, #ARGV, 3 do
  local id = ARGV[i]
  if redis.call('XPENDING', stream, group, id, id, 1, me)[1] then
    local entry = redis.call('XRANGE', stream, id, id)[1]
    if entry then
      local body = ''
      for f = 1, #entry[2], 2 do
        if entry[2][f] == 'b' then body = entry[2][f + 1] end
      end
      local token = lane .. ':' .. id
      -- These two come first: they are what Redis refuses when it is out of memory.
      redis.call('HSET', payloads, token .. ':m', ARGV[i + 2], token .. ':b', body,
                 token .. ':l', lane)
      added = added + redis.call('ZADD', delayed, string.format('%.0f', now + ARGV[i + 1]), token)
      moved = moved + 1
    end
    redis.call('XACK', stream, group, id)
    redis.call('XDEL', stream, id)
  end
end
if added > 0 and redis.call('HEXISTS', marker, 'epoch') == 1 then
  redis.call('HINCRBY', marker, 'delayed', added)
end
return moved

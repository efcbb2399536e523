-- Removes consumers that have nothing pending and have been silent for long; XGROUP DELCONSUMER
-- throws away what is pending, so looking and removing must be one step.
-- Before Redis 7.2 a live worker that waits in vain counts as silent; it gets its name again with
-- its next job.
-- KEYS: lane stream. ARGV: group, silence (ms), limit. Returns how many were removed.
local stream, group = KEYS[1], ARGV[1]
local removed = 0
for _, info in ipairs(redis.call('XINFO', 'CONSUMERS', stream, group)) do
  local consumer = {}
  for i = 1, #info, 2 do consumer[info[i]] = info[i + 1] end
  if removed < tonumber(ARGV[3]) and consumer.pending == 0
     and consumer.idle >= tonumber(ARGV[2]) then
    redis.call('XGROUP', 'DELCONSUMER', stream, group, consumer.name)
    removed = removed + 1
  end
end
return removed

-- Looks whether all of the queue is there, and makes what is missing: the consumer groups, and the
-- marker, whose epoch is another one after each loss.
-- KEYS: live stream, backfill stream, delayed set, delayed payloads, marker.
-- ARGV: group, mode, an epoch that was never used, the most jobs that are read to see how old they are.
-- Modes: 'look' writes nothing; 'ensure' makes what is missing; 'check' also counts this call as a beat.
-- Returns {epoch ('' for none), what is missing or was when the epoch began (words, comma-separated),
-- beat (0: not counted), since when nothing older is unfinished (ms; -1: too many to look), 1 if the
-- epoch began now, 1 if a part is missing still}.
local group, mode, limit = ARGV[1], ARGV[2], tonumber(ARGV[4])
local streams = {live = KEYS[1], backfill = KEYS[2]}
local delayed, payloads, marker = KEYS[3], KEYS[4], KEYS[5]
local lanes = {'live', 'backfill'}

local function has_group(stream)
  -- An error: there is no such key.
  local groups = redis.pcall('XINFO', 'GROUPS', stream)
  if groups.err then return false end
  for _, info in ipairs(groups) do
    for i = 1, #info, 2 do
      if info[i] == 'name' and info[i + 1] == group then return true end
    end
  end
  return false
end

local function number(field) return tonumber(redis.call('HGET', marker, field) or 0) end

-- A group that the marker knows was created in this epoch. Only a stream that was deleted loses it.
local epoch = redis.call('HGET', marker, 'epoch')
local there, missing = {}, {}
for _, lane in ipairs(lanes) do
  there[lane] = has_group(streams[lane])
  if epoch and not there[lane] and redis.call('HEXISTS', marker, lane) == 1 then
    missing[#missing + 1] = lane
  end
end
-- Each delayed job is one member of the set and three fields of the hash.
local retries = redis.call('ZCARD', delayed)
local bare = math.max(0, math.ceil((3 * retries - redis.call('HLEN', payloads)) / 3))
if epoch and (retries ~= number('delayed') or bare > number('bare') or number('promoted_bare') > 0) then
  missing[#missing + 1] = 'delayed'
end
local lost = table.concat(missing, ',')
local began, missing_now = 0, 0
if mode == 'look' and lost ~= '' then missing_now = 1 end
if mode ~= 'look' then
  if not epoch or lost ~= '' then
    began, epoch = 1, ARGV[3]
    redis.call('HSET', marker, 'epoch', epoch, 'lost', lost, 'delayed', retries, 'bare', bare,
               'promoted_bare', 0)
  end
  for _, lane in ipairs(lanes) do
    -- From 0 on: what was put there before there was a group is for us.
    if not there[lane] then redis.call('XGROUP', 'CREATE', streams[lane], group, '0', 'MKSTREAM') end
    if redis.call('HEXISTS', marker, lane) == 0 then redis.call('HSET', marker, lane, 1) end
  end
end
-- What the epoch began with, for a process that has not seen it.
if lost == '' and epoch then lost = redis.call('HGET', marker, 'lost') or '' end
if not epoch then epoch = '' end
if mode ~= 'check' then return {epoch, lost, number('beat'), -1, began, missing_now} end

-- A full Redis refuses this, and the rest is worth knowing all the same.
local beat = redis.pcall('HINCRBY', marker, 'beat', 1)
if type(beat) == 'table' then beat = 0 end
local time = redis.call('TIME')
local since = time[1] * 1000 + math.floor(time[2] / 1000)
if redis.call('XLEN', streams.live) + redis.call('XLEN', streams.backfill) + retries > limit then
  return {epoch, lost, beat, -1, began, missing_now}
end
local function received(meta, added)
  local read, job = pcall(cjson.decode, meta)
  local at = added
  if read and type(job) == 'table' then
    -- The retry of a dead letter is in Postgres, too.
    if job.source == 'retry' then return end
    at = tonumber(job.received_at_ms) or added
  end
  if at and at < since then since = at end
end
for _, lane in ipairs(lanes) do
  for _, entry in ipairs(redis.call('XRANGE', streams[lane], '-', '+')) do
    local meta = ''
    for i = 1, #entry[2], 2 do
      if entry[2][i] == 'm' then meta = entry[2][i + 1] end
    end
    received(meta, tonumber(string.match(entry[1], '^%d+')))
  end
end
for _, token in ipairs(redis.call('ZRANGE', delayed, 0, -1)) do
  received(redis.call('HGET', payloads, token .. ':m') or '', nil)
end
return {epoch, lost, beat, since, began, missing_now}

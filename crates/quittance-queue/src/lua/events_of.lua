-- Reads which events the jobs of a lane are about, a page at a time, without sending their bodies. Changes nothing.
-- KEYS: lane stream. ARGV: the id after which to read ('' from the beginning), limit (at most 500).
-- Returns {the last id read, entries read, {event, ...}}; a job that does not name its event is left out.
local last, events = ARGV[1], {}
local from = '-'
if last ~= '' then from = '(' .. last end
local page = redis.call('XRANGE', KEYS[1], from, '+', 'COUNT', tonumber(ARGV[2]))
for _, entry in ipairs(page) do
  last = entry[1]
  for i = 1, #entry[2], 2 do
    if entry[2][i] == 'm' then
      local read, meta = pcall(cjson.decode, entry[2][i + 1])
      if read and type(meta) == 'table' and type(meta.event) == 'string' then
        events[#events + 1] = meta.event
      end
    end
  end
end
return {last, #page, events}

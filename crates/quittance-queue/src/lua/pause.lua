-- Pauses a lane, unless it is paused. KEYS: hash of pauses. ARGV: lane, who, why ('' for no reason).
-- Returns {1 if it was not paused before, the pause that holds now}.
local time = redis.call('TIME')
local pause = {by = ARGV[2], since_ms = time[1] * 1000 + math.floor(time[2] / 1000)}
if ARGV[3] ~= '' then pause.reason = ARGV[3] end
local new = redis.call('HSETNX', KEYS[1], ARGV[1], cjson.encode(pause))
return {new, redis.call('HGET', KEYS[1], ARGV[1])}

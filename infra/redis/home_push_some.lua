-- ARGV: depth, shard, actor, item, cursor, count. Pushes to about so many followers in the shard
-- and returns the next cursor, '0' after the last ones.

local shard, actor, item = ARGV[2], ARGV[3], ARGV[4]
local found = redis.call('SSCAN', followers(shard, actor), ARGV[5], 'COUNT', ARGV[6])
push(shard, {{actor = actor, item = item}}, function() return found[2] end)
return found[1]

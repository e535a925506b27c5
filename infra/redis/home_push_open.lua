-- ARGV: depth, about how many deliveries. Goes on with the oldest open push; how many are open still.
-- Whoever calls it: a slice and the note of how far it came are one step.

local function remember(item, actor, shard, cursor)
    if shard == SHARDS then
        redis.call('HDEL', OPEN, item)
    else
        redis.call('HSET', OPEN, item, actor .. ' ' .. shard .. ' ' .. cursor)
    end
end

local item, state
local all = redis.call('HGETALL', OPEN)
for place = 1, #all, 2 do
    if not item or all[place] < item then
        item, state = all[place], all[place + 1]
    end
end
if not item then
    return 0
end
local actor, shard, cursor = string.match(state, '^(%d+) (%d+) (%d+)$')
shard = tonumber(shard)
local left = tonumber(ARGV[2])
while left > 0 and shard < SHARDS do
    local found = redis.call('SSCAN', followers(shard, actor), cursor, 'COUNT', left)
    push_one(shard, item, found[2])
    cursor, left = found[1], left - #found[2] - 1
    if cursor == '0' then
        shard = shard + 1
    end
end
remember(item, actor, shard, cursor)
return redis.call('HLEN', OPEN)

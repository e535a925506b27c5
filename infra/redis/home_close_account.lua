-- ARGV: depth, account, its shard. How many of its items are left: call again until none is.

local account, shard = ARGV[2], ARGV[3]
redis.call('SADD', CLOSED, account)
evict(cache_of(shard, account))
redis.call('UNLINK', reposts(account))
for _, what in ipairs({'following', 'hides', 'ties'}) do
    redis.call('UNLINK', of_reader(shard, what, account))
end
for number = 0, SHARDS - 1 do
    redis.call('UNLINK', followers(number, account))
end
redis.call('HDEL', PULLED, account)
local items = redis.call('ZRANGE', timeline(account), 0, AT_ONCE - 1)
if #items > 0 then
    redis.call('HDEL', ITEMS, unpack(items))
    redis.call('ZREM', timeline(account), unpack(items))
end
return redis.call('ZCARD', timeline(account))

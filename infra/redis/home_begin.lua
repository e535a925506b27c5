-- ARGV: depth, shard, reader, Unix milliseconds. Pushes reach the reader from now on; reads find
-- nothing kept ready until the fill is whole. The number of the fill, or nil if the reader is gone
-- or somebody else has begun a fill just now.

local shard, reader, now_ms = ARGV[2], ARGV[3], ARGV[4]
-- Whoever takes longer is dead.
local FILL_MS = 10000

if redis.call('SISMEMBER', CLOSED, reader) == 1 then
    return false
end
local cache = cache_of(shard, reader)
local building, since_ms = unpack(redis.call('HMGET', cache.about, 'building', 'since_ms'))
if building and now_ms - since_ms < FILL_MS then
    return false
end
local number = redis.call('INCR', NAMESPACE .. ':fills')
redis.call('UNLINK', cache.list, cache.about)
redis.call('RPUSH', cache.list, NOTHING)
redis.call('HSET', cache.about,
    'floor', LOWEST, 'sorted', 0, 'building', number, 'since_ms', now_ms)
redis.call('ZADD', cache.last_reads, now_ms, reader)
return number

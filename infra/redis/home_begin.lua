-- ARGV: depth, shard, reader, Unix milliseconds. Pushes reach the reader from now on; reads find
-- nothing kept ready until the fill is whole. The number of the fill, or nil if the reader is gone.

local shard, reader = ARGV[2], ARGV[3]
if redis.call('SISMEMBER', CLOSED, reader) == 1 then
    return false
end
local cache = cache_of(shard, reader)
local number = redis.call('INCR', NAMESPACE .. ':fills')
redis.call('UNLINK', cache.list, cache.about)
redis.call('RPUSH', cache.list, NOTHING)
redis.call('HSET', cache.about, 'floor', LOWEST, 'sorted', 0, 'building', number)
redis.call('ZADD', cache.last_reads, ARGV[4], reader)
return number

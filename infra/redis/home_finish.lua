-- ARGV: depth, shard, reader, number of the fill. Reads may use the cache from now on.

local about = of_reader(ARGV[2], 'about', ARGV[3])
if redis.call('HGET', about, 'building') == ARGV[4] then
    redis.call('HDEL', about, 'building', 'since_ms')
end

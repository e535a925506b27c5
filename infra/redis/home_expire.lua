-- ARGV: depth, Unix milliseconds, how many of a shard. Evicts readers last seen before then.

for shard = 0, SHARDS - 1 do
    local readers = redis.call('ZRANGE', last_reads(shard), '-inf', '(' .. ARGV[2],
        'BYSCORE', 'LIMIT', 0, ARGV[3])
    for _, reader in ipairs(readers) do
        evict(cache_of(shard, reader))
    end
end

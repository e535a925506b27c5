-- ARGV: depth, then shard, reader of each.

for place = 2, #ARGV, 2 do
    evict(cache_of(ARGV[place], ARGV[place + 1]))
end

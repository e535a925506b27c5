-- ARGV: depth, shard, reader, cursor, count. Fills a cache that is building with what is pushed, of
-- the reader and about so many of those they follow; what is hidden now may be shown again. Returns
-- the next cursor, '0' after the last ones.

local shard, reader = ARGV[2], ARGV[3]
local cache = cache_of(shard, reader)
if not is_kept(cache) then
    return '0'
end
local floor = redis.call('HGET', cache.about, 'floor')
local found = redis.call('SSCAN', of_reader(shard, 'following', reader), ARGV[4], 'COUNT', ARGV[5])
local sources = {}
for _, account in ipairs(found[2]) do
    local above = redis.call('HGET', PULLED, account) or LOWEST
    if above < HIGHEST then
        above = above > floor and above or floor
        sources[#sources + 1] = {key = timeline(account), above = above, below = HIGHEST}
    end
end
if found[1] == '0' then
    sources[#sources + 1] = {key = timeline(reader), above = floor, below = HIGHEST}
end
local ids = merged(sources, DEPTH + 1)
if #ids > 0 then
    rewrite(cache, ids)
end
return found[1]

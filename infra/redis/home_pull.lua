-- ARGV: depth, shard, reader, above, below, limit, '1' if upwards, cursor, count.
-- The first items of the window, of the reader and about so many of those they follow, as next
-- cursor, item, value ...: '0' after the last ones, with whom the reader's own come.

local shard, reader, above, below = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local limit, upwards = tonumber(ARGV[6]), ARGV[7] == '1'

local function source(account)
    return {key = timeline(account), above = above, below = below}
end

if redis.call('SISMEMBER', CLOSED, reader) == 1 then
    return {'0'}
end
local found = redis.call('SSCAN', of_reader(shard, 'following', reader), ARGV[8], 'COUNT', ARGV[9])
local accounts = {}
local hides = of_reader(shard, 'hides', reader)
local hides_any = redis.call('EXISTS', hides) == 1
for _, account in ipairs(found[2]) do
    if not hides_any or redis.call('SISMEMBER', hides, account) == 0 then
        accounts[#accounts + 1] = account
    end
end
if found[1] == '0' then
    accounts[#accounts + 1] = reader
end
local answer = {found[1]}
repeat
    local wanted = limit
    local sources = {}
    for place, account in ipairs(accounts) do
        sources[place] = source(account)
    end
    local ids = merged(sources, wanted, upwards)
    limit = limit - show(answer, shard, reader, ids, limit)
    if upwards then
        above = ids[#ids]
    else
        below = ids[#ids]
    end
until limit == 0 or #ids < wanted
return answer

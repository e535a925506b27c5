-- ARGV: depth, then the reader's shard, reader, other, register of each.
-- A register is a number: 4 * version + 2 if the reader follows + 1 if the other is hidden. Whoever
-- begins to follow, and has a home kept ready, gets what the other posted, as far as it is pushed.

local function backfill(cache, other)
    local floor = redis.call('HGET', cache.about, 'floor')
    local above = redis.call('HGET', PULLED, other) or LOWEST
    if above < floor then
        above = floor
    end
    -- One more than is kept: then whoever orders or trims the list sees that there is more, and
    -- raises the floor.
    local ids = redis.call('ZREVRANGEBYLEX', timeline(other), '+', '(' .. above,
        'LIMIT', 0, DEPTH + 1)
    call_with_all('RPUSHX', cache.list, ids)
    -- Else the next trimming would cut what was pushed first, though it may be newer.
    return redis.call('LLEN', cache.list) > DEPTH + SLACK
end

local function set(shard, reader, other, register)
    local registers = of_reader(shard, 'ties', reader)
    if not is_newer(register, redis.call('HGET', registers, other) or '') then
        return false
    end
    redis.call('HSET', registers, other, register)
    local flags = tonumber(string.sub(register, -2)) % 4
    redis.call(flags % 2 == 1 and 'SADD' or 'SREM', of_reader(shard, 'hides', reader), other)
    local command = flags >= 2 and 'SADD' or 'SREM'
    redis.call(command, followers(shard, other), reader)
    local changed = redis.call(command, of_reader(shard, 'following', reader), other) == 1
    if changed then
        redis.call('HDEL', of_reader(shard, 'about', reader), 'epoch')
    end
    return changed and flags >= 2
end

local overfull = {}
for place = 2, #ARGV, 4 do
    local shard, reader, other, register = unpack(ARGV, place, place + 3)
    local closed = redis.call('SMISMEMBER', CLOSED, reader, other)
    if closed[1] + closed[2] == 0 and set(shard, reader, other, register) then
        local cache = cache_of(shard, reader)
        if is_kept(cache) and backfill(cache, other) then
            overfull[cache.list] = cache
        end
    end
end
for _, cache in pairs(overfull) do
    rewrite(cache)
end

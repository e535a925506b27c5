-- The homes that are kept ready for readers.
--
-- A cache is a list of item ids, the latest push last (Redis grows a list faster at this end), and
-- a hash about it: it is complete above `floor` but for what is pulled, its first `sorted` ids are
-- in order, and it is `building` until its first fill is whole. It is a superset: reading checks
-- each id. A list of nothing has the one id NOTHING, lower than all, for Redis has no empty lists and
-- RPUSHX pushes to those that exist.

local NOTHING = '-1'
local SLACK = math.floor(DEPTH / 4) + 1
-- Ids of several owners' pushes come out of order, but not by much.
local NEAR = 64

local function cache_of(shard, reader)
    return {
        list = of_reader(shard, 'cache', reader),
        about = of_reader(shard, 'about', reader),
        last_reads = last_reads(shard),
        reader = reader,
    }
end

local function is_kept(cache)
    return redis.call('HEXISTS', cache.about, 'floor') == 1
end

local function evict(cache)
    redis.call('UNLINK', cache.list, cache.about)
    redis.call('ZREM', cache.last_reads, cache.reader)
end

-- Add ids, order the whole cache and cut it to the depth: what is cut is below the floor then.
local function rewrite(cache, more)
    local floor = redis.call('HGET', cache.about, 'floor')
    local ids = redis.call('LRANGE', cache.list, 0, -1)
    for _, id in ipairs(more or {}) do
        ids[#ids + 1] = id
    end
    ids = ordered(ids, #ids, true)
    local first = math.max(1, #ids - DEPTH + 1)
    if first > 1 and ids[first - 1] > floor then
        floor = ids[first - 1]
    end
    while ids[first] and ids[first] <= floor do
        first = first + 1
    end
    redis.call('DEL', cache.list)
    if ids[first] then
        call_with_all('RPUSH', cache.list, ids, first)
    else
        redis.call('RPUSH', cache.list, NOTHING)
    end
    redis.call('HSET', cache.about, 'floor', floor, 'sorted', math.max(1, #ids - first + 1))
end

-- Cut a list that has grown by SLACK; what is cut is what was pushed first, whatever its id.
local function trim(list, about, length)
    local floor, sorted = unpack(redis.call('HMGET', about, 'floor', 'sorted'))
    local cut = redis.call('LRANGE', list, 0, length - DEPTH - 1)
    for _, id in ipairs(cut) do
        if id > floor then
            floor = id
        end
    end
    redis.call('LTRIM', list, -DEPTH, -1)
    redis.call('HSET', about, 'floor', floor, 'sorted', math.max(0, sorted - #cut))
end

-- Put what was pushed since the last read in order. Whether the list is another one then.
local function tidy(cache, sorted, length)
    local fresh = length - sorted
    if fresh <= 0 then
        return false
    end
    local tail = redis.call('LRANGE', cache.list, -(fresh + NEAR), -1)
    local before, first, in_order = #tail, tail[1], true
    for place = math.max(2, before - fresh + 1), before do
        in_order = in_order and tail[place - 1] < tail[place]
    end
    if in_order then
        redis.call('HSET', cache.about, 'sorted', length)
        return false
    end
    tail = ordered(tail, before, true)
    if before == length or tail[1] ~= first then
        rewrite(cache)
        return true
    end
    redis.call('LTRIM', cache.list, 0, -(before + 1))
    call_with_all('RPUSH', cache.list, tail)
    redis.call('HSET', cache.about, 'sorted', length - before + #tail)
    return true
end

-- The homes that are kept ready for readers.
--
-- A cache is a list of item ids, the latest push first, and a hash about it: it is complete above
-- `floor` but for what is pulled, its last `sorted` ids are in order, and it is `building` until its
-- first fill is whole. It is a superset: reading checks each id. A list of nothing has the one id
-- NOTHING, for Redis has no empty lists and LPUSHX pushes to those that exist.

local NOTHING = '0'
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

-- Order the whole cache and cut it to the depth: what is cut is below the floor from then on.
local function rewrite(cache)
    local floor = redis.call('HGET', cache.about, 'floor')
    local ids = ordered(redis.call('LRANGE', cache.list, 0, -1), DEPTH + 1)
    if ids[DEPTH + 1] then
        floor = ids[DEPTH + 1] > floor and ids[DEPTH + 1] or floor
    end
    while #ids > 0 and ids[#ids] <= floor do
        ids[#ids] = nil
    end
    if #ids == 0 then
        ids[1] = NOTHING
    end
    redis.call('DEL', cache.list)
    call_with_all('RPUSH', cache.list, ids)
    redis.call('HSET', cache.about, 'floor', floor, 'sorted', #ids)
end

-- Cut a list that has grown by SLACK; what is cut is at its end, whatever its id.
local function trim(list, about)
    local floor, sorted = unpack(redis.call('HMGET', about, 'floor', 'sorted'))
    local cut = redis.call('LRANGE', list, DEPTH, -1)
    for _, id in ipairs(cut) do
        if id > floor then
            floor = id
        end
    end
    redis.call('LTRIM', list, 0, DEPTH - 1)
    redis.call('HSET', about, 'floor', floor, 'sorted', math.max(0, sorted - #cut))
end

-- Put what was pushed since the last read in order.
local function tidy(cache, sorted, length)
    local fresh = length - sorted
    if fresh <= 0 then
        return
    end
    local head = redis.call('LRANGE', cache.list, 0, fresh + NEAR - 1)
    local before = #head
    local last = head[before]
    local in_order = true
    for place = 2, math.min(fresh + 1, before) do
        in_order = in_order and head[place - 1] > head[place]
    end
    if in_order then
        redis.call('HSET', cache.about, 'sorted', length)
        return
    end
    head = ordered(head, before, true)
    if before == length or head[1] ~= last then
        rewrite(cache)
        return
    end
    redis.call('LTRIM', cache.list, before, -1)
    call_with_all('LPUSH', cache.list, head)
    redis.call('HSET', cache.about, 'sorted', length - before + #head)
end

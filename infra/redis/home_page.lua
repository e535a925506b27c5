-- ARGV: depth, shard, reader, above, below, limit, '1' if upwards, Unix milliseconds, after how
-- many of them a visit is written down again.
-- nil if no home is kept ready; else floor, item, value, item, value ...: what the window holds
-- above the floor.

local shard, reader, above, below = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local limit, upwards, now_ms = tonumber(ARGV[6]), ARGV[7] == '1', tonumber(ARGV[8])
-- A page without any of what is hidden or gone takes one turn.
local SPARE = 4

-- How many ids at the head of the list are less than this one, or are this one.
local function count_until(list, length, id, inclusive)
    local low, high = 0, length
    while low < high do
        local middle = math.floor((low + high) / 2)
        local other = redis.call('LINDEX', list, middle)
        if other < id or (inclusive and other == id) then
            low = middle + 1
        else
            high = middle
        end
    end
    return low
end

-- The first ids of the window, in the direction of reading.
local function kept(list, length, number)
    local found, from, to, step
    if upwards then
        local first = count_until(list, length, above, true)
        found = redis.call('LRANGE', list, first, first + number - 1)
        from, to, step = 1, #found, 1
    else
        local stop = below < HIGHEST and count_until(list, length, below) or length
        found = stop > 0 and redis.call('LRANGE', list, math.max(0, stop - number), stop - 1) or {}
        from, to, step = #found, 1, -1
    end
    local ids = {}
    for place = from, to, step do
        local id = found[place]
        if id > above and id < below then
            ids[#ids + 1] = id
        end
    end
    return ids
end

-- Those the reader follows, among the pulled authors: looked up again after there are new ones.
local function pulled_authors(cache, known_epoch, known)
    local epoch = redis.call('GET', PULLED_EPOCH) or '0'
    local authors = {}
    if known_epoch == epoch then
        for author in string.gmatch(known, '%d+') do
            authors[#authors + 1] = author
        end
        return authors
    end
    if epoch ~= '0' then
        for _, author in ipairs(redis.call('SMEMBERS', of_reader(shard, 'following', reader))) do
            if redis.call('HEXISTS', PULLED, author) == 1 then
                authors[#authors + 1] = author
            end
        end
    end
    redis.call('HSET', cache.about, 'epoch', epoch, 'pulls', table.concat(authors, ' '))
    return authors
end

-- Those that are not hidden, each with what is pulled of them.
local function sources_of(authors)
    local sources = {}
    if #authors == 0 then
        return sources
    end
    local hides = of_reader(shard, 'hides', reader)
    local newest = ask_with_all('HMGET', PULLED, authors)
    local hidden = redis.call('EXISTS', hides) == 1 and ask_with_all('SMISMEMBER', hides, authors)
    for place, author in ipairs(authors) do
        if newest[place] and not (hidden and hidden[place] == 1) then
            -- The bound is exclusive for `merged`, and the newest pulled item is pulled.
            sources[#sources + 1] = {key = timeline(author), below = newest[place] .. '0'}
        end
    end
    return sources
end

local function pulled(sources, number)
    local within = {}
    for place, source in ipairs(sources) do
        local highest = source.below < below and source.below or below
        within[place] = {key = source.key, above = above, below = highest}
    end
    return merged(within, number, upwards)
end

-- What is being pushed to followers of those the reader follows, and may not have come yet.
local function open_ids()
    local all, ids = redis.call('HGETALL', OPEN), {}
    local following = of_reader(shard, 'following', reader)
    for place = 1, #all, 2 do
        local actor = string.match(all[place + 1], '^%d+')
        if redis.call('SISMEMBER', following, actor) == 1 then
            ids[#ids + 1] = all[place]
        end
    end
    return ids
end

local cache = cache_of(shard, reader)
local floor, sorted, building, epoch, pulls =
    unpack(redis.call('HMGET', cache.about, 'floor', 'sorted', 'building', 'epoch', 'pulls'))
local length = redis.call('LLEN', cache.list)
if not floor or building or length == 0 then
    return false
end
local last_ms = redis.call('ZSCORE', cache.last_reads, reader)
if not last_ms or now_ms - last_ms > tonumber(ARGV[9]) then
    redis.call('ZADD', cache.last_reads, now_ms, reader)
end
if tidy(cache, sorted, length) then
    length, floor = redis.call('LLEN', cache.list), redis.call('HGET', cache.about, 'floor')
end
local answer = {floor}
if upwards and above < floor then
    return answer
end
above = above > floor and above or floor
local sources, open = sources_of(pulled_authors(cache, epoch, pulls)), open_ids()
repeat
    local wanted = limit + SPARE
    local ids = kept(cache.list, length, wanted)
    if #sources + #open > 0 then
        for _, id in ipairs(pulled(sources, wanted)) do
            ids[#ids + 1] = id
        end
        for _, id in ipairs(open) do
            if id > above and id < below then
                ids[#ids + 1] = id
            end
        end
        ids = ordered(ids, wanted, upwards)
    end
    limit = limit - show(answer, shard, reader, ids, limit)
    if upwards then
        above = ids[#ids]
    else
        below = ids[#ids]
    end
until limit == 0 or #ids < wanted
return answer

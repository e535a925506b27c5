-- ARGV: depth, shard, reader, above, below, limit, '1' if upwards, Unix milliseconds, after how
-- many of them a visit is written down again, of about how many pulled authors the caller has what
-- they posted.
-- nil if no home is kept ready; else floor, pulled authors, item, value, item, value ...: what the
-- window holds above the floor, without what those authors posted.

local shard, reader, above, below = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local limit, upwards, now_ms = tonumber(ARGV[6]), ARGV[7] == '1', tonumber(ARGV[8])
-- A page without any of what is hidden or gone takes one turn.
local SPARE = 4
-- An id and what is between two of them.
local ACCOUNT_CHARS = 20

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
    -- They are in order, and all are on this side of the bound where reading begins.
    for place = from, to, step do
        local id = found[place]
        if (upwards and id >= below) or (not upwards and id <= above) then
            break
        end
        ids[#ids + 1] = id
    end
    return ids
end

-- Those the reader follows, among the pulled authors: looked up again after there are new ones.
local function pulled_authors(cache, known_epoch, known)
    local epoch = redis.call('GET', PULLED_EPOCH) or '0'
    if known_epoch == epoch then
        return known
    end
    local authors = {}
    if epoch ~= '0' then
        for _, author in ipairs(redis.call('SMEMBERS', of_reader(shard, 'following', reader))) do
            if redis.call('HEXISTS', PULLED, author) == 1 then
                authors[#authors + 1] = author
            end
        end
    end
    local pulls = table.concat(authors, ' ')
    redis.call('HSET', cache.about, 'epoch', epoch, 'pulls', pulls)
    return pulls
end

-- Those of them that are not hidden.
local function not_hidden(pulls)
    local hides = of_reader(shard, 'hides', reader)
    if pulls == '' or redis.call('EXISTS', hides) == 0 then
        return pulls
    end
    local authors, shown = {}, {}
    for author in string.gmatch(pulls, '%d+') do
        authors[#authors + 1] = author
    end
    for place, hidden in ipairs(ask_with_all('SMISMEMBER', hides, authors)) do
        if hidden == 0 then
            shown[#shown + 1] = authors[place]
        end
    end
    return table.concat(shown, ' ')
end

-- Each with what is pulled of them.
local function sources_of(pulls)
    local authors, sources = {}, {}
    for author in string.gmatch(pulls, '%d+') do
        authors[#authors + 1] = author
    end
    if #authors == 0 then
        return sources
    end
    for place, newest in ipairs(ask_with_all('HMGET', PULLED, authors)) do
        if newest then
            -- The bound is exclusive for `merged`, and the newest pulled item is pulled.
            sources[#sources + 1] = {key = timeline(authors[place]), below = newest .. '0'}
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
local answer = {floor, ''}
if upwards and above < floor then
    return answer
end
above = above > floor and above or floor
local authors, open = not_hidden(pulled_authors(cache, epoch, pulls)), open_ids()
if #authors <= ACCOUNT_CHARS * tonumber(ARGV[10]) then
    answer[2], authors = authors, ''
end
local sources = sources_of(authors)
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

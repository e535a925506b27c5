-- What a reader may see now.

-- The value of an own post is not longer; that of a repost is.
local ACCOUNT_DIGITS = 19

local function forget(id, actor)
    redis.call('HDEL', ITEMS, id)
    redis.call('ZREM', timeline(actor), id)
end

-- The ids of those of some reposts, each {id, actor, post, author}, whose post lives and is not
-- hidden.
local function shown_reposts(hides, reposts)
    local posts, authors, keep = {}, {}, {}
    for place, repost in ipairs(reposts) do
        posts[place], authors[place] = repost[3], repost[4]
    end
    local dropped = redis.call('SMISMEMBER', DROPPED, unpack(posts))
    local closed = redis.call('SMISMEMBER', CLOSED, unpack(authors))
    local hidden = redis.call('SMISMEMBER', hides, unpack(authors))
    for place, repost in ipairs(reposts) do
        if dropped[place] + closed[place] > 0 then
            forget(repost[1], repost[2])
        elseif hidden[place] == 0 then
            keep[repost[1]] = true
        end
    end
    return keep
end

-- Append to `answer`, as id and 'actor' or 'actor post author', at most so many of these ids: those
-- that live, of accounts the reader follows (or their own) and does not hide. How many that were.
-- Forgets reposts of what is gone for ever; the items of a closed account are gone already.
local function show(answer, shard, reader, ids, limit)
    if #ids == 0 then
        return 0
    end
    local found = redis.call('HMGET', ITEMS, unpack(ids))
    local living, values, actors, reposts, number = {}, {}, {}, {}, 0
    -- Counting is faster than an iterator, and a length than a pattern.
    for place = 1, #ids do
        local value = found[place]
        if value then
            local id, actor = ids[place], value
            if #value > ACCOUNT_DIGITS then
                local post, author
                actor, post, author = string.match(value, '^(%d+) (%-?%d+) (%d+)$')
                reposts[#reposts + 1] = {id, actor, post, author}
            end
            number = number + 1
            living[number], values[number], actors[number] = id, value, actor
        end
    end
    if number == 0 then
        return 0
    end
    local hides = of_reader(shard, 'hides', reader)
    local follows = redis.call('SMISMEMBER', of_reader(shard, 'following', reader), unpack(actors))
    local hidden = redis.call('EXISTS', hides) == 1
        and redis.call('SMISMEMBER', hides, unpack(actors))
    local keep = #reposts > 0 and shown_reposts(hides, reposts)
    local count, last = 0, #answer
    for place = 1, number do
        local actor, value = actors[place], values[place]
        if count == limit then
            break
        end
        if (follows[place] == 1 or actor == reader)
            and not (hidden and hidden[place] == 1) and (value == actor or keep[living[place]]) then
            answer[last + 1], answer[last + 2] = living[place], value
            count, last = count + 1, last + 2
        end
    end
    return count
end

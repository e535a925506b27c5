-- What a reader may see now.

local function forget(id, actor)
    redis.call('HDEL', ITEMS, id)
    redis.call('ZREM', timeline(actor), id)
end

-- Of some reposts, as {id, value, actor, post, author}, those whose post lives and is not hidden.
local function shown_reposts(hides, reposts)
    local posts, authors, keep = {}, {}, {}
    for place, repost in ipairs(reposts) do
        posts[place], authors[place] = repost[4], repost[5]
    end
    local dropped = redis.call('SMISMEMBER', DROPPED, unpack(posts))
    local closed = redis.call('SMISMEMBER', CLOSED, unpack(authors))
    local hidden = redis.call('SMISMEMBER', hides, unpack(authors))
    for place, repost in ipairs(reposts) do
        if dropped[place] + closed[place] > 0 then
            forget(repost[1], repost[3])
        elseif hidden[place] == 0 then
            keep[repost[1]] = true
        end
    end
    return keep
end

-- Of these ids, as {id, 'actor' or 'actor post author'}, those that live, of accounts the reader
-- follows (or their own) and does not hide. Forgets reposts of what is gone for ever; the items of
-- a closed account are gone already.
local function shown(shard, reader, ids)
    if #ids == 0 then
        return {}
    end
    local found, actors, reposts = {}, {}, {}
    for place, value in ipairs(redis.call('HMGET', ITEMS, unpack(ids))) do
        if value then
            local actor = value
            if string.find(value, ' ', 1, true) then
                local post, author
                actor, post, author = string.match(value, '^(%d+) (%d+) (%d+)$')
                reposts[#reposts + 1] = {ids[place], value, actor, post, author}
            end
            found[#found + 1] = {ids[place], value, actor}
            actors[#actors + 1] = actor
        end
    end
    if #found == 0 then
        return {}
    end
    local hides = of_reader(shard, 'hides', reader)
    local follows = redis.call('SMISMEMBER', of_reader(shard, 'following', reader), unpack(actors))
    local hidden = redis.call('EXISTS', hides) == 1
        and redis.call('SMISMEMBER', hides, unpack(actors))
    local keep = #reposts > 0 and shown_reposts(hides, reposts)
    local items = {}
    for place, item in ipairs(found) do
        if (follows[place] == 1 or item[3] == reader) and not (hidden and hidden[place] == 1)
            and (item[2] == item[3] or keep[item[1]]) then
            items[#items + 1] = item
        end
    end
    return items
end

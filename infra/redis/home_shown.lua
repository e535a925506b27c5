-- What a reader may see now.

local function forget(id, actor)
    redis.call('HDEL', ITEMS, id)
    redis.call('ZREM', timeline(actor), id)
end

-- Of these ids, as {id, 'actor' or 'actor post author'}, those that live, of accounts the reader
-- follows (or their own) and does not hide. Forgets reposts of what is gone for ever.
local function shown(shard, reader, ids)
    if #ids == 0 then
        return {}
    end
    local found, actors, accounts, posts = {}, {}, {}, {}
    for place, value in ipairs(redis.call('HMGET', ITEMS, unpack(ids))) do
        if value then
            local actor, post, author = string.match(value, '^(%d+) (%d+) (%d+)$')
            actor = actor or value
            found[#found + 1] = {ids[place], value, actor}
            actors[#actors + 1] = actor
            accounts[#accounts + 1] = actor
            accounts[#accounts + 1] = author or actor
            posts[#posts + 1] = post or ids[place]
        end
    end
    if #found == 0 then
        return {}
    end
    local follows = redis.call('SMISMEMBER', of_reader(shard, 'following', reader), unpack(actors))
    local hides = redis.call('SMISMEMBER', of_reader(shard, 'hides', reader), unpack(accounts))
    local closed = redis.call('SMISMEMBER', CLOSED, unpack(accounts))
    local dropped = redis.call('SMISMEMBER', DROPPED, unpack(posts))
    local items = {}
    for place, item in ipairs(found) do
        if closed[2 * place - 1] + closed[2 * place] + dropped[place] > 0 then
            forget(item[1], item[3])
        elseif hides[2 * place - 1] + hides[2 * place] == 0
            and (follows[place] == 1 or item[3] == reader) then
            items[#items + 1] = {item[1], item[2]}
        end
    end
    return items
end

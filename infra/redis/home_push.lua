-- Pushing items to those who have a home kept ready. Touches keys of readers whom it finds itself:
-- all of them carry the tag of the shard. A delivery is a few microseconds, so what is done for each
-- of them is as little as can be: one command, and no table where a reader gets one item.

local FULL = DEPTH + SLACK

-- So many ids can be given to one RPUSHX; a reader who gets more gets them in several.
local function push_all(list, ids)
    local length = 0
    for first = 1, #ids, AT_ONCE do
        local last = math.min(first + AT_ONCE - 1, #ids)
        length = redis.call('RPUSHX', list, unpack(ids, first, last))
    end
    return length
end

-- Push one item to these readers of a shard.
local function push_one(shard, item, readers)
    local call, lists = redis.call, of_reader(shard, 'cache', '')
    for place = 1, #readers do
        local reader = readers[place]
        local length = call('RPUSHX', lists .. reader, item)
        if length > FULL then
            trim(lists .. reader, of_reader(shard, 'about', reader), length)
        end
    end
end

-- What each reader of a shard gets who follows the authors: an item, or a list of them.
local function items_of_readers(shard, posted)
    local items_of, known = {}, {}
    for _, post in ipairs(posted) do
        local actor, item = post.actor, post.item
        known[actor] = known[actor] or redis.call('SMEMBERS', followers(shard, actor))
        for _, reader in ipairs(known[actor]) do
            local items = items_of[reader]
            if not items then
                items_of[reader] = item
            elseif type(items) == 'table' then
                items[#items + 1] = item
            else
                items_of[reader] = {items, item}
            end
        end
    end
    return items_of
end

-- Push to all in a shard who follow the authors. What one reader gets goes with one command.
local function push_to_followers(shard, posted)
    if #posted == 1 then
        push_one(shard, posted[1].item, redis.call('SMEMBERS', followers(shard, posted[1].actor)))
        return
    end
    local call, lists = redis.call, of_reader(shard, 'cache', '')
    for reader, items in pairs(items_of_readers(shard, posted)) do
        local list, length = lists .. reader, nil
        if type(items) == 'table' then
            length = push_all(list, items)
        else
            length = call('RPUSHX', list, items)
        end
        if length > FULL then
            trim(list, of_reader(shard, 'about', reader), length)
        end
    end
end

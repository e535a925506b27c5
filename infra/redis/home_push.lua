-- Pushing items to those who have a home kept ready. Touches keys of readers whom it finds itself:
-- all of them carry the tag of the shard.

-- So many ids can be given to one RPUSHX; a reader who gets more gets them in several.
local function push_to(list, about, ids)
    local length = 0
    for first = 1, #ids, AT_ONCE do
        local last = math.min(first + AT_ONCE - 1, #ids)
        length = redis.call('RPUSHX', list, unpack(ids, first, last))
    end
    if length > DEPTH + SLACK then
        trim(list, about, length)
    end
end

-- Push to readers of a shard; `readers_of` gives those who follow an author. All items that one
-- reader gets go with one command.
local function push(shard, posted, readers_of)
    local items_of = {}
    for _, post in ipairs(posted) do
        for _, reader in ipairs(readers_of(post.actor)) do
            local items = items_of[reader]
            if items then
                items[#items + 1] = post.item
            else
                items_of[reader] = {post.item}
            end
        end
    end
    local list, about = of_reader(shard, 'cache', ''), of_reader(shard, 'about', '')
    for reader, items in pairs(items_of) do
        push_to(list .. reader, about .. reader, items)
    end
end

local function push_to_all(shard, posted)
    local known = {}
    push(shard, posted, function(actor)
        known[actor] = known[actor] or redis.call('SMEMBERS', followers(shard, actor))
        return known[actor]
    end)
end

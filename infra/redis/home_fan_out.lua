-- ARGV: depth, threshold, the share of it below which an author is pushed again, how many
-- deliveries one call may make, how many follow each actor in other cells (decimal numbers, in the
-- order in which actors come first; may be empty), then the actor's shard, actor, item of each, by
-- item.
-- Pushes to everybody, or to the actors alone: then the answer is item, actor, followers of those
-- that are left to push. What has more followers than one call may push to is not among them: it
-- is open from now on, and pushed in slices. Touches keys of followers in all shards.

local THRESHOLD, SHARE, DELIVERIES = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])

-- The newest item that is pulled, after the author has crossed the threshold, if that is due;
-- `pulled` is what was known of that.
local function pulled_up_to(actor, count, pulled)
    if count >= THRESHOLD and pulled ~= HIGHEST then
        if redis.call('HSET', PULLED, actor, HIGHEST) == 1 then
            redis.call('INCR', PULLED_EPOCH)
        end
        return HIGHEST
    end
    if count < THRESHOLD * SHARE and pulled == HIGHEST then
        pulled = redis.call('ZREVRANGE', timeline(actor), 0, 0)[1] or LOWEST
        redis.call('HSET', PULLED, actor, pulled)
    end
    return pulled
end

local items, actors, authors = {}, {}, {}
for place = 6, #ARGV, 3 do
    local _, actor, item = unpack(ARGV, place, place + 2)
    items[#items + 1] = item
    if not authors[actor] then
        actors[#actors + 1], authors[actor] = actor, {}
    end
end
local elsewhere = {}
for count in string.gmatch(ARGV[5], '%d+') do
    elsewhere[#elsewhere + 1] = tonumber(count)
end
local pulled = ask_with_all('HMGET', PULLED, actors)
for place, actor in ipairs(actors) do
    local count, shards = count_followers(actor)
    local author = authors[actor]
    author.count, author.shards = count, shards
    author.pulled = count > 0
        and pulled_up_to(actor, count + (elsewhere[place] or 0), pulled[place] or LOWEST)
end

local known, posted, deliveries = ask_with_all('HMGET', ITEMS, items), {}, 0
for place, item in ipairs(items) do
    if known[place] then
        local shard, actor = unpack(ARGV, 3 * place + 3, 3 * place + 4)
        push_one(shard, item, {actor})
        local author = authors[actor]
        if author.count > DELIVERIES and item > author.pulled then
            redis.call('HSET', OPEN, item, actor .. ' 0 0')
        elseif author.count > 0 and item > author.pulled then
            posted[#posted + 1] = {actor = actor, item = item, author = author}
            deliveries = deliveries + author.count
        end
    end
end
if deliveries <= DELIVERIES then
    local posted_to = {}
    for _, post in ipairs(posted) do
        for _, shard in ipairs(post.author.shards) do
            posted_to[shard] = posted_to[shard] or {}
            table.insert(posted_to[shard], post)
        end
    end
    for shard, posts in pairs(posted_to) do
        push_to_followers(shard, posts)
    end
    return {}
end
local left = {}
for _, post in ipairs(posted) do
    left[#left + 1] = post.item
    left[#left + 1] = post.actor
    left[#left + 1] = post.author.count
end
return left

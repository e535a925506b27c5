-- ARGV: depth, threshold, the share of it below which an author is pushed again, how many
-- deliveries one call may make, then the actor's shard, actor, item of each, by item.
-- Pushes to everybody, or to the actors alone: then the answer is item, actor, followers of those
-- that are left to push. What has more followers than one call may push to is not among them: it
-- is open from now on, and pushed in slices. Touches keys of followers in all shards.

local THRESHOLD, SHARE, DELIVERIES = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])

local function count_followers(actor)
    local count = 0
    for shard = 0, SHARDS - 1 do
        count = count + redis.call('SCARD', followers(shard, actor))
    end
    return count
end

-- The newest item that is pulled, after the author has crossed the threshold, if that is due.
local function pulled_up_to(actor, count)
    local pulled = redis.call('HGET', PULLED, actor) or LOWEST
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

local known = {}
local function about(actor)
    if not known[actor] then
        local count = count_followers(actor)
        known[actor] = {count = count, pulled = count > 0 and pulled_up_to(actor, count)}
    end
    return known[actor]
end

local posted, deliveries = {}, 0
for place = 5, #ARGV, 3 do
    local shard, actor, item = unpack(ARGV, place, place + 2)
    if redis.call('HEXISTS', ITEMS, item) == 1 then
        push_to(of_reader(shard, 'cache', actor), of_reader(shard, 'about', actor), {item})
        local author = about(actor)
        if author.count > DELIVERIES and item > author.pulled then
            redis.call('HSET', OPEN, item, actor .. ' 0 0')
        elseif author.count > 0 and item > author.pulled then
            posted[#posted + 1] = {actor = actor, item = item, count = author.count}
            deliveries = deliveries + author.count
        end
    end
end
if deliveries <= DELIVERIES then
    for shard = 0, SHARDS - 1 do
        push_to_all(shard, posted)
    end
    return {}
end
local left = {}
for _, post in ipairs(posted) do
    left[#left + 1] = post.item
    left[#left + 1] = post.actor
    left[#left + 1] = post.count
end
return left

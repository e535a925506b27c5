-- ARGV: depth, shard, reader, post, cursor, count.
-- Where a post stands in a home by the doings of the reader and of about so many of those they
-- follow: next cursor ('0' after the last ones, with whom the post itself comes), its author or '',
-- 1 if it is deleted, then item, value, source of each.

local shard, reader, post = ARGV[2], ARGV[3], ARGV[4]
local cache = cache_of(shard, reader)
local floor, building = unpack(redis.call('HMGET', cache.about, 'floor', 'building'))
local is_ready = floor and not building and redis.call('EXISTS', cache.list) == 1

local function source(id)
    if not is_ready then
        return 'away'
    elseif id <= floor then
        return 'trimmed'
    end
    return redis.call('LPOS', cache.list, id, 'RANK', -1) and 'pushed' or 'large'
end

local actor = redis.call('HGET', ITEMS, post)
if actor and #actor > ACCOUNT_DIGITS then
    actor = false -- a repost has an item of its own, but is no post
end
local found = redis.call('SSCAN', of_reader(shard, 'following', reader), ARGV[5], 'COUNT', ARGV[6])
local accounts, ids = found[2], {}
if found[1] == '0' then
    accounts[#accounts + 1] = reader
    ids[1] = actor and post or nil
end
for _, account in ipairs(accounts) do
    local item = string.match(redis.call('HGET', reposts(account), post) or '', ' (%-?%d+)$')
    if item then
        ids[#ids + 1] = item
    end
end
local shown = {}
show(shown, shard, reader, ordered(ids, AT_ONCE), AT_ONCE)
local answer = {found[1], actor or '', redis.call('SISMEMBER', DROPPED, post)}
for place = 1, #shown, 2 do
    answer[#answer + 1] = shown[place]
    answer[#answer + 1] = shown[place + 1]
    answer[#answer + 1] = source(shown[place])
end
return answer

-- What all scripts of home timelines begin with: their keys, and ids in order.
--
-- KEYS[1] is the namespace, ARGV[1] the depth. Names of keys are made here only. What is kept for a
-- reader carries the reader's shard as hash tag, so that the keys of a shard can share a node.
-- Ids do not fit into Lua's numbers. Those of items and posts are 19 digits with leading zeros and
-- so sort as text; those of accounts have none, which lets Redis keep sets of them as integers.

local NAMESPACE = KEYS[1]
local DEPTH = tonumber(ARGV[1])
local LOWEST, HIGHEST = string.rep('0', 19), '9223372036854775807'
local SHARDS = 16
-- Lua's stack bounds how many arguments a command may be given at once.
local AT_ONCE = 1000

-- item -> 'actor', or of a repost 'actor post author'
local ITEMS = NAMESPACE .. ':items'
-- tombstones
local DROPPED, CLOSED = NAMESPACE .. ':dropped', NAMESPACE .. ':closed'
-- author -> the newest item that is pulled; how often an author was added here
local PULLED, PULLED_EPOCH = NAMESPACE .. ':pulled', NAMESPACE .. ':pulled_epoch'

-- What an account posted and reposted: a sorted set of item ids, all with score 0.
local function timeline(account)
    return NAMESPACE .. ':timeline:' .. account
end

local function of_reader(shard, what, reader)
    return NAMESPACE .. ':{' .. shard .. '}:' .. what .. ':' .. reader
end

-- Those readers of a shard who follow an account.
local function followers(shard, account)
    return of_reader(shard, 'followers', account)
end

-- reader -> Unix milliseconds at which they read last, of those for whom a home is kept ready
local function last_reads(shard)
    return NAMESPACE .. ':{' .. shard .. '}:last_reads'
end

local function newest_first(one, other)
    return one > other
end

-- Order ids, and leave each in once, at most so many.
local function ordered(ids, limit, upwards)
    if upwards then
        table.sort(ids)
    else
        table.sort(ids, newest_first)
    end
    local unique = {}
    for _, id in ipairs(ids) do
        if #unique == limit then
            break
        end
        if id ~= unique[#unique] then
            unique[#unique + 1] = id
        end
    end
    return unique
end

-- A command on a key with any number of arguments.
local function call_with_all(command, key, arguments)
    for first = 1, #arguments, AT_ONCE do
        local last = math.min(first + AT_ONCE - 1, #arguments)
        redis.call(command, key, unpack(arguments, first, last))
    end
end

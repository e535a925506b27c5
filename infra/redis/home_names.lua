-- What all scripts of home timelines begin with: their keys, and ids in order.
--
-- KEYS[1] is the namespace, or on a cluster the hash tag of one of its cells, and ARGV[1] the depth.
-- Names of keys are made here only. What is kept for a reader carries the reader's shard: scripts
-- that push to many can stop between two shards.
-- Ids do not fit into Lua's numbers, so they are compared as text. Those of items and posts are 19
-- digits, and where the first would be 0, '-1' stands for it: sorted as text they are sorted by id,
-- and each is how a 64-bit integer is written, as which Redis keeps it in lists and sets (9 bytes,
-- not 21). Those of accounts have no leading zeros, for the same reason.

local NAMESPACE = KEYS[1]
local DEPTH = tonumber(ARGV[1])
local LOWEST, HIGHEST = '-1' .. string.rep('0', 18), '9223372036854775807'
local SHARDS = 16
-- Redis compares Lua's text by the order of its environment's language, old ones of which skip '-'.
assert('-12' < '11', 'Redis must be started with LC_COLLATE=C')
-- Lua's stack bounds how many arguments a command may be given at once.
local AT_ONCE = 1000

-- item -> 'actor', or of a repost 'actor post author'
local ITEMS = NAMESPACE .. ':items'
-- tombstones
local DROPPED, CLOSED = NAMESPACE .. ':dropped', NAMESPACE .. ':closed'
-- author -> the newest item that is pulled; how often an author was added here
local PULLED, PULLED_EPOCH = NAMESPACE .. ':pulled', NAMESPACE .. ':pulled_epoch'

-- item -> 'actor shard cursor': how far it is pushed, of those that are pushed in slices
local OPEN = NAMESPACE .. ':open_pushes'
-- partition -> the epoch with which it was claimed last
local CLAIMS = NAMESPACE .. ':claims'

-- What an account posted and reposted: a sorted set of item ids, all with score 0.
local function timeline(account)
    return NAMESPACE .. ':timeline:' .. account
end

-- post -> 'version' if the account does not repost it, 'version item' if it does
local function reposts(account)
    return NAMESPACE .. ':reposts:' .. account
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

-- Ids in order and each once, the first `limit` of them: from the newest, or `upwards`. Reorders
-- `ids`.
local function ordered(ids, limit, upwards)
    -- Redis compares faster than a function of ours.
    table.sort(ids)
    local unique = {}
    local first, last, step = #ids, 1, -1
    if upwards then
        first, last, step = 1, #ids, 1
    end
    for place = first, last, step do
        if #unique == limit then
            break
        end
        if ids[place] ~= unique[#unique] then
            unique[#unique + 1] = ids[place]
        end
    end
    return unique
end

-- A command on a key with all arguments from a place on.
local function call_with_all(command, key, arguments, from)
    for first = from or 1, #arguments, AT_ONCE do
        local last = math.min(first + AT_ONCE - 1, #arguments)
        redis.call(command, key, unpack(arguments, first, last))
    end
end

-- What a command on a key says of each argument.
local function ask_with_all(command, key, arguments)
    if #arguments <= AT_ONCE then
        return redis.call(command, key, unpack(arguments))
    end
    local answers = {}
    for first = 1, #arguments, AT_ONCE do
        local last = math.min(first + AT_ONCE - 1, #arguments)
        for _, answer in ipairs(redis.call(command, key, unpack(arguments, first, last))) do
            answers[#answers + 1] = answer
        end
    end
    return answers
end

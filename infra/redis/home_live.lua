-- Which items live: neither they, their posts nor any account of theirs is gone.

local function is_gone(post, ...)
    if redis.call('SISMEMBER', DROPPED, post) == 1 then
        return true
    end
    for _, account in ipairs({...}) do
        if redis.call('SISMEMBER', CLOSED, account) == 1 then
            return true
        end
    end
    return false
end

local function add(actor, item, value)
    redis.call('HSET', ITEMS, item, value)
    redis.call('ZADD', timeline(actor), 0, item)
end

local function remove(actor, item)
    redis.call('HDEL', ITEMS, item)
    redis.call('ZREM', timeline(actor), item)
end

-- Whether one version is higher than another; both are decimal numbers without leading zeros.
local function is_newer(version, other)
    if #version ~= #other then
        return #version > #other
    end
    return version > other
end

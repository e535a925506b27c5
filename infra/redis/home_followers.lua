-- How many of the cell follow an account, and in which shards there are any.
local function count_followers(actor)
    local total, shards = 0, {}
    for shard = 0, SHARDS - 1 do
        local count = redis.call('SCARD', followers(shard, actor))
        if count > 0 then
            total, shards[#shards + 1] = total + count, shard
        end
    end
    return total, shards
end

-- ARGV: depth, how many, accounts, whose timelines are among the KEYS. The newest items of each, the
-- newest first: how many ids there are, item, value, item, value ...

local answer, number = {}, tonumber(ARGV[2])
for place = 3, #ARGV do
    local ids = redis.call('ZREVRANGE', timeline(ARGV[place]), 0, number - 1)
    local head = {#ids}
    for at, value in ipairs(#ids > 0 and redis.call('HMGET', ITEMS, unpack(ids)) or {}) do
        if value then
            head[#head + 1] = ids[at]
            head[#head + 1] = value
        end
    end
    answer[#answer + 1] = head
end
return answer

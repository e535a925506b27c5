-- ARGV: depth, then partition, position and epoch of each. A position never goes back, and none
-- moves where a partition has been claimed with a higher epoch.
-- How many pushes are open; then the partitions that were so claimed.

local checkpoint = NAMESPACE .. ':checkpoint'
local told = {redis.call('HLEN', OPEN)}
for place = 2, #ARGV, 3 do
    local claimed = redis.call('HGET', CLAIMS, ARGV[place])
    if claimed and tonumber(claimed) > tonumber(ARGV[place + 2]) then
        told[#told + 1] = tonumber(ARGV[place])
    end
end
if #told > 1 then
    return told
end
for place = 2, #ARGV, 3 do
    local partition, position = ARGV[place], ARGV[place + 1]
    if tonumber(position) > tonumber(redis.call('HGET', checkpoint, partition) or -1) then
        redis.call('HSET', checkpoint, partition, position)
    end
end
return told

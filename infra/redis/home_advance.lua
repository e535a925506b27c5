-- ARGV: depth, then partition, position of each. A position never goes back.
-- How many pushes are open.

local checkpoint = NAMESPACE .. ':checkpoint'
for place = 2, #ARGV, 2 do
    local partition, position = ARGV[place], ARGV[place + 1]
    if tonumber(position) > tonumber(redis.call('HGET', checkpoint, partition) or -1) then
        redis.call('HSET', checkpoint, partition, position)
    end
end
return redis.call('HLEN', OPEN)

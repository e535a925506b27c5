-- ARGV: depth, then partitions. The epochs with which they are claimed from now on.

local epochs = {}
for place = 2, #ARGV do
    epochs[place - 1] = redis.call('HINCRBY', CLAIMS, ARGV[place], 1)
end
return epochs

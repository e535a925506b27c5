-- ARGV: depth, shard, then actor, item of each, by item. Pushes to all followers in the shard.

local posted = {}
for place = 3, #ARGV, 2 do
    posted[#posted + 1] = {actor = ARGV[place], item = ARGV[place + 1]}
end
push_to_followers(ARGV[2], posted)

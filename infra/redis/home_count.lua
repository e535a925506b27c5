-- ARGV: depth, then accounts. How many of the cell follow each.

local counts = {}
for place = 2, #ARGV do
    counts[place - 1] = count_followers(ARGV[place])
end
return counts

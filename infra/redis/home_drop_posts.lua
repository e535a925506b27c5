-- ARGV: depth, then author, post of each. Reposts are forgotten when a reader meets them.

for place = 2, #ARGV, 2 do
    local author, post = ARGV[place], ARGV[place + 1]
    redis.call('SADD', DROPPED, post)
    remove(author, post)
end

-- ARGV: depth, then author, post of each.

for place = 2, #ARGV, 2 do
    local author, post = ARGV[place], ARGV[place + 1]
    if not is_gone(post, author) then
        add(author, post, author)
    end
end

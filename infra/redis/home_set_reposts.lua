-- ARGV: depth, then account, post, its author, item, '1' or '0', version of each.

for place = 2, #ARGV, 6 do
    local account, post, author, item, on, version = unpack(ARGV, place, place + 5)
    local registers = reposts(account)
    local old = redis.call('HGET', registers, post) or ''
    local old_version, old_item = string.match(old, '^(%d*) ?(%-?%d*)$')
    if is_newer(version, old_version) and redis.call('SISMEMBER', CLOSED, account) == 0 then
        if old_item ~= '' then
            remove(account, old_item)
        end
        if on == '1' then
            redis.call('HSET', registers, post, version .. ' ' .. item)
            if not is_gone(post, account, author) then
                add(account, item, account .. ' ' .. post .. ' ' .. author)
            end
        else
            redis.call('HSET', registers, post, version)
        end
    end
end

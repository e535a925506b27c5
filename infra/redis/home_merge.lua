-- The pull side: the items of many accounts, merged by id.

-- The first `limit` ids, newest first or `upwards`, of `sources`: a list of {key, above, below},
-- bounds exclusive. Each source is asked for a few ids; then those that may have more among the
-- first `limit` are asked for twice as many, and so on. So it costs a look-up for each source and
-- little more, however much each of them posted.
local function merged(sources, limit, upwards)
    local ids, open = {}, sources
    -- A little more than each has among the first if all post alike.
    local few = 1 + math.floor(1.25 * limit / math.max(1, #sources))
    while #open > 0 do
        local full = {}
        for _, source in ipairs(open) do
            local got
            if upwards then
                got = redis.call('ZRANGEBYLEX', source.key,
                    '(' .. source.above, '(' .. source.below, 'LIMIT', 0, few)
                source.above = got[#got]
            else
                got = redis.call('ZREVRANGEBYLEX', source.key,
                    '(' .. source.below, '(' .. source.above, 'LIMIT', 0, few)
                source.below = got[#got]
            end
            for _, id in ipairs(got) do
                ids[#ids + 1] = id
            end
            if #got == few then
                full[#full + 1] = source
            end
        end
        ids = ordered(ids, limit, upwards)
        local last = #ids == limit and ids[limit]
        open = {}
        for _, source in ipairs(full) do
            if not last or (upwards and source.above < last)
                or (not upwards and source.below > last) then
                open[#open + 1] = source
            end
        end
        few = few * 2
    end
    return ids
end

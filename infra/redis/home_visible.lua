-- ARGV: depth, shard, reader, ids. Those that the reader may see, as item, value, item, value ...

local answer, ids = {}, {unpack(ARGV, 4)}
show(answer, ARGV[2], ARGV[3], ids, #ids)
return answer

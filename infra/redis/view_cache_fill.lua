-- Keep what was read with leases, where they stand. KEYS: the life; of each namespace its epoch,
-- then its entries. ARGV: for how long (ms), how many namespaces there are, how many entries each
-- has; of each entry the stamp and the token that its lease came with, and the value.
local found = redis.call('MGET', unpack(KEYS))
local life, spaces = found[1] or '', tonumber(ARGV[2])
local at, given = 1, 2 + spaces
for space = 1, spaces do
  at = at + 1
  local epoch = found[at]
  local stamp = epoch and string.byte(epoch) == 69 and 'V' .. life .. string.sub(epoch, 2)
  for _ = 1, tonumber(ARGV[2 + space]) do
    at = at + 1
    if ARGV[given + 1] == stamp and found[at] == 'L' .. ARGV[given + 2] then
      redis.call('SET', KEYS[at], stamp .. ARGV[given + 3], 'PX', ARGV[1])
    end
    given = given + 3
  end
end

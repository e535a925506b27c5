-- Bar keys, or go on barring them. KEYS: the keys. ARGV: the writer's token, for how long (ms).
local now = now_ms()
local mine = ARGV[1] .. string.format('%013.0f', now + ARGV[2])
for place, held in ipairs(redis.call('MGET', unpack(KEYS))) do
  local others = is_bar(held) and standing(held, now, ARGV[1]) or ''
  redis.call('SET', KEYS[place], 'B' .. others .. mine, 'PX', ARGV[2])
end

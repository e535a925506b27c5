-- Bar keys no more. KEYS: the keys. ARGV: the writer's token. What is there instead of a bar came
-- after the bar had run out, and goes.
local now = now_ms()
for place, held in ipairs(redis.call('MGET', unpack(KEYS))) do
  local others = is_bar(held) and standing(held, now, ARGV[1]) or ''
  if others ~= '' then
    redis.call('SET', KEYS[place], 'B' .. others, 'KEEPTTL')
  elseif held then
    redis.call('UNLINK', KEYS[place])
  end
end

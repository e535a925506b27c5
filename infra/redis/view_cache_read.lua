-- What is cached. KEYS: the life; of each namespace its epoch, then its entries. ARGV: a new token,
-- for how long leases are given (ms; 0: none are), how many entries each namespace has.
-- Answers, of each namespace its stamp, empty while it is barred; then of each of its entries the
-- value, or 1 with a lease, or 0 without.
local found = redis.call('MGET', unpack(KEYS))
local token, lease_ms = ARGV[1], tonumber(ARGV[2])
local life = found[1]
if not life then
  life = token
  redis.call('SET', KEYS[1], life)
end
local answers, at = {}, 1
for space = 3, #ARGV do
  at = at + 1
  local epoch = found[at]
  if not epoch then
    epoch = 'E' .. token
    redis.call('SET', KEYS[at], epoch)
  end
  local barred = string.byte(epoch) == 66
  local stamp = barred and '' or 'V' .. life .. string.sub(epoch, 2)
  answers[#answers + 1] = stamp
  for _ = 1, tonumber(ARGV[space]) do
    at = at + 1
    local held = found[at]
    local kind = held and string.byte(held)
    local answer = 0
    if not barred then
      if kind == 86 and string.sub(held, 1, #stamp) == stamp then
        answer = string.sub(held, #stamp + 1)
      elseif lease_ms > 0 and kind ~= 66 and kind ~= 76 then
        redis.call('SET', KEYS[at], 'L' .. token, 'PX', lease_ms)
        answer = 1
      end
    end
    answers[#answers + 1] = answer
  end
end
return answers
